// One run: its settings, its measures, and every question with what was found.
import * as api from "../lib/api.js";
import { $, button, el, fill } from "../lib/dom.js";
import { isOpen, MEASURES, measureName, outcome, runName, settingName, settingValue, stateLabel, written } from "../lib/evaluation.js";
import { count, place, when } from "../lib/format.js";
import { expectation } from "./evaluation_questions.js";
import { showPager } from "./pager.js";
import { complain } from "./toast.js";

const SIZE = 25;
const POLL = 1500;
const VERDICTS = [["", "All"], ["wrong", "Wrong"], ["right", "Right"], ["error", "Not asked"]];
const SHOWN = ["top_k", "similarity_threshold", "answer_mode", "llm_provider", "embedding_model", "documents", "chunks"];

export class RunView {
  /** @param {HTMLElement} node @param {number} model @param {() => void} back */
  constructor(node, model, back) {
    Object.assign(this, { node, model, back, verdict: "", page: 1, timer: 0 });
  }

  stop() {
    clearTimeout(this.timer);
    this.id = null;
  }

  async show(id) {
    this.stop();
    Object.assign(this, { id, verdict: "", page: 1 });
    this.path = `/api/models/${this.model}/evaluation/runs/${id}`;
    this.head = el("div");
    this.rows = el("tbody", { "data-testid": "results" });
    this.table = el("table", { class: "list cards results" }, el("thead", {}, el("tr", {}, ["Question", "Expected", "Found", "Outcome"].map((text) => el("th", { text })), el("th", { class: "num", text: "Search" }))), this.rows);
    this.none = el("div", { class: "empty", hidden: true }, el("p", { text: "No question of this kind." }));
    this.pager = el("div", { class: "pager", hidden: true });
    this.pills = el("div", { class: "pills" }, VERDICTS.map(([value, label]) => button(label, () => this.choose(value), { class: "pill", "aria-pressed": String(value === ""), data: { verdict: value } })));
    fill(this.node, back(this.back), this.head, this.pills, el("div", { class: "table-wrap section" }, this.table), this.none, this.pager);
    await this.refresh();
  }

  /** Settings and measures; again and again while it runs. */
  async refresh() {
    const id = this.id;
    try {
      const run = await api.get(this.path);
      if (id !== this.id) return;
      fill(this.head, this.about(run));
      await this.load();
      if (isOpen(run) && id === this.id) this.timer = setTimeout(() => this.refresh(), POLL);
    } catch (error) {
      if (id !== this.id) return;
      if (error.status === 404) fill(this.node, back(this.back), el("div", { class: "empty" }, el("p", { text: "There is no such run; it may have been deleted." })));
      else complain(error);
    }
  }

  about(run) {
    const facts = SHOWN.map((name) => el("span", {}, `${settingName(name)} `, el("b", { text: settingValue(run.settings[name]) }), run.settings.tried.includes(name) ? el("span", { class: "tag", text: "tried" }) : null));
    const asked = isOpen(run) ? `${run.questions_done} of ${run.questions_total} asked` : count(run.questions_done, "question");
    const measures = MEASURES.filter(([key]) => run.metrics[key] !== null && run.metrics[key] !== undefined).map(([key, name, meaning]) => el("div", {}, el("dt", { text: measureName(name, run.metrics) }), el("dd", {}, el("b", { text: written(run.metrics, key) }), el("small", { text: meaning }))));
    const error = run.error ? el("div", { class: "notice bad" }, el("p", { text: `${run.error.message} ${run.error.next_step}` })) : null;
    const errors = run.metrics.errors ? el("div", { class: "notice warn" }, el("p", { text: `${count(run.metrics.errors, "question")} could not be asked and ${run.metrics.errors === 1 ? "does" : "do"} not count.` })) : null;
    const early = run.settings.in_work || !run.settings.documents ? el("div", { class: "notice warn" }, el("p", { text: run.settings.documents ? `${count(run.settings.in_work, "document")} were still being read when this run began.` : "When this run began, no document had been read yet." })) : null;
    return [
      el("h2", {}, runName(run), " ", stateLabel(run)),
      el("p", { class: "muted", text: [asked, when(run.created_at), run.created_by ? `by ${run.created_by}` : "", run.answers ? "with answers" : "without answers"].filter(Boolean).join(" · ") }),
      el("p", { class: "set" }, facts),
      error,
      early,
      errors,
      measures.length ? el("dl", { class: "measures", "data-testid": "measures" }, measures) : null,
      el("p", {}, el("a", { href: `${this.path}/export`, text: "Export the results as CSV" })),
    ];
  }

