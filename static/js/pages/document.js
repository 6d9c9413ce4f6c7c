// The passages of a document, page by page.
import { showPager } from "../components/pager.js";
import { complain } from "../components/toast.js";
import * as api from "../lib/api.js";
import { $, el, fill, pageData } from "../lib/dom.js";
import { count, number, place } from "../lib/format.js";

const SIZE = 25;
const data = pageData("page-data");

function passage(chunk, index) {
  const where = [place(chunk), chunk.section].filter(Boolean).join(" · ");
  return el("li", { class: "hit" }, el("header", {}, el("b", { text: `Passage ${number(index)}` }), el("span", { class: "muted", text: `${where}${where ? " · " : ""}${count(chunk.token_count, "token")}` })), el("p", { class: "text", text: chunk.content }));
}

async function load(page) {
  try {
    const { count: total, results } = await api.get(api.query(`/api/documents/${data.id}/chunks`, { page, page_size: SIZE }));
    fill($("#chunks"), results.map((chunk, at) => passage(chunk, (page - 1) * SIZE + at + 1)));
    $("#empty").hidden = total > 0;
    if (!total) fill($("#empty"), el("p", { text: "There are no passages (yet)." }));
    showPager($("#pager"), { page, size: SIZE, total }, (next) => load(next).then(() => $("#chunks").scrollIntoView()));
  } catch (error) {
    complain(error);
  }
}

load(1);
