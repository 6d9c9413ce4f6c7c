// What a table holds as a whole: the passages about it, gathered from the end of its document, column by column.
import * as api from "../lib/api.js";
import { el, fill } from "../lib/dom.js";
import { number } from "../lib/format.js";

const PAGE = 200;
const COLUMN = /^Column (.+?) of the table .+?: (.*)$/s;

/** Passages that are about no particular rows; they stand behind all others. */
async function passagesOf(id) {
  const path = `/api/documents/${id}/chunks`;
  const { count } = await api.get(api.query(path, { page_size: 1 }));
  const found = [];
  for (let page = Math.ceil(count / PAGE); page > 0; page -= 1) {
    const { results } = await api.get(api.query(path, { page, page_size: PAGE }));
    const about = results.filter((chunk) => !chunk.rows);
    found.unshift(...about);
    if (about.length < results.length) break;
  }
  return found.map((chunk) => chunk.content);
}

/** Whether a passage tells about a whole table instead of some of its rows. */
export const isProfile = (chunk, document_) => document_.media_type === "text/csv" && !chunk.rows;

/** @param {HTMLElement} node hidden until there is something to show */
export async function showTableProfile(node, document_) {
  node.hidden = true;
  if (document_.media_type !== "text/csv") return;
  const columns = [];
  const whole = [];
  for (const text of await passagesOf(document_.id)) {
    const [, name, says] = text.match(COLUMN) ?? [];
    if (name) columns.push([name, [says]]);
    else if (columns.length) columns.at(-1)[1].push(text); // the rest of a long description
    else whole.push(text);
  }
  if (!whole.length && !columns.length) return;
  const list = el("dl", { class: "profile", tabindex: "0", "aria-label": "What its columns hold" }, columns.map(([name, says]) => [el("dt", { text: name }), el("dd", { text: says.join(" … ") })]));
  fill(node, el("h2", { text: "The whole table" }), whole.length ? el("p", { text: whole[0] }) : null, columns.length ? el("details", {}, el("summary", { text: `What its columns hold (${number(columns.length)})` }), list) : null);
  node.hidden = false;
}
