// What retrieval considered: one row per candidate, the settings, and the time of each step.
import { el } from "../lib/dom.js";
import { number, place } from "../lib/format.js";

const CUTS = {
  below_threshold: "not similar enough",
  document_share: "made room for another document",
  page_share: "made room for another page",
  beyond_top_k: "more passages than wanted",
  did_not_fit: "did not fit into the prompt",
  computed_instead: "the answer was computed instead",
};
const STEPS = {
  embed: "question to vector",
  scope: "what may be searched",
  dense: "by meaning",
  terms: "words of the question",
  lexical: "by words",
  titles: "titles",
  rows: "reading candidates",
  texts: "reading passages",
  condense: "follow-up made complete",
  search: "search, all of it",
  table: "computing from a table",
  first_token: "until the first word",
  write: "writing",
  check: "checking citations",
  total: "all of it",
};
const SHOWN = 12;

/** A reason as words, also one that is new to this page. */
export const cutText = (cut) => (cut ? (CUTS[cut] ?? String(cut).replaceAll("_", " ")) : "used");

/** `name value` pairs; empty values are left out. */
export function facts(rows) {
  return el("dl", {}, rows.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => [el("dt", { text: name }), el("dd", {}, value)]));
}

/** Milliseconds per step as bars, the longest full. */
export function steps(title, ms) {
  const order = Object.keys(STEPS);
  const place_ = (step) => (order.includes(step) ? order.indexOf(step) : order.length);
  const rows = Object.entries(ms ?? {}).sort(([one], [other]) => place_(one) - place_(other));
  if (!rows.length) return null;
  const most = Math.max(...rows.map(([, value]) => value), 1);
  const row = ([step, value]) =>
    el("tr", {}, el("th", { scope: "row", text: STEPS[step] ?? step.replaceAll("_", " ") }), el("td", {}, el("progress", { max: most.toFixed(2), value, "aria-hidden": "true" })), el("td", { class: "num", text: `${value < 10 ? value.toFixed(1) : number(Math.round(value))} ms` }));
  return el("table", { class: "steps" }, el("caption", { text: title }), el("tbody", {}, rows.map(row)));
}

/** The candidates of a trace, best first; all of them on demand. */
export function candidates(trace) {
  const list = Array.isArray(trace.candidates) ? trace.candidates : [];
  if (!list.length) return null;
  const byWords = trace.understood === false; // by the embedding model: words stand for similarity
  const cell = (value, digits = null) => el("td", { class: "num", text: value === null || value === undefined ? "–" : digits === null ? String(value) : Number(value).toFixed(digits) });
  const row = (one) => {
    const name = one.document_name ?? `passage ${one.chunk_id}`;
    const where = [place(one), one.section].filter(Boolean).join(" · ");
    const fate = el("td", { class: one.cut ? "cut" : "kept", text: byWords && one.cut === "below_threshold" ? "too few of its words" : cutText(one.cut) });
    return el("tr", { class: one.cut ? "cut" : null, "data-testid": "candidate" }, el("td", {}, name, where ? el("small", { text: where }) : null), fate, cell(byWords ? one.near : (one.similarity_score ?? one.similarity), 2), cell(one.dense_rank), cell(one.lexical_rank), cell(one.lexical_score, 2), cell(one.title_boost || null, 3), cell(one.document_boost || null, 3), cell(one.score, 4));
  };
  const heads = ["Candidate", "Verdict", byWords ? "Likeness of words" : "Similarity", "By meaning", "By words", "Score of words", "Title", "Document", "Score"];
  const body = el("tbody", {}, list.slice(0, SHOWN).map(row));
  const head = el("thead", {}, el("tr", {}, heads.map((text, at) => el("th", { scope: "col", class: at > 1 ? "num" : null, text }))));
  const all = list.length > SHOWN ? el("button", { type: "button", class: "word small", text: `Show all ${list.length} candidates`, on: { click: (event) => (body.append(...list.slice(SHOWN).map(row)), event.currentTarget.remove()) } }) : null;
  return el("div", { class: "candidates" }, el("div", { class: "table-wrap", tabindex: "0", role: "region", "aria-label": "Candidates" }, el("table", { class: "list" }, head, body)), all);
}

/** What the search was done with. */
export function settings(trace) {
  const methods = { exact: "every passage compared", hnsw: "by the index", "hnsw+exact": "by the index, then exactly" };
  return [
    ["Searched", trace.documents === undefined ? null : `${number(trace.documents)} documents, ${number(trace.chunks)} passages`],
    ["Least similarity", trace.understood === false ? `${trace.threshold}, of words: the embedding model does not know the language` : trace.threshold],
    ["Passages wanted", trace.top_k],
    ["By meaning", trace.dense_method ? (methods[trace.dense_method] ?? trace.dense_method) : null],
    ["Words", words(trace)],
  ];
}

function words({ terms, rare_terms: rare = [] }) {
  const list = Object.entries(terms ?? {});
  if (!list.length) return null;
  return list.map(([word, held]) => `${word} (in ${number(Math.round(held))}${rare.includes(word) ? ", rare" : ""})`).join(", ");
}
