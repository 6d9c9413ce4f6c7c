// How far a document is, in a bar and in words.
import { el } from "../lib/dom.js";
import { count, duration, number } from "../lib/format.js";

export const UNFINISHED = new Set(["uploading", "queued", "processing"]);
const STAGES = { waiting: "waiting for a worker", splitting: "reading its structure", embedding: "reading and embedding", finished: "finishing" };
const OF_THE_FILE = /^(pdf_|csv_|text_|file_|parse|no_text)/; // codes of failures that reading the same bytes again does not cure

/**
 * "212 of 517 parts · 180 passages/s · 6 min left"
 * @param {object} document_ @param {{inWork?: number}} around how many documents are in work on this server: parts are read in
 *   turn, so that one of which no part is done yet may have to wait
 */
export function progressWords({ stage, progress }, { inWork = 1 } = {}) {
  const { parts_done: done = 0, parts_total: total = 0, rate = null, seconds_left: left = null } = progress;
  if (!total) return STAGES[stage] ?? "";
  if (!done && inWork > 1) return `${count(total, "part")} to read, in turn with other documents`;
  if (total === 1) return STAGES.embedding;
  const speed = rate ? `${rate >= 10 ? number(Math.round(rate)) : rate.toFixed(1)} passages/s` : "";
  return [`${number(done)} of ${number(total)} parts`, speed, left === null ? "" : `${duration(left)} left`].filter(Boolean).join(" · ");
}

/** A bar that keeps its place while it grows. */
export class Bar {
  constructor(label) {
    this.fill = el("i");
    this.node = el("div", { class: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-label": label }, this.fill);
  }

  /** @param {number|null} percent null: something happens, nobody knows how far it is */
  show(percent) {
    this.node.classList.toggle("busy", percent === null);
    this.fill.style.width = percent === null ? "" : `${percent}%`;
    if (percent === null) this.node.removeAttribute("aria-valuenow");
    else this.node.setAttribute("aria-valuenow", percent);
  }
}

/** A document's state in a line (word, bar, percent while it is in work) and what there is to say below. */
export class StateLine {
  constructor() {
    this.word = el("span");
    this.bar = new Bar("");
    this.percent = el("span", { class: "percent" });
    this.line = el("div", { class: "state-line" }, this.word, this.bar.node, this.percent);
    this.words = el("small");
  }

  /** @param {{workerAlive?: boolean, inWork?: number}} around */
  show(document_, around) {
    const [word, look] = stateWord(document_);
    const { percent = 0, parts_done: done = 0, parts_total: total = 0 } = document_.progress;
    const works = document_.status === "processing";
    const isWaiting = !done && around.inWork > 1;
    this.word.textContent = word;
    this.word.className = `state ${look}`;
    this.bar.node.hidden = !works;
    this.bar.node.setAttribute("aria-label", `Progress of ${document_.name}`);
    this.bar.show(works && !isWaiting && total <= 1 ? null : percent);
    this.percent.textContent = works && total > 1 && !isWaiting ? `${percent} %` : "";
    this.words.textContent = works ? progressWords(document_, around) : UNFINISHED.has(document_.status) ? waitingWords(around) : "";
    this.words.hidden = !this.words.textContent;
  }
}

/** What a queued document waits for. */
export const waitingWords = ({ workerAlive = true }) => (workerAlive ? "waits for its turn" : "waits for a worker; none is running");

/** What helps a document that ended badly: "replace" its file, or "reprocess" it; null when it did not. */
export function remedy({ status, error, has_original: kept }) {
  if (status !== "failed" && status !== "cancelled") return null;
  return kept && !(status === "failed" && OF_THE_FILE.test(error?.code ?? "")) ? "reprocess" : "replace";
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