  choose(verdict) {
    this.verdict = verdict;
    for (const pill of this.pills.children) pill.setAttribute("aria-pressed", String(pill.dataset.verdict === verdict));
    this.load(1).catch(complain);
  }

  async load(page = this.page) {
    this.page = page;
    const id = this.id;
    const found = await api.get(api.query(`${this.path}/results`, { page, page_size: SIZE, verdict: this.verdict }));
    if (id !== this.id) return;
    const open = new Set([...this.rows.querySelectorAll("tr")].filter((row) => row.querySelector("details[open]")).map((row) => row.dataset.id));
    fill(this.rows, found.results.map((one) => this.row(one, open.has(String(one.id)))));
    this.table.hidden = !found.results.length;
    this.none.hidden = found.results.length > 0;
    showPager(this.pager, { page, size: SIZE, total: found.count }, (next) => this.load(next).catch(complain));
  }

  row(one, open) {
    const tryIt = `/models/${this.model}/try?question=${encodeURIComponent(one.question)}`;
    const best = one.found.find((passage) => passage.fits) ?? one.found[0];
    return el(
      "tr",
      { "data-testid": "result", data: { id: one.id } },
      el("td", {}, el("a", { class: "question", href: tryIt, title: "Try it in the retrieval preview", text: one.question })),
      el("td", { class: "expected", "data-label": "Expected" }, expectation({ places: one.expected, answerable: one.answerable })),
      el("td", { "data-label": "Found" }, best ? [el("span", { text: [best.document_name, place(best)].filter(Boolean).join(", ") }), details(one, open)] : one.done ? "nothing" : ""),
      el("td", { "data-label": "Outcome" }, verdict(one), recalled(one), cites(one)),
      el("td", { class: "num", "data-label": "Search", text: one.search_ms === null ? "" : `${Math.round(one.search_ms)} ms` }),
    );
  }
}

/** The way back to the list of runs. */
export const back = (go) => el("p", {}, el("a", { href: location.pathname, text: "All runs and questions", on: { click: (event) => (event.preventDefault(), go()) } }));

/** The verdict as a small label: right or wrong, and why. */
function verdict(one) {
  const kind = { right: "state ok", wrong: "state bad", error: "state warn" }[one.verdict] ?? "state";
  return [el("span", { class: kind, text: outcome(one) }), one.error ? el("small", { text: one.error }) : null];
}

/** With several places: how many of them are among what the chat is given. */
const recalled = (one) => (one.expected.length > 1 && one.recall !== null ? el("small", { text: `${Math.round(one.recall * one.expected.length)} of ${one.expected.length} places` }) : null);

const cites = (one) => (one.citations ? el("small", { text: `${one.supported} of ${count(one.citations, "citation")} borne out` }) : null);

function details(one, open) {
  const passages = one.found.map((passage, at) =>
    el("li", { class: passage.fits ? "fits" : null }, el("a", { class: "doc", href: `/documents/${passage.document_id}/`, text: `${at + 1} · ${passage.document_name}` }), ` ${place(passage)} · ${passage.similarity_score.toFixed(2)}${passage.fits ? " · fits" : ""}`, el("p", { text: passage.excerpt })),
  );
  const answer = one.answer ? [el("p", { class: "answer-text", text: one.answer })] : [];
  return el("details", { open }, el("summary", { text: one.answer ? "The answer and all that was found" : "All that was found" }), answer, el("ol", { class: "passages" }, passages));
}
