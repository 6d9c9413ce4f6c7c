// One answer: it grows as text, then the server's rendering takes its place, with sources and actions.
import { copyText } from "../lib/clipboard.js";
import { $$, append, button, el, fill, icon, serverHtml } from "../lib/dom.js";
import { count, duration, leftOut, nextStep, number, place } from "../lib/format.js";
import { Markers } from "../lib/markers.js";
import { branchSwitch } from "./branches.js";
import { markGeneral, markUnsupported } from "./verdicts.js";

/** A source's card; `onOpen` gets the source. */
function sourceCard(source, onOpen) {
  const verdict = source.supported === true ? el("em", { text: "supported" }) : source.supported === false ? el("em", { class: "no", text: "not supported" }) : source.likely ? el("em", { text: "likely" }) : null;
  const fate = source.document_deleted ? "deleted since" : source.document_replaced ? "replaced since" : "";
  const where = [fate, place(source), source.section].filter(Boolean).join(" · ");
  const score = `similarity ${Number(source.similarity_score ?? 0).toFixed(2)}`;
  const line = el("span", {}, verdict, verdict ? " · " : "", score);
  return el(
    "button",
    { type: "button", class: fate ? "card gone" : "card", data: { marker: source.marker }, "data-testid": "source-card", on: { click: () => onOpen(source) } },
    el("b", { text: `${source.marker} · ${source.document_name}`, title: source.document_name }),
    el("span", { text: where || "passage" }),
    line,
  );
}

/** The documents that an answer could not be given from yet: "a.pdf, b.csv and 3 more". */
function listed({ count: all, names }) {
  const more = all - names.length;
  return names.join(", ") + (more > 0 ? ` and ${number(more)} more` : "");
}

export class Answer {
  /**
   * @param {object} on what the reader may do: `cite(source, answer)`, `regenerate(answer)`, `goOn(answer)`,
   *   `choose(id, step)`, `feedback(answer, rating)`, `why(id, answer)`, `retry(answer)`
   */
  constructor(on) {
    this.on = on;
    this.id = null;
    this.text = "";
    this.markers = new Markers();
    this.sources = [];
    this.rating = null;
    this.siblings = null;
    this.body = el("div", { class: "prose", "data-testid": "answer-text" });
    this.waiting = el("p", { class: "waiting", text: "Looking for passages" });
    this.below = el("div");
    this.searched = el("p", { class: "searched", hidden: true, "data-testid": "searched-for" });
    this.node = el("article", { class: "a streaming", "aria-label": "Answer", "data-testid": "answer" }, this.searched, this.waiting, this.body, this.below);
    this.body.addEventListener("click", (event) => {
      const cite = event.target.closest(".cite");
      if (cite) this.openMarker(Number(cite.dataset.marker), cite);
    });
  }

  openMarker(marker, opener = null) {
    const source = this.sources.find((one) => one.marker === marker);
    if (source) this.on.cite(source, this, opener);
  }

  /** A follow-up was searched for in other words than it was asked in. */
  searchedFor(text) {
    this.searched.hidden = !text;
    this.searched.textContent = text ? `Searched for: ${text.replaceAll("\n", " · ")}` : "";
  }

  found({ sources, searched_for: text }) {
    this.sources = sources;
    this.searchedFor(text);
    const documents = new Set(sources.map((source) => source.document_id)).size;
    this.waiting.textContent = sources.length ? `Reading ${count(sources.length, "passage")} from ${count(documents, "document")}` : "No passage fits this question well";
  }

  /** Text is announced as it arrives: the region only ever grows until the end. */
  start() {
    this.body.setAttribute("aria-live", "polite");
    this.body.setAttribute("aria-atomic", "false");
  }

  /** A reasoning model thinks before its first word, or has thought aloud. Read aloud once; the seconds are for the eye. */
  state({ state, seconds, reset = false }) {
    if (reset) this.clear();
    if (state !== "thinking" || this.text) return;
    this.waiting.setAttribute("role", "status");
    fill(this.waiting, "The language model is thinking", seconds >= 5 ? el("span", { class: "num", "aria-hidden": "true", text: `for ${duration(seconds)}` }) : null);
  }

