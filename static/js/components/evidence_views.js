// How a passage looks when it is not a PDF page: table rows as column and value, text as numbered lines.
import { el } from "../lib/dom.js";
import { number } from "../lib/format.js";

const CONTEXT_LINES = 12;
const LARGEST_TEXT = 2_000_000; // bytes; a longer file is not fetched for a few lines
const ROW_START = /^(?:\[?row\s+(\d+)\]?)\s*[:.]?\s*(.*)$/i;
const PAIR = /^([^:]{1,120}):\s?(.*)$/;

/** The passage as it was indexed. */
export function passageText(source) {
  return el("blockquote", { class: "ev-passage", text: source.chunk_content });
}

/**
 * Rows of a table from a passage whose lines are `column: value` (one row per block, or `; `-separated per line).
 * Falls back to the plain passage when the text has another shape.
 */
export function rowsView(source) {
  const rows = parseRows(source.chunk_content, source.rows[0]);
  if (!rows.some((row) => row.pairs.length)) return passageText(source);
  return el("div", { "data-testid": "evidence-rows" }, rows.map(rowCard));
}

function rowCard({ index, pairs, loose }) {
  const list = el("dl", {}, pairs.map(([name, value]) => [el("dt", { text: name }), el("dd", { text: value || "–" })]));
  return el("section", { class: "ev-row" }, el("h3", { text: `Row ${number(index)}` }), list, loose ? el("p", { class: "muted", text: loose }) : null);
}

function parseRows(text, firstRow) {
  const rows = [];
  let row = null;
  const open = (index) => rows.push((row = { index, pairs: [], loose: "" }));
  for (const line of text.split("\n")) {
    const start = line.match(ROW_START);
    if (start) open(Number(start[1]));
    else if (!line.trim()) row = null;
    const rest = start ? start[2] : line;
    if (!rest.trim()) continue;
    const pieces = splitPairs(rest);
    if (!row || (!start && pieces.length > 1 && row.pairs.length)) open(rows.length ? rows.at(-1).index + 1 : firstRow);
    for (const piece of pieces) addPiece(row, piece);
  }
  return rows;
}

function splitPairs(line) {
  const pieces = line.split(/(?:;|\s\|)\s+(?=[^:;|]{1,120}:)/);
  return pieces.every((piece) => PAIR.test(piece)) ? pieces : [line];
}

function addPiece(row, piece) {
  const pair = piece.match(PAIR);
  if (pair) row.pairs.push([pair[1].trim(), pair[2].trim()]);
  else if (row.pairs.length) row.pairs.at(-1)[1] += ` ${piece.trim()}`; // a value that spans lines
  else row.loose += `${piece} `;
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
