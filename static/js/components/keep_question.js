// "Keep as a test question": a question that was tried or asked, with the passages that hold its answer.
import * as api from "../lib/api.js";
import { $, $$, button, el } from "../lib/dom.js";
import { count, place } from "../lib/format.js";
import { openDialog } from "./dialog.js";
import { submitting } from "./form.js";
import { say } from "./toast.js";

const MAX_PASSAGE = 4000; // chat/evaluation/rules.py
const EXCERPT = 220;

/**
 * Ask which passages hold the answer, and keep the question with them.
 * @param {{model: number, question: string, sources: object[], ticked?: number[]}} tried `sources` as the search
 *   and answers give them; `ticked` are markers
 */
export function keepQuestion({ model, question, sources, ticked = [] }) {
  const text = el("textarea", { id: "keep-text", name: "question", rows: 2, required: true });
  text.value = question;
  const boxes = sources.map((source) => passage(source, ticked.includes(source.marker)));
  const found = sources.length > 0;
  const list = el("ol", { class: "keep-passages" }, boxes);
  const form = el(
    "form",
    { novalidate: true, class: "keep" },
    el("div", { class: "field" }, el("label", { for: "keep-text", text: "Question" }), text, el("p", { class: "help", text: "It is asked alone, without a conversation: name what it is about." })),
    el("fieldset", { class: "field" }, el("legend", { text: "Where the answer stands" }), found ? choice("yes", "In these passages; any of them counts as found", true) : null, found ? list : null, choice("no", "Not in the documents: it should be refused", !found)),
    el("div", { class: "notice bad", role: "alert", data: { summary: "" }, hidden: true }),
    el("div", { class: "actions" }, el("a", { class: "push-left", href: `/models/${model}/evaluate`, text: "All test questions" }), button("Cancel", () => dialog.close(), { class: "btn quiet" }), el("button", { class: "btn", text: "Keep it" })),
  );
  const dialog = openDialog("Keep as a test question", form, { testid: "keep-dialog" });
  list.addEventListener("change", () => (form.elements.where.value = "yes"));
  text.focus();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const answerable = form.elements.where.value === "yes";
    const chosen = answerable ? sources.filter((source, at) => $("input", boxes[at]).checked) : [];
    if (answerable && !chosen.length) {
      const summary = $("[data-summary]", form);
      summary.textContent = "Tick the passages that hold the answer, or say that it is not in the documents.";
      summary.hidden = false;
      $$("input[type=checkbox]", form)[0].focus();
      return;
    }
    const body = { question: text.value, answerable, places: chosen.map(placeOf) };
    const kept = await submitting(form, () => api.post(`/api/models/${model}/evaluation/questions/keep`, body).catch((error) => Promise.reject(named(error, chosen))));
    if (!kept) return;
    dialog.close();
    say(told(kept));
  });
}

const told = ({ places_added: added }) => (added === null ? "Kept as a test question." : added ? `It was kept already; ${count(added, "place")} more ${added === 1 ? "was" : "were"} added.` : "It was kept already, just like this.");

const choice = (value, label, checked) => el("div", {}, el("label", { class: "check" }, el("input", { type: "radio", name: "where", value, checked }), ` ${label}`));

function passage(source, checked) {
  const text = source.chunk_content.replace(/\s+/g, " ").trim();
  const box = el("input", { type: "checkbox", value: source.marker, checked });
  return el("li", {}, el("label", { class: "check" }, box, el("span", {}, el("b", { text: `${source.marker} · ${source.document_name}` }), " ", el("span", { class: "muted", text: place(source) }), el("small", { text: text.length > EXCERPT ? `${text.slice(0, EXCERPT)}…` : text }))));
}

/** A passage as a place: its words, in its document, on its page when it stands on one alone. */
function placeOf(source) {
  const page = source.page && (!source.page_to || source.page_to === source.page) ? source.page : null;
  return { document_id: source.document_id, document_name: source.document_name, page, passage: source.chunk_content.slice(0, MAX_PASSAGE) };
}

/** A refusal that names the passage that it is about. */
function named(error, chosen) {
  const { places, ...details } = error.details ?? {};
  if (!places || Array.isArray(places)) return error;
  const about = ([at, fields]) => `Passage ${chosen[at]?.marker}: ${Object.values(fields).flat().join(" ")}`;
  error.details = { ...details, places: Object.entries(places).map(about) };
  return error;
}
