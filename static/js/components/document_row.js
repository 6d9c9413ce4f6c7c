// One document as a table row: name, state in words, progress, what can be done.
import { button, el, fill } from "../lib/dom.js";
import { bytes, count, number, when } from "../lib/format.js";
import { progressOf, servingWords, stateWord, UNFINISHED, waitingWords, warningsOf } from "./progress.js";

const KINDS = { "application/pdf": "PDF", "text/csv": "CSV", "text/plain": "text", "text/markdown": "Markdown" };

function describe(document_) {
  const size = document_.page_count ? count(document_.page_count, "page") : document_.row_count ? count(document_.row_count, "row") : "";
  const by = document_.uploaded_by ? `by ${document_.uploaded_by.full_name || document_.uploaded_by.email}` : "";
  const version = document_.version > 1 ? `version ${document_.version}` : "";
  return [KINDS[document_.media_type], size, version, by, when(document_.created_at)].filter(Boolean).join(" · ");
}

function nameCell(document_) {
  const title = document_.title && document_.title !== document_.name ? el("small", { text: document_.title }) : null;
  return [el("a", { class: "doc", href: `/documents/${document_.id}/`, text: document_.name }), title, el("small", { text: describe(document_) })];
}

function stateCell(document_, around) {
  const { status, error } = document_;
  const [word, look] = stateWord(document_);
  const serving = servingWords(document_);
  const below = [];
  if (status === "processing") below.push(progressOf(document_));
  else if (UNFINISHED.has(status)) below.push(el("small", { text: waitingWords(around) }));
  else if (status === "failed") below.push(el("small", { text: [error?.message, error?.next_step].filter(Boolean).join(" ") }));
  else if (status === "cancelled") below.push(el("small", { text: "Reprocess it to start again." }));
  if (document_.rebuilding && status === "completed") below.push(el("small", { text: "part of the rebuild in work" }));
  if (serving) below.push(el("small", { "data-testid": "serving", text: serving }));
  const warnings = status === "completed" ? warningsOf(document_) : [];
  if (warnings.length) below.push(el("details", {}, el("summary", { text: "What is not right" }), el("ul", {}, warnings.map((text) => el("li", { text })))));
  return [el("span", { class: `state ${look}`, text: word }), below];
}

function actions(document_, on) {
  const act = (label, name, cls = "word") => button(label, () => on.run(name, document_.id), { class: cls, "aria-label": `${label} ${document_.name}` });
  if (UNFINISHED.has(document_.status)) return [act("Cancel", "cancel"), act("Delete", "remove", "word danger")];
  return [act("Replace", "replace"), act("Reprocess", "reprocess"), act("Delete", "remove", "word danger")];
}

export class DocumentRow {
  /** @param {{manages: boolean, run: (action: string, id: number) => void, select: (id: number, on: boolean) => void}} on */
  constructor(id, on) {
    this.on = on;
    this.shown = new Map(); // cell -> what it was made from: what did not change keeps the focus and its clicks
    this.box = el("input", { type: "checkbox", on: { change: () => on.select(id, this.box.checked) } });
    this.cells = { name: el("td"), state: el("td", { class: "status", "data-testid": "document-state" }), passages: el("td", { class: "num", "data-label": "Passages" }), size: el("td", { class: "num", "data-label": "Size" }), acts: el("td", { class: "acts" }) };
    this.node = el("tr", { "data-testid": "document-row", "data-id": id }, on.manages ? el("td", { class: "pick" }, this.box) : null, Object.values(this.cells));
  }

  /** @param {object} document_ the contract's document @param {{workerAlive: boolean, othersRun: boolean}} around */
  show(document_, around) {
    const { progress, created_at: _, ...rest } = document_;
    this.node.dataset.status = document_.status;
    this.box.setAttribute("aria-label", `Select ${document_.name}`);
    this.put("name", describe(document_) + document_.title + document_.name, () => nameCell(document_));
    this.put("state", JSON.stringify([rest, document_.status === "processing" && progress, document_.status === "queued" && around]), () => stateCell(document_, around));
    this.put("passages", progress?.chunks, () => number(progress?.chunks));
    this.put("size", document_.size, () => bytes(document_.size));
    if (this.on.manages) this.put("acts", UNFINISHED.has(document_.status) + document_.name, () => actions(document_, this.on));
  }

  put(name, made, make) {
    const cell = this.cells[name];
    if (this.shown.get(cell) === made) return;
    this.shown.set(cell, made);
    fill(cell, make());
  }
}
