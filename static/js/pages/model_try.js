// Retrieval without the LLM: passages, every candidate with its ranks and fate, settings, and milliseconds.
import { candidates, facts, settings, steps } from "../components/candidates.js";
import { keepQuestion } from "../components/keep_question.js";
import { complain } from "../components/toast.js";
import * as api from "../lib/api.js";
import { $, button, el, fill, icon } from "../lib/dom.js";
import { count, place } from "../lib/format.js";

const LONG_TEXT = 900;
const form = $("#try");

/** The text with the question's words marked. */
function marked(text, query) {
  const words = [...new Set(query.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) ?? [])].map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (!words.length) return [text];
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(${words.join("|")})`, "giu");
  return text.split(pattern).map((piece, at) => (at % 2 ? el("mark", { text: piece }) : piece));
}

function hit(source, query) {
  const rank = (label, value) => el("span", {}, `${label} `, el("b", { text: value ?? "not found" }));
  const text = el("p", { class: source.chunk_content.length > LONG_TEXT ? "text long" : "text" }, marked(source.chunk_content, query));
  const more = text.classList.contains("long") ? button("Show all of it", (event) => (text.classList.remove("long"), event.currentTarget.remove()), { class: "word small" }) : null;
  const page = source.page ? el("a", { href: `/api/documents/${source.document_id}/pages/${source.page}.png?highlight=${source.chunk_id}`, target: "_blank", rel: "noopener", text: "See it on its page" }) : null;
  const boost = (label, value) => (value ? rank(label, `+${value.toFixed(3)}`) : null);
  return el(
    "li",
    { class: "hit", "data-testid": "hit" },
    el("header", {}, el("b", { text: `${source.marker} · ${source.document_name}` }), el("span", { class: "muted", text: [place(source), source.section].filter(Boolean).join(" · ") })),
    text,
    more,
    el("p", { class: "scores" }, rank("similarity", source.similarity_score.toFixed(2)), rank("by meaning", source.dense_rank && `no. ${source.dense_rank}`), rank("by words", source.lexical_rank && `no. ${source.lexical_rank}`), boost("title match", source.title_boost), boost("document match", source.document_boost), rank("score", source.score.toFixed(4)), page),
  );
}

function verdict(answer) {
  const found = count(answer.results.length, "passage");
  const time = `${Math.round(answer.took_ms)} ms`;
  if (answer.passed !== false && answer.results.length) return el("p", { class: "muted", text: `${found} in ${time}. The chat would answer from the best of them.` });
  const nearest = (answer.nearest ?? []).map((one) => `${one.document_name} (${one.similarity_score.toFixed(2)})`).join(", ");
  return el("div", { class: "notice warn" }, icon("warn"), el("p", {}, el("strong", { text: "Nothing is similar enough." }), ` A strict model would say that its documents do not hold the answer (${time}).${nearest ? ` Nearest: ${nearest}.` : ""}`));
}

/** For those who manage the model. */
function keep(query, answer) {
  const open = () => keepQuestion({ model: Number(form.dataset.model), question: query, sources: answer.results });
  return button("Keep as a test question", open, { class: "btn quiet small" });
}

/** How it was found: the same as in an answer's "Why this answer". */
function how(trace) {
  const parts = [candidates(trace), facts(settings(trace)), steps("Time", trace.ms)];
  return el("details", { class: "why section", open: true }, el("summary", { text: "How it was found" }), parts);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const query = form.elements.query.value.trim();
  const submit = $("button", form);
  if (!query) return;
  submit.disabled = true;
  fill($("#verdict"), el("p", { class: "muted", text: "Searching" }));
  try {
    const answer = await api.post(`/api/models/${form.dataset.model}/search`, { query, top_k: Number(form.elements.top_k.value) || 10 });
    fill($("#verdict"), verdict(answer), form.dataset.manages === undefined ? null : keep(query, answer));
    fill($("#hits"), answer.results.map((source) => hit(source, query)));
    fill($("#how"), how(answer.trace));
  } catch (error) {
    for (const part of ["#verdict", "#hits", "#how"]) $(part).replaceChildren();
    complain(error);
  } finally {
    submit.disabled = false;
  }
});
$("button", form).disabled = false;
$("#query").focus();
const given = new URLSearchParams(location.search).get("question"); // a link from a test question
if (given) {
  form.elements.query.value = given;
  form.requestSubmit();
}
