// How long reading a file will take here, asked about before a long upload starts.
import { el } from "../lib/dom.js";
import { bytes, duration, number } from "../lib/format.js";
import { openDialog } from "./dialog.js";

const WORTH_ASKING = 300; // seconds
const SAMPLE = 256 * 1024; // bytes of a table from which its rows are estimated
const LINE_END = 10;
const KINDS = { pdf: "application/pdf", csv: "text/csv", tsv: "text/csv", md: "text/markdown", markdown: "text/markdown", txt: "text/plain", text: "text/plain", log: "text/plain" };

const kindOf = (file) => KINDS[file.name.toLowerCase().split(".").pop()];

/** Two digits are all that an estimate is worth. */
function rounded(value) {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(value)) - 1);
  return Math.round(value / step) * step;
}

async function rowsOf(file) {
  const sample = new Uint8Array(await file.slice(0, SAMPLE).arrayBuffer());
  const lines = sample.reduce((sum, byte) => sum + (byte === LINE_END), 0);
  return lines ? rounded((file.size / sample.length) * lines) : null;
}

/**
 * Whether to upload these: asks only when one of them, or all together, will take long.
 * @param {File[]} files @param {Record<string, number>} speeds bytes per second by media type, measured on this server
 */
export async function agreeToReadingTime(files, speeds) {
  const estimates = files.map((file) => ({ file, seconds: file.size / (speeds?.[kindOf(file)] || Infinity) })).filter(({ seconds }) => seconds > 0);
  const total = estimates.reduce((sum, { seconds }) => sum + seconds, 0);
  if (total <= WORTH_ASKING) return true;
  const long = estimates.filter(({ seconds }) => seconds > WORTH_ASKING);
  const lines = [];
  for (const { file, seconds } of long) {
    const rows = kindOf(file) === "text/csv" ? await rowsOf(file).catch(() => null) : null;
    lines.push(el("li", {}, el("b", { text: file.name }), `: ${rows ? `about ${number(rows)} rows` : bytes(file.size)}; reading will take about ${duration(seconds)} on this server.`));
  }
  const cancel = el("button", { type: "button", class: "btn quiet", text: "Cancel" });
  const go = el("button", { type: "button", class: "btn", text: "Upload" });
  const together = long.length === 1 && files.length === 1 ? null : el("p", { text: `All ${number(files.length)} files together: about ${duration(total)}.` });
  const dialog = openDialog("This takes a while to read", [el("div", { id: "dialog-about" }, lines.length ? el("ul", { class: "plain" }, lines) : null, together), el("p", { class: "muted", text: "You can leave the page once it is uploaded. Other documents are read beside it." }), el("div", { class: "actions" }, cancel, go)], { testid: "reading-time", about: "dialog-about" });
  cancel.addEventListener("click", () => dialog.close(""));
  go.addEventListener("click", () => dialog.close("yes"));
  go.focus();
  return (await dialog.closed) === "yes";
}
