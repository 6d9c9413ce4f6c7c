// How measures of a run are named and written.
import { el } from "./dom.js";

const share = (value) => (value === null || value === undefined ? "–" : value.toFixed(3));
const ms = (value) => (value === null || value === undefined ? "–" : `${Math.round(value)} ms`);

/** [key, name, what it means, how it is written, whether more is better] */
export const MEASURES = [
  ["recall_at_k", "Recall@k", "expected places among what the chat is given", share, true],
  ["mrr", "MRR", "how far up the first stands (1 / rank), within ten", share, true],
  ["ndcg_at_10", "nDCG@10", "how far up all of them stand, within ten", share, true],
  ["citation_precision", "Citation precision", "cited passages that bear the answer out", share, true],
  ["refusal_accuracy", "Refusal accuracy", "rightly refused, or rightly not", share, true],
  ["unanswerable_refused", "Unanswerable refused", "as they should be", share, true],
  ["answerable_refused", "Answerable refused", "wrongly", share, false],
  ["search_ms_p50", "Search, median", "", ms, false],
  ["search_ms_p95", "Search, p95", "", ms, false],
  ["answer_ms_p50", "Answer, median", "", ms, false],
  ["answer_ms_p95", "Answer, p95", "", ms, false],
];

/** A measure as text. */
export const written = (metrics, key) => MEASURES.find(([one]) => one === key)[3](metrics?.[key]);

/** "Recall@5" for a run with five passages. */
export const measureName = (name, metrics) => (name === "Recall@k" && metrics?.k ? `Recall@${metrics.k}` : name);

const SETTINGS = { top_k: "passages", similarity_threshold: "least similarity", answer_mode: "answer mode", answers: "answers written", llm_provider: "provider", llm_model_name: "LLM", temperature: "temperature", max_tokens: "longest answer", context_tokens: "window", system_prompt: "instructions", embedding_model: "embedding model", chunk_strategy: "cutting", chunk_size: "longest passage", chunk_overlap: "overlap", text_search_config: "language", documents: "documents", in_work: "documents still being read", chunks: "passages in all" };

/** A setting's name for people. */
export const settingName = (name) => SETTINGS[name] ?? name.replaceAll("_", " ");

/** A setting's value for people. */
export function settingValue(value) {
  if (value === true) return "yes";
  if (value === false) return "no";
  if (value === "" || value === null || value === undefined) return "none";
  return String(value);
}

/** What a run is called: its label or its number. */
export const runName = (run) => run.label || `Run ${run.id}`;

const STATES = { queued: ["waiting", "state"], running: ["running", "state run"], completed: ["done", "state ok"], failed: ["failed", "state bad"], cancelled: ["cancelled", "state warn"] };

/** A run's state as a small label. */
export function stateLabel(run) {
  const [text, cls] = STATES[run.status] ?? [run.status, "state"];
  return el("span", { class: cls, text });
}

export const isOpen = (run) => run.status === "queued" || run.status === "running";

/** What became of a question, in a word or two. */
export function outcome(result) {
  if (!result) return "not asked";
  if (result.error || result.verdict === "error") return "could not be asked";
  if (!result.verdict) return "not asked yet";
  if (result.refused) return "refused";
  if (!result.answerable && result.answerable !== undefined) return "not refused";
  return result.rank ? `rank ${result.rank}` : "not found";
}