  /** Append text as text. Paragraphs at blank lines, markers as buttons, nothing is parsed as markup. */
  append(text) {
    this.waiting.hidden = true;
    this.text += text;
    for (const piece of this.markers.read(text)) {
      const [first, ...rest] = typeof piece === "number" ? [this.citeButton(piece)] : piece.split(/\n{2,}/);
      if (!this.open) this.openParagraph();
      append(this.open, first);
      for (const paragraph of rest) {
        this.openParagraph();
        append(this.open, paragraph);
      }
    }
  }

  /** What was shown so far is no part of the answer. */
  clear() {
    this.text = "";
    this.markers = new Markers();
    this.open = null;
    this.body.replaceChildren();
    this.waiting.hidden = false;
  }

  openParagraph() {
    this.open = el("p");
    this.body.append(this.open);
  }

  citeButton(marker) {
    return el("button", { type: "button", class: "cite", data: { marker }, text: String(marker), "aria-label": `Source ${marker}` });
  }

  /** The finished answer, as stored. */
  finish({ html, content, sources, finish_reason: reason, error = null, siblings = this.siblings, ...facts }) {
    this.siblings = siblings;
    this.node.classList.remove("streaming");
    this.waiting.hidden = true;
    this.body.removeAttribute("aria-live");
    this.text = content ?? this.text;
    if (html !== undefined) serverHtml(this.body, html);
    this.sources = sources?.length ? sources : [];
    this.markCites();
    this.failure ??= error;
    if (facts.searched_for !== undefined) this.searchedFor(facts.searched_for);
    const sentences = facts.sentences ?? [];
    const unsupported = html ? markUnsupported(this.body, this.text, sentences, (cite) => this.doubtCite(cite)) : 0;
    if (!sentences.length) this.doubtSources();
    const general = html && !facts.general_knowledge ? markGeneral(this.body, this.text, facts.general_parts ?? []) : 0;
    fill(this.below, this.notes(reason, facts, { unsupported, general }), this.failureBox(), facts.can_continue ? this.continueButton() : null, this.sourceCards(), this.actions());
  }

  markCites() {
    for (const cite of $$(".cite", this.body)) {
      const source = this.sources.find((one) => one.marker === Number(cite.dataset.marker));
      const place_ = source ? `${source.document_name}, ${place(source)}` : "";
      cite.setAttribute("aria-label", `Source ${cite.dataset.marker}${place_ ? `: ${place_}` : ""}`);
      cite.disabled = !source; // an answer that was interrupted has kept its words alone
      if (source) cite.title = place_;
    }
  }

  /** An older answer, whose sentences were not kept one by one: all citations of a doubted source. */
  doubtSources() {
    const weak = this.sources.filter((source) => source.supported === false).map((source) => source.marker);
    for (const cite of $$(".cite", this.body)) if (weak.includes(Number(cite.dataset.marker))) this.doubtCite(cite);
  }

  /** This citation does not carry the sentence that it stands in. */
  doubtCite(cite) {
    cite.classList.add("unsupported");
    cite.setAttribute("aria-label", `${cite.getAttribute("aria-label")}, not supported by the passage`);
    cite.title = `${cite.title}: the sentence is not supported by this passage`;
  }

