// One document as a table row: name, state in words, progress, what can be done.
import { button, el, fill } from "../lib/dom.js";
import { bytes, count, number, when } from "../lib/format.js";

export const UNFINISHED = new Set(["uploading", "queued", "processing"]);
const KINDS = { "application/pdf": "PDF", "text/csv": "CSV", "text/plain": "text", "text/markdown": "Markdown" };
const STAGES = { waiting: "waiting for a worker", splitting: "reading its structure", embedding: "reading and embedding" };

function describe(document_) {
  const size = document_.page_count ? count(document_.page_count, "page") : document_.row_count ? count(document_.row_count, "row") : "";
  const by = document_.uploaded_by ? `by ${document_.uploaded_by.full_name || document_.uploaded_by.email}` : "";
  const version = document_.version > 1 ? `version ${document_.version}` : "";
  return [KINDS[document_.media_type], size, version, by, when(document_.created_at)].filter(Boolean).join(" · ");
}

function progressBar(document_) {
  const { percent = 0, parts_done: done = 0, parts_total: total = 0 } = document_.progress;
  const fill_ = el("i");
  fill_.style.width = `${percent}%`;
  const bar = el("div", { class: total ? "bar" : "bar busy", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": total ? percent : null, "aria-label": `Progress of ${document_.name}` }, fill_);
  if (!total) fill_.removeAttribute("style");
  const words = total ? `part ${number(done)} of ${number(total)} · ${percent} %` : (STAGES[document_.stage] ?? "");
  return [bar, el("small", { text: words })];
}

function stateCell(document_) {
  const { status, warnings = [], error } = document_;
  if (status === "processing") return [el("span", { class: "state run", text: "processing" }), progressBar(document_)];
  if (UNFINISHED.has(status)) return [el("span", { class: "state", text: status }), el("small", { text: status === "queued" ? "waiting for a worker" : "" })];
  if (status === "failed") return [el("span", { class: "state bad", text: "failed" }), el("small", { text: [error?.message, error?.next_step].filter(Boolean).join(" ") })];
  if (status === "cancelled") return [el("span", { class: "state", text: "cancelled" }), el("small", { text: "Reprocess it to start again." })];
  if (!warnings.length) return [el("span", { class: "state ok", text: "completed" })];
  const list = el("details", {}, el("summary", { text: "What is not right" }), el("ul", {}, warnings.map((warning) => el("li", { text: warning.message ?? String(warning) }))));
  return [el("span", { class: "state warn", text: `completed, ${count(warnings.length, "warning")}` }), list];
}

/**
 * @param {HTMLTableRowElement} row filled anew
 * @param {object} document_ the contract's document
 * @param {{manages: boolean, cancel: Function, reprocess: Function, remove: Function}} on
 */
export function fillRow(row, document_, on) {
  const wasOpen = row.querySelector("details")?.open;
  const done = document_.status === "completed";
  const page = `/documents/${document_.id}/`;
  const actions = [];
  if (done) actions.push(el("a", { class: "word", href: page, text: "Passages" }));
  if (on.manages) {
    if (UNFINISHED.has(document_.status)) actions.push(button("Cancel", () => on.cancel(document_), { "aria-label": `Cancel ${document_.name}` }));
    else actions.push(button("Reprocess", () => on.reprocess(document_), { "aria-label": `Reprocess ${document_.name}` }));
    actions.push(button("Delete", () => on.remove(document_), { class: "word danger", "aria-label": `Delete ${document_.name}` }));
  }
  row.dataset.status = document_.status;
  const title = document_.title && document_.title !== document_.name ? el("small", { text: document_.title }) : null;
  fill(
    row,
    el("td", {}, done ? el("a", { class: "doc", href: page, text: document_.name }) : el("span", { class: "doc", text: document_.name }), title, el("small", { text: describe(document_) })),
    el("td", { class: "status", "data-testid": "document-state" }, stateCell(document_)),
    el("td", { class: "num", "data-label": "Passages", text: number(document_.progress?.chunks) }),
    el("td", { class: "num", "data-label": "Size", text: bytes(document_.size) }),
    el("td", { class: "acts" }, actions),
  );
  if (wasOpen && row.querySelector("details")) row.querySelector("details").open = true;
}
