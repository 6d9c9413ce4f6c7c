// The table of test questions: find, add, change, delete, import, export.
import * as api from "../lib/api.js";
import { $, button, debounce, el, fill, icon, refill } from "../lib/dom.js";
import { bytes, count } from "../lib/format.js";
import { confirmAction } from "./dialog.js";
import { openQuestion } from "./evaluation_question.js";
import { openMenu } from "./menu.js";
import { showPager } from "./pager.js";
import { complain, say } from "./toast.js";

const SIZE = 25;
const SHOWN_WORDS = 160;

/** What is expected of a question's passages, as nodes. */
export function expectation({ answerable, places }) {
  if (!answerable) return [el("span", { class: "state", text: "not in the documents" })];
  if (places.length === 1) return where(places[0]);
  return [el("ol", { class: "places", "aria-label": "Any of these places" }, places.map((one) => el("li", {}, where(one))))];
}

function where({ document_id: id, document_name: name, page, passage }) {
  const place = page ? `page ${page}` : "";
  const link = name && (id ? el("a", { class: "doc", href: `/documents/${id}/`, text: name }) : el("span", { text: name, title: "Told by its name: no one document of the model is meant" }));
  const words = passage && el("small", { class: "words", text: `“${passage.length > SHOWN_WORDS ? `${passage.slice(0, SHOWN_WORDS)}…` : passage}”` });
  return [link, place && (link ? `, ${place}` : place), words].filter(Boolean);
}

export class Questions {
  /** @param {{model_id: number, max_bytes: number}} data @param {(total: number) => void} onCount */
  constructor(data, onCount) {
    this.model = data.model_id;
    this.limit = data.max_bytes;
    this.path = `/api/models/${data.model_id}/evaluation/questions`;
    this.onCount = onCount;
    this.page = 1;
    this.find = $("#find");
    this.find.addEventListener("input", debounce(() => this.load(1)));
    $("#add").addEventListener("click", () => this.edit(null));
    $("#import").addEventListener("click", () => $("#import-file").click());
    $("#import-file").addEventListener("change", (event) => this.take(event.currentTarget));
    $("#export").addEventListener("click", (event) => openMenu(event.currentTarget, ["csv", "jsonl"].map((form) => ({ label: form === "csv" ? "As CSV" : "As JSON lines", run: () => location.assign(`${this.path}/export?format=${form}`) }))));
  }

  async load(page = this.page) {
    this.page = page;
    const search = this.find.value.trim();
    try {
      const found = await api.get(api.query(this.path, { page, page_size: SIZE, search }));
      if (search !== this.find.value.trim()) return;
      refill($("#questions"), found.results.map((one) => this.row(one)));
      $("#questions-table").hidden = !found.results.length;
      $("#no-questions").hidden = found.count > 0 || Boolean(search);
      $("#no-match").hidden = found.count > 0 || !search;
      $("#export").disabled = !found.count && !search;
      showPager($("#questions-pager"), { page, size: SIZE, total: found.count }, (next) => this.load(next));
      if (!search) this.onCount(found.count);
    } catch (error) {
      if (error.status === 404 && page > 1) {
        this.load(page - 1); // the last one of the last page was deleted
        return;
      }
      complain(error);
    }
    $("#questions-loading")?.remove();
  }

  row(one) {
    const tryIt = `/models/${this.model}/try?question=${encodeURIComponent(one.question)}`;
    return el(
      "tr",
      { "data-testid": "test-question" },
      el("td", {}, el("span", { class: "question", text: one.question })),
      el("td", { class: "expected", "data-label": "Expected" }, expectation(one)),
      el("td", { class: "acts" }, el("a", { class: "word", href: tryIt, text: "Try" }), button("Edit", () => this.edit(one), { "aria-label": `Edit: ${one.question}` }), button("Delete", () => this.remove(one), { class: "word danger", "aria-label": `Delete: ${one.question}` })),
    );
  }

  edit(one) {
    openQuestion(one, {
      documents: `/api/models/${this.model}/documents`,
      save: (body) => (one ? api.patch(`${this.path}/${one.id}`, body) : api.post(this.path, body)),
      saved: () => {
        say(one ? "The question is changed." : "The question is kept.");
        this.load();
      },
    });
  }

  async remove(one) {
    if (!(await confirmAction("Delete this question?", `“${one.question}” is not asked any more. Earlier runs keep what they found.`))) return;
    try {
      await api.del(`${this.path}/${one.id}`);
    } catch (error) {
      complain(error);
    }
    this.load();
  }

  async take(input) {
    const [file] = input.files;
    input.value = "";
    if (!file) return;
    const told = $("#import-result");
    if (file.size > this.limit) {
      fill(told, notice("bad", `${file.name} has ${bytes(file.size)}; at most ${bytes(this.limit)} are taken.`, []));
      return;
    }
    fill(told, el("p", { class: "muted", text: `Reading ${file.name}` }));
    const form = new FormData();
    form.append("file", file);
    try {
      const done = await api.post(`${this.path}/import`, form);
      const parts = [[done.added, "added"], [done.updated, "changed"], [done.unchanged, "the same as before"], [done.refused.length, "refused"]];
      const text = `${file.name}: ${parts.filter(([number]) => number).map(([number, word]) => `${number} ${word}`).join(", ") || "nothing new"}.`;
      fill(told, notice(done.refused.length ? "warn" : "ok", text, [...done.refused, ...done.warnings]));
      this.load(1);
    } catch (error) {
      fill(told, notice("bad", error.sentence || error.message, []));
    }
  }
}

function notice(kind, text, lines) {
  const list = lines.length ? el("ul", {}, lines.map((one) => el("li", { text: `Line ${one.line}: ${one.message}` }))) : null;
  const summary = lines.length ? el("span", { class: "visually-hidden", text: count(lines.length, "remark") }) : null;
  return el("div", { class: `notice ${kind} imported`, "data-testid": "import-result" }, icon(kind === "ok" ? "check" : "warn"), el("div", {}, el("p", { text }), summary, list));
}
