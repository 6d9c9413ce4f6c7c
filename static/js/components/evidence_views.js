// How a passage looks when it is not a PDF page: table rows as column and value, text as numbered lines.
import { el } from "../lib/dom.js";
import { number, place } from "../lib/format.js";

const CONTEXT_LINES = 12;
const LARGEST_TEXT = 2_000_000; // bytes; a longer file is not fetched for a few lines
const PAIR = /^([^:;]{1,120}):\s(.*)$/s;
const BETWEEN_PAIRS = /;\s(?=[^:;]{1,120}:\s)/;

/** The passage as it was indexed. */
export function passageText(source) {
  return el("blockquote", { class: "ev-passage", text: source.chunk_content });
}

/**
 * The rows of a passage of a table: one line each, `column: value; column: value` (see documents/parsing/csv.py).
 * The rows whose values the answer repeats most are marked.
 */
export function rowsView(source, answerText = "") {
  const lines = source.chunk_content.split("\n").filter((line) => line.trim());
  const [from, to] = source.rows;
  const numbered = lines.length === to - from + 1; // a row too long for one passage is cut in several
  const rows = lines.map((line, at) => {
    const cells = line.split(BETWEEN_PAIRS).map((piece) => piece.match(PAIR));
    const said = cells.filter((cell) => cell && cell[2].length > 1 && answerText.includes(cell[2])).length;
    return { line, cells, said, title: numbered ? `Row ${number(from + at)}` : place(source) };
  });
  const most = Math.max(...rows.map((row) => row.said));
  return el("div", { "data-testid": "evidence-rows" }, rows.map((row) => rowCard(row, row.said > 1 && row.said === most)));
}

function rowCard({ line, cells, title }, marked) {
  const body = cells.every(Boolean) ? el("dl", {}, cells.map(([, name, value]) => [el("dt", { text: name }), el("dd", { text: value })])) : el("p", { class: "loose", text: line });
  return el("section", { class: marked ? "ev-row marked" : "ev-row" }, el("h3", { text: title }), body);
}

/**
 * The cited lines with some before and after, numbered as in the file.
 * Resolves to null when the original is too large or not kept.
 */
export async function lineView(source, document_) {
  if (!source.lines || !source.document_id || (document_.size ?? 0) > LARGEST_TEXT) return null;
  const response = await fetch(`/api/documents/${source.document_id}/file`, { credentials: "same-origin" });
  if (!response.ok) return null;
  const lines = decode(await response.arrayBuffer(), document_).split(/\r\n|\r|\n/);
  const [from, to] = source.lines;
  if (to > lines.length) return null;
  const first = Math.max(1, from - CONTEXT_LINES);
  const shown = lines.slice(first - 1, to + CONTEXT_LINES);
  const one = (text, offset) => {
    const index = first + offset;
    return el("div", { class: index >= from && index <= to ? "marked" : null }, el("span", { text: String(index) }), text || "\u00a0");
  };
  return el("div", { class: "ev-lines", "data-testid": "evidence-lines" }, shown.map(one));
}

function decode(buffer, document_) {
  const name = document_.reading?.encoding || "utf-8";
  try {
    return new TextDecoder(name).decode(buffer);
  } catch {
    return new TextDecoder().decode(buffer); // an encoding that browsers do not know
  }
}