  notes(reason, { uncited, general_knowledge: known, not_ready: notReady, trimmed }, { unsupported, general }) {
    const notes = [];
    const weak = this.sources.filter((source) => source.supported === false).map((source) => source.marker);
    if (unsupported) notes.push(el("p", { class: "note", "data-testid": "unsupported" }, el("span", { class: "unsupported-text", text: "Underlined" }), " sentences are not supported by the passage that they cite; “?” behind them tells why. Check them before you rely on them."));
    else if (weak.length) notes.push(el("p", { class: "note" }, icon("warn"), ` What cites ${weak.map((n) => `[${n}]`).join(", ")} is not fully supported by the passage. Check it before you rely on it.`));
    if (known) notes.push(el("p", { class: "note", "data-testid": "general-knowledge" }, icon("warn"), " General knowledge: nothing in this answer comes from the documents. Check it before you rely on it."));
    else if (general) notes.push(el("p", { class: "note", "data-testid": "general-parts" }, el("span", { class: "general-text", text: "Dotted" }), " sentences are general knowledge: no passage of the documents holds them."));
    if (uncited && !known) notes.push(el("p", { class: "note", "data-testid": "uncited" }, icon("warn"), " This answer cites nothing, and no passage was found that backs it. Do not rely on it unchecked."));
    if (notReady?.count) notes.push(el("p", { class: "note plain", "data-testid": "not-ready" }, icon("clip"), ` Not in this answer, because still being read: ${listed(notReady)}. Ask again when that is done.`));
    if (reason === "stopped") notes.push(el("p", { class: "note plain", text: "You stopped this answer." }));
    const cut = leftOut(trimmed);
    if (cut) notes.push(el("p", { class: "note plain", "data-testid": "trimmed", text: `Too much for the language model to read at once; left out: ${cut}.` }));
    if (reason === "length") notes.push(el("p", { class: "note", text: "The answer reached its length limit and ends here." }));
    return notes;
  }

  failureBox() {
    if (!this.failure) return null;
    const { message, details, next_step: step = details?.next_step, retryable } = this.failure;
    const again = retryable === false ? null : button("Try again", () => this.on.retry(this), { class: "btn quiet small", iconName: "redo", "data-idle": true });
    return el("div", { class: "notice bad failure", role: "alert", "data-testid": "answer-error" }, icon("warn"), el("div", {}, el("p", {}, el("strong", { text: message }), nextStep(message, step)), again && el("p", {}, again)));
  }

  /** The cited sources; of an answer that cites nothing all passages that it was given, the likely ones marked. */
  sourceCards() {
    if (!this.sources.length) return null;
    const cards = el("div", { class: "cards" }, this.sources.map((source) => sourceCard(source, () => this.openMarker(source.marker))));
    if (this.sources.some((source) => source.cited !== false)) return el("section", { class: "sources", "aria-label": "Sources" }, el("h3", { text: "Sources" }), cards);
    const likely = this.sources.some((source) => source.likely);
    const title = `Nothing is cited; ${this.sources.length === 1 ? "this passage was" : `these ${this.sources.length} passages were`} given to the answer${likely ? ", the likely sources are marked" : ""}`;
    return el("details", { class: "sources", open: likely, "data-testid": "given-passages" }, el("summary", { text: title }), cards);
  }

  continueButton() {
    return el("p", { class: "go-on" }, button("Continue", () => this.on.goOn(this), { class: "btn quiet small", iconName: "right", "aria-label": "Continue this answer", "data-idle": true }));
  }

  actions() {
    if (!this.id) return null;
    const rate = (rating) => button(rating === "up" ? "Helpful" : "Not helpful", () => this.on.feedback(this, rating), { iconName: rating, "aria-pressed": String(this.rating === rating), "data-rating": rating });
    return el(
      "div",
      { class: "answer-acts" },
      branchSwitch(this.siblings, "answer", this.on.choose),
      this.text ? button("Copy", () => this.copy(), { iconName: "copy" }) : null,
      button("Regenerate", () => this.on.regenerate(this), { iconName: "redo", "data-idle": true }),
      button("Why this answer", () => this.on.why(this.id, this), { iconName: "why" }),
      this.text ? [rate("up"), rate("down")] : null,
    );
  }

  rated(rating) {
    this.rating = rating;
    $$("[data-rating]", this.below).forEach((node) => node.setAttribute("aria-pressed", String(node.dataset.rating === rating)));
  }

  async copy() {
    const notes = this.sources.filter((source) => source.cited !== false || source.likely).map((source) => `[${source.marker}] ${source.document_name}, ${place(source)}`);
    await copyText([this.text, notes.join("\n")].filter(Boolean).join("\n\n"));
    this.on.copied();
  }

  /** Show which source is open beside the conversation. */
  highlight(marker) {
    $$(".cite, .card", this.node).forEach((node) => {
      if (Number(node.dataset.marker) === marker) node.setAttribute("aria-current", "true");
      else node.removeAttribute("aria-current");
    });
  }
}
