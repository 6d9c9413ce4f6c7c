// How a document was read, for people.
import { el } from "../lib/dom.js";
import { bytes, number, when } from "../lib/format.js";

const KINDS = { "application/pdf": "PDF", "text/csv": "table", "text/plain": "text", "text/markdown": "Markdown" };
const DELIMITERS = { ",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar", " ": "space" };
const QUOTES = { '"': "double quotes", "'": "single quotes", "": "none" };
const COLUMNS_CHARS = 160;
const NAMES = { encoding: "Encoding", language: "Language", reader: "Reader", delimiter: "Delimiter", quote: "Quotes", header: "Header", columns: "Columns", preamble: "Above the table", ocr_pages: "Recognised by OCR" };

const named = (names, value) => names[value] ?? (value ? `“${value}”` : "none");

/** The first columns; their names may be whole questions, and there may be thousands. */
function columns(list, total) {
  let shown = 0;
  for (let length = 0; shown < list.length && (shown < 2 || length + list[shown].length < COLUMNS_CHARS); shown += 1) length += list[shown].length + 3;
  const rest = list.slice(shown);
  const unlisted = total - list.length;
  const all = rest.length ? el("details", {}, el("summary", { text: `${number(total - shown)} more` }), rest.join(" · "), unlisted > 0 ? ` · and ${number(unlisted)} that are not listed` : "") : null;
  return [`${number(total)}: ${list.slice(0, shown).join(" · ")}`, all];
}

function value(key, found, reading) {
  if (key === "delimiter") return named(DELIMITERS, found);
  if (key === "quote") return named(QUOTES, found ?? "");
  if (key === "header") return found ? (reading.header_records > 1 ? `yes, ${reading.header_records} lines` : "yes") : "no; the columns are numbered";
  if (key === "columns") return columns(found, reading.column_count ?? found.length);
  if (key === "encoding") return found.toUpperCase();
  if (Array.isArray(found)) return found.join(", ");
  return String(found);
}

/** The facts of a document as a list of terms. */
export function factsOf(document_) {
  const { reading = {}, uploaded_by: by, completed_at: done } = document_;
  const facts = [["Kind", KINDS[document_.media_type] ?? document_.media_type], ["Size", bytes(document_.size)]];
  if (document_.page_count) facts.push(["Pages", number(document_.page_count)]);
  if (document_.row_count) facts.push(["Rows", number(document_.row_count)]);
  for (const key of Object.keys(NAMES)) {
    if (reading[key] === undefined || reading[key] === null || reading[key] === "") continue;
    facts.push([NAMES[key], value(key, reading[key], reading)]);
  }
  if (document_.progress.chunks) facts.push(["Passages", number(document_.progress.chunks)]);
  facts.push(["Version", String(document_.version)]);
  facts.push(["Added", [when(document_.created_at), by ? `by ${by.full_name || by.email}` : ""].filter(Boolean).join(" ")]);
  if (done && document_.status === "completed") facts.push(["Completed", when(done)]);
  return el("dl", { class: "facts", "data-testid": "facts" }, facts.map(([term, says]) => [el("dt", { text: term }), el("dd", {}, says)]));
}
