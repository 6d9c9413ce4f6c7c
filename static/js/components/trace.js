// "Why this answer": the stored trace, in words first, whole below.
import * as api from "../lib/api.js";
import { el } from "../lib/dom.js";
import { leftOut, number } from "../lib/format.js";
import { candidates, facts, settings, steps } from "./candidates.js";
import { openDialog } from "./dialog.js";
import { keepQuestion } from "./keep_question.js";

const ROWS_SHOWN = 40;
const MODES = { strict: "strict: only from the documents", assist: "assist: general knowledge is allowed" };

/**
 * Open the trace of an answer.
 * @param {number} messageId
 * @param {?{model: number, sources: object[]}} keep for those who manage the model: also offer to keep the
 *   question, with the sources that hold the answer
 */
export async function showTrace(messageId, keep = null) {
  const { trace } = await api.get(`/api/chat/messages/${messageId}/trace`);
  const close = el("button", { type: "button", class: "btn quiet", text: "Close" });
  const keeps = keep && trace.query ? el("button", { type: "button", class: "btn quiet", text: "Keep as a test question" }) : null;
  const content = el(
    "div",
    { class: "why" },
    summary(trace),
    sentences(trace.sentences),
    table(trace.table),
    trace.candidates?.length ? el("h3", { text: "What was found" }) : null,
    candidates(trace),
    el("h3", { text: "Settings and time" }),
    facts(settings(trace)),
    el("div", { class: "two" }, steps("Search", trace.search_ms), steps("Answer", trace.ms)),
    el("details", {}, el("summary", { text: "Everything that was recorded" }), el("pre", { tabindex: "0", text: JSON.stringify(trace, null, 2) })),
    el("div", { class: "actions" }, keeps, close),
  );
  const dialog = openDialog("Why this answer", content, { wide: true, testid: "trace" });
  close.addEventListener("click", () => dialog.close());
  keeps?.addEventListener("click", () => {
    dialog.close();
    const borneOut = keep.sources.filter((source) => source.supported === true).map((source) => source.marker);
    keepQuestion({ model: keep.model, question: alone(trace), sources: keep.sources, ticked: borneOut });
  });
}

/** The question as it can be asked without the conversation: what was searched for, in its first wording. */
const alone = ({ query, rewritten }) => (rewritten || query).split("\n")[0].trim();

function summary(trace) {
  const verdict = trace.refused && trace.passed ? "Passages passed the threshold, but the LLM found no answer in them: it refused." : trace.refused ? "No passage was good enough: the answer is an honest refusal." : trace.passed === false ? "No passage passed the threshold." : trace.passed ? "Passages passed the threshold." : null;
  return facts([
    ["Asked", trace.query],
    ["Searched for", trace.rewritten === trace.query ? null : trace.rewritten],
    ["Continued", trace.continued ? `after ${number(trace.continued.chars)} characters, from the same passages` : null],
    ["Model", MODES[trace.answer_mode]],
    ["Verdict", verdict],
    ["Prompt", prompt(trace.prompt)],
  ]);
}

function prompt({ tokens, window, trimmed } = {}) {
  if (!tokens) return null;
  const cut = leftOut(trimmed);
  return `about ${number(tokens)} tokens${window ? ` of a window of ${number(window)}` : ""}; ${cut ? `left out to fit: ${cut}` : "nothing was left out"}`;
}

function sentences(list) {
  if (!list?.length) return null;
  const bad = list.filter((one) => !one.supported).length;
  const line = (one) => el("li", { class: one.supported ? null : "no" }, el("b", { text: one.supported ? "supported" : "not supported" }), ` ${one.markers.map((marker) => `[${marker}]`).join("")}`, one.supported ? null : ` because of ${one.why || "its words"}${one.missing?.length ? `: ${one.missing.join(", ")}` : ""}`);
  return [el("h3", { text: "Sentences that cite" }), el("p", { class: "muted", text: `${list.length - bad} of ${list.length} are supported by their passages.` }), bad ? el("ol", { class: "verdicts", "data-testid": "trace-sentences" }, list.map(line)) : null];
}

/** A computed answer: its plan in words, the rows behind it, the cells that could not be used; or why there is none. */
function table(computed) {
  if (!computed) return null;
  const { words, rows = [], rows_matched: matched, rows_total: total, ignored = {}, by, ms = {}, reason } = computed;
  const skipped = Object.entries(ignored).filter(([, many]) => (Array.isArray(many) ? many.length : many));
  const used = matched === undefined ? null : `${number(matched)} of ${number(total)}${rows.length ? `: ${rows.slice(0, ROWS_SHOWN).map(number).join(", ")}${matched > Math.min(rows.length, ROWS_SHOWN) ? " and more" : ""}` : ""}`;
  const about = facts([
    ["Table", computed.document_name],
    ["Plan", words],
    ["Proposed by", by ? (by === "parser" ? "the question's form" : by) : null],
    ["Rows", used],
    ["Cells ignored", skipped.map(([why, many]) => `${why}: ${Array.isArray(many) ? many.join(", ") : number(many)}`).join("; ")],
    ["Why", reason],
    ["Time", ms.total === undefined ? null : `${number(Math.round(ms.total))} ms`],
  ]);
  return el("section", { "data-testid": "trace-table" }, el("h3", { text: reason ? "Not computed from a table" : "Computed from the table" }), about);
}
