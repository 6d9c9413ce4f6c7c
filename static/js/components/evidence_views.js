// How a passage looks in its source: the picture of a page, rows under their header, numbered lines.
import { OFFLINE, toError } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { number, place } from "../lib/format.js";

const WIDEST_TABLE = 6; // columns; rows of more are shown as cards
const COMPUTED = "Computed over all rows"; // its passage tells of rows all over the table (see chat/engine/tables.py)
const MOST_COLUMNS = 300; // whose names are looked for in a row
const PAIR = /^([^:;]{1,120}):\s(.*)$/s;
const BETWEEN_PAIRS = /;\s(?=[^:;]{1,120}:\s)/;

/** The passage as it was indexed. */
export function passageText(source) {
  return el("blockquote", { class: "ev-passage", text: source.chunk_content });
}

/**
 * A page's picture as a data address (the pages' policy allows no other made here), how much of the passage is
 * marked on it, or why there is none.
 */
export async function pagePicture(address) {
  let response;
  try {
    response = await fetch(address, { credentials: "same-origin" });
  } catch {
    return { error: `${OFFLINE.message} ${OFFLINE.details.next_step}` };
  }
  if (!response.ok) return { error: toError(response.status, await response.json().catch(() => null)).sentence };
  const marked = response.headers.get("Passage-Marked");
  const reader = new FileReader();
  reader.readAsDataURL(await response.blob());
  await new Promise((done) => reader.addEventListener("loadend", done, { once: true }));
  return { picture: reader.result, marked };
}

/**
 * The rows of a passage of a table: one line each, `column: value; column: value` (see documents/parsing/csv.py).
 * Few columns make a table with its header, many a card per row. The rows whose values the answer repeats most
 * are marked.
 */
export function rowsView(source, answerText = "", columns = []) {
  if (source.section === COMPUTED) return passageText(source);
  const lines = source.chunk_content.split("\n").filter((line) => line.trim());
  const [from, to] = source.rows;
  const numbered = lines.length === to - from + 1; // a row too long for one passage is cut in several
  const rows = lines.map((line, at) => {
    const cells = cellsOf(line, columns);
    const said = cells.filter((cell) => cell && cell[1].length > 1 && answerText.includes(cell[1])).length;
    return { line, cells, said, title: numbered ? `Row ${number(from + at)}` : place(source) };
  });
  if (!rows.some((row) => row.cells.some(Boolean))) return passageText(source);
  const most = Math.max(...rows.map((row) => row.said));
  for (const row of rows) row.marked = row.said > 1 && row.said === most;
  const names = [...new Set(rows.flatMap((row) => row.cells.map((cell) => cell?.[0])))];
  const narrow = names.length <= WIDEST_TABLE && !names.includes(undefined);
  const inOrder = columns?.length ? columns.filter((name) => names.includes(name)) : names;
  return el("div", { "data-testid": "evidence-rows" }, narrow ? rowTable(rows, inOrder) : rows.map(rowCard));
}

/** [column, value] pairs of a line; null where it is no pair (the rest of a cut row). */
function cellsOf(line, columns) {
  if (!columns?.length || columns.length > MOST_COLUMNS) return line.split(BETWEEN_PAIRS).map((piece) => piece.match(PAIR)?.slice(1) ?? null);
  const starts = [];
  let at = 0;
  for (const [index, name] of columns.entries()) {
    const found = at === 0 && line.startsWith(`${name}: `) ? 0 : line.indexOf(`; ${name}: `, Math.max(0, at - 2));
    if (found < 0) continue;
    const begin = found === 0 ? 0 : found + 2;
    starts.push({ index, begin, value: begin + name.length + 2 });
    at = begin + name.length + 2;
  }
  if (!starts.length || starts[0].begin !== 0) return line.split(BETWEEN_PAIRS).map((piece) => piece.match(PAIR)?.slice(1) ?? null);
  return starts.map(({ index, value }, nth) => [columns[index], line.slice(value, starts[nth + 1] ? starts[nth + 1].begin - 2 : line.length)]);
}

function rowTable(rows, names) {
  const head = el("tr", {}, el("th", { scope: "col", text: "Row" }), names.map((name) => el("th", { scope: "col", text: name })));
  const body = rows.map((row) => {
    const values = new Map(row.cells);
    return el("tr", { class: row.marked ? "marked" : null }, el("th", { scope: "row", text: row.title.replace(/^Row /, "") }), names.map((name) => el("td", { text: values.get(name) ?? "" })));
  });
  return el("div", { class: "ev-table", tabindex: "0", role: "region", "aria-label": "Rows of the table" }, el("table", {}, el("thead", {}, head), el("tbody", {}, body)));
}

function rowCard({ line, cells, title, marked }) {
  const body = cells.every(Boolean) ? el("dl", {}, cells.map(([name, value]) => [el("dt", { text: name }), el("dd", { text: value })])) : el("p", { class: "loose", text: line });
  return el("section", { class: marked ? "ev-row marked" : "ev-row" }, el("h3", { text: title }), body);
}

/** The cited lines with some before and after, numbered as they were when the document was read. */
export function linesView({ first, from, to, lines }) {
  const one = (text, offset) => {
    const index = first + offset;
    return el("div", { class: index >= from && index <= to ? "marked" : null }, el("span", { text: String(index) }), text || "\u00a0");
  };
  return el("div", { class: "ev-lines", "data-testid": "evidence-lines" }, lines.map(one));
}
