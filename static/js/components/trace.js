// "Why this answer": the stored retrieval trace, in words first, whole below.
import * as api from "../lib/api.js";
import { el } from "../lib/dom.js";
import { number, place } from "../lib/format.js";
import { openDialog } from "./dialog.js";

/** Open the trace of an answer. */
export async function showTrace(messageId) {
  const answer = await api.get(`/api/chat/messages/${messageId}/trace`);
  const trace = answer.trace ?? answer.data ?? answer;
  const close = el("button", { type: "button", class: "btn quiet", text: "Close" });
  const content = el("div", { class: "why" }, facts(trace), candidates(trace), el("details", {}, el("summary", { text: "Everything that was recorded" }), el("pre", { text: JSON.stringify(trace, null, 2) })), el("div", { class: "actions" }, close));
  const dialog = openDialog("Why this answer", content, { wide: true, testid: "trace" });
  close.addEventListener("click", () => dialog.close());
}

function facts(trace) {
  const rows = [
    ["Asked", trace.query],
    ["Searched for", trace.rewritten && trace.rewritten !== trace.query ? trace.rewritten : null],
    ["Verdict", trace.refused ? "No passage was good enough: the answer is an honest refusal." : trace.passed === false ? "No passage passed the threshold." : trace.passed ? "The passages passed the threshold." : null],
    ["Prompt", trace.prompt?.tokens ? `${number(trace.prompt.tokens)} tokens` : null],
    ["Time", trace.ms ? Object.entries(trace.ms).map(([step, ms]) => `${step.replaceAll("_", " ")} ${number(Math.round(ms))} ms`).join(", ") : null],
  ];
  return el("dl", {}, rows.filter(([, value]) => value).map(([name, value]) => [el("dt", { text: name }), el("dd", { text: value })]));
}

function candidates(trace) {
  const list = Array.isArray(trace.candidates) ? trace.candidates.slice(0, 30) : [];
  if (!list.length) return null;
  const cell = (value, digits = null) => el("td", { class: "num", text: value === null || value === undefined ? "–" : digits === null ? String(value) : Number(value).toFixed(digits) });
  const rows = list.map((one) =>
    el("tr", {}, el("td", {}, one.document_name ?? `passage ${one.chunk_id}`, el("small", { text: [place(one), one.cut ? `cut: ${String(one.cut).replaceAll("_", " ")}` : "used"].filter(Boolean).join(" · ") })), cell(one.similarity_score ?? one.similarity, 2), cell(one.dense_rank), cell(one.lexical_rank), cell(one.score, 4)),
  );
  const head = ["Candidate", "Similarity", "By meaning", "By words", "Score"].map((text, at) => el("th", { class: at ? "num" : null, text }));
  return el("div", { class: "table-wrap" }, el("table", { class: "list" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows)));
}
