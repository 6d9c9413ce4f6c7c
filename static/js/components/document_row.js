// One document as a table row: name, state in words, progress, what can be done.
import { button, el, refill } from "../lib/dom.js";
import { bytes, count, nextStep, number, when } from "../lib/format.js";
import { remedy, servingWords, StateLine, UNFINISHED, warningsOf } from "./progress.js";

const KINDS = { "application/pdf": "PDF", "text/csv": "CSV", "text/plain": "text", "text/markdown": "Markdown" };

function describe(document_) {
  const size = document_.page_count ? count(document_.page_count, "page") : document_.row_count ? count(document_.row_count, "row") : "";
  const by = document_.uploaded_by ? `by ${document_.uploaded_by.full_name || document_.uploaded_by.email}` : "";
  const version = document_.version > 1 ? `version ${document_.version}` : "";
  return [KINDS[document_.media_type], size, version, by, when(document_.created_at)].filter(Boolean).join(" · ");
}

function nameCell(document_) {
  const title = document_.title && document_.title !== document_.name ? el("small", {}, el("bdi", { text: document_.title })) : null;
  return [el("a", { class: "doc", href: `/documents/${document_.id}/`, dir: "auto", text: document_.name }), title, el("small", { text: describe(document_) })];
}

/** What stands under the state: why it failed and what to do about it, what answers meanwhile, what is not right. */
function remarks(document_, manages) {
  const { status, error } = document_;
  const said = [];
  if (status === "failed") said.push(el("small", { class: "reason" }, el("b", { text: error?.message ?? "It could not be read." }), error && manages ? nextStep(error.message, error.next_step) : ""));
  if (status === "cancelled" && manages) said.push(el("small", { class: "reason", text: remedy(document_) === "reprocess" ? "Reprocess it to start again." : "Its file was not kept: replace it to start again." }));
  const serving = servingWords(document_);
  if (serving) said.push(el("small", { "data-testid": "serving", text: serving }));
  const [first, ...more] = status === "completed" ? warningsOf(document_) : [];
  if (first) said.push(el("small", { class: "reason", text: first }));
  if (more.length) said.push(el("details", {}, el("summary", { text: `${number(more.length)} more` }), el("ul", {}, more.map((text) => el("li", { text })))));
  return said;
}

function actions(document_, on) {
  const advised = remedy(document_);
  const act = (label, name) => button(label, () => on.run(name, document_.id), { class: ["word", name === "remove" && "danger", name === advised && "advised"].filter(Boolean).join(" "), "aria-label": `${label} ${document_.name}` });
  if (UNFINISHED.has(document_.status)) return [act("Cancel", "cancel"), act("Delete", "remove")];
  return [act("Replace", "replace"), document_.has_original ? act("Reprocess", "reprocess") : null, act("Delete", "remove")];
}

export class DocumentRow {
  /** @param {{manages: boolean, run: (action: string, id: number) => void, select: (id: number, on: boolean) => void}} on */
  constructor(id, on) {
    this.on = on;
    this.shown = new Map(); // node -> what it was made from: what did not change keeps the focus and its clicks
    this.box = el("input", { type: "checkbox", on: { change: () => on.select(id, this.box.checked) } });
    this.state = new StateLine();
    this.remarks = el("div");
    this.cells = { name: el("td"), state: el("td", { class: "status", "data-testid": "document-state" }, this.state.line, this.state.words, this.remarks), passages: el("td", { class: "num", "data-label": "Passages" }), size: el("td", { class: "num", "data-label": "Size" }), acts: el("td", { class: "acts" }) };
    this.node = el("tr", { "data-testid": "document-row", "data-id": id }, on.manages ? el("td", { class: "pick" }, el("label", {}, this.box)) : null, Object.values(this.cells).filter((cell) => on.manages || cell !== this.cells.acts));
  }

  /** @param {object} document_ the contract's document @param {{workerAlive: boolean, inWork: number}} around */
  show(document_, around) {
    const { progress, created_at: _, ...rest } = document_;
    this.node.dataset.status = document_.status;
    this.box.setAttribute("aria-label", `Select ${document_.name}`);
    this.state.show(document_, around);
    this.put(this.cells.name, describe(document_) + document_.title + document_.name, () => nameCell(document_));
    this.put(this.remarks, JSON.stringify(rest), () => remarks(document_, this.on.manages));
    this.put(this.cells.passages, progress?.chunks, () => number(progress?.chunks));
    this.put(this.cells.size, document_.size, () => bytes(document_.size));
    if (this.on.manages) this.put(this.cells.acts, JSON.stringify([UNFINISHED.has(document_.status), remedy(document_), document_.has_original, document_.name]), () => actions(document_, this.on));
  }

  put(node, made, make) {
    if (this.shown.get(node) === made) return;
    this.shown.set(node, made);
    refill(node, make());
  }
}
