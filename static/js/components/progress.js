// How far a document is, in a bar and in words.
import { el } from "../lib/dom.js";
import { count, duration, number } from "../lib/format.js";

export const UNFINISHED = new Set(["uploading", "queued", "processing"]);
const STAGES = { waiting: "waiting for a worker", splitting: "reading its structure", embedding: "reading and embedding", finished: "finishing" };

/** "part 212 of 517 · 40 % · 180 passages/s · 6 min left" */
export function progressWords({ stage, progress }) {
  const { percent = 0, parts_done: done = 0, parts_total: total = 0, rate = null, seconds_left: left = null } = progress;
  if (!total) return STAGES[stage] ?? "";
  const speed = rate ? `${rate >= 10 ? number(Math.round(rate)) : rate.toFixed(1)} passages/s` : "";
  return [`part ${number(done)} of ${number(total)}`, `${percent} %`, speed, left === null ? "" : `${duration(left)} left`].filter(Boolean).join(" · ");
}

/** A bar; without `percent` one that only shows that something happens. */
export function bar(label, percent = null) {
  const fill_ = el("i");
  if (percent !== null) fill_.style.width = `${percent}%`;
  return el("div", { class: percent === null ? "bar busy" : "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": percent, "aria-label": label }, fill_);
}

export function progressOf(document_) {
  const { percent = 0, parts_total: total = 0 } = document_.progress;
  return [bar(`Progress of ${document_.name}`, total ? percent : null), el("small", { text: progressWords(document_) })];
}

/** What a queued document waits for. */
export function waitingWords({ workerAlive = true, othersRun = false }) {
  if (!workerAlive) return "waits for a worker; none is running";
  return othersRun ? "starts beside the running one" : "starts in a moment";
}

/** What readers get meanwhile, when a finished version is there. */
export function servingWords({ serving, status, replacing, version, error }) {
  if (error?.message.includes("still answers")) return "";
  if (!serving || status === "completed") return replacing ? `version ${version} answers until version ${version + 1} is complete` : "";
  if (!UNFINISHED.has(status)) return `version ${version} still answers`;
  return replacing ? `version ${version} answers until version ${version + 1} is complete` : "its present passages answer until this is done";
}

export const warningsOf = (document_) => (document_.warnings ?? []).map((warning) => warning.message ?? String(warning));

/** The state as one word or two, and the class of its colour. */
export function stateWord({ status, warnings = [] }) {
  if (status === "completed") return warnings.length ? [`completed, ${count(warnings.length, "warning")}`, "warn"] : ["completed", "ok"];
  return [status, { processing: "run", failed: "bad" }[status] ?? ""];
}
