// The dialog of one test question: its text, and where the answer stands, at as many places as it does.
import * as api from "../lib/api.js";
import { $, $$, debounce, el, fill } from "../lib/dom.js";
import { openDialog } from "./dialog.js";
import { submitting } from "./form.js";

const MAX_PLACES = 20;
const FIELDS = ["document_name", "page", "passage"];

/**
 * @param {?object} one the question to change; null for a new one
 * @param {{documents: string, save: (body: object) => Promise<object>, saved: () => void}} how `documents` is
 *   the address of the model's documents, for suggestions
 */
export function openQuestion(one, { documents, save, saved }) {
  const form = $("#question-form").content.cloneNode(true).querySelector("form");
  const dialog = openDialog(one ? "Change the question" : "A test question", form, { testid: "question-dialog" });
  const places = new Places($("[data-list]", form), $("[data-another]", form), (text) => suggest(documents, text));
  form.elements.question.value = one?.question ?? "";
  form.elements.where.value = one && !one.answerable ? "no" : "yes";
  for (const place of one?.places.length ? one.places : [{}]) places.add(place);
  const toggle = () => ($("[data-places]", form).hidden = form.elements.where.value === "no");
  toggle();
  form.addEventListener("change", toggle);
  suggest(documents, "");
  form.elements.question.focus();
  $("[data-cancel]", form).addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const answerable = form.elements.where.value === "yes";
    const body = { question: form.elements.question.value, answerable, places: answerable ? places.values() : [] };
    const done = await submitting(form, () => save(body).catch((error) => Promise.reject(places.byField(error))));
    if (!done) return;
    dialog.close();
    saved();
  });
}

/** The places in the form; each input's name has the number of its place behind it. */
class Places {
  constructor(list, another, suggestFor) {
    Object.assign(this, { list, another, suggestFor, made: 0 });
    another.addEventListener("click", () => $("input", this.add({})).focus());
  }

  add(place) {
    const node = $("#question-place").content.cloneNode(true).firstElementChild;
    const number = this.made++;
    for (const name of FIELDS) {
      const input = $(`[name="${name}"]`, node);
      Object.assign(input, { id: `q-${name}-${number}`, name: `${name}-${number}`, value: place[name] ?? "" });
      $("label", input.closest(".field")).htmlFor = input.id;
    }
    Object.assign(node.dataset, { number, id: place.document_id ?? "", name: place.document_name ?? "" });
    const name = $("input", node);
    name.addEventListener("input", debounce(() => this.suggestFor(name.value.trim()), 250));
    $("[data-remove]", node).addEventListener("click", () => this.remove(node));
    this.list.append(node);
    this.count();
    return node;
  }

  remove(node) {
    const next = node.nextElementSibling ?? node.previousElementSibling;
    node.remove();
    this.count();
    $("input", next).focus();
  }

  /** One place needs no number, and cannot be removed. */
  count() {
    const all = $$("fieldset", this.list);
    all.forEach((node, at) => {
      $("legend", node).textContent = all.length > 1 ? `Place ${at + 1}` : "Place";
      $("[data-remove]", node).hidden = all.length === 1;
    });
    this.another.hidden = all.length >= MAX_PLACES;
  }

  values() {
    return $$("fieldset", this.list).map((node) => {
      const [document_name, page, passage] = FIELDS.map((name) => $(`[name="${name}-${node.dataset.number}"]`, node).value);
      const same = node.dataset.id && document_name === node.dataset.name; // stays the same document
      return { document_name, page: page === "" ? null : Number(page), passage, ...(same ? { document_id: Number(node.dataset.id) } : {}) };
    });
  }

  /** A refusal with what is wrong about a place at the inputs of that place. */
  byField(error) {
    const { places, ...details } = error.details ?? {};
    if (!places) return error;
    if (Array.isArray(places)) details.places = places;
    else {
      const nodes = $$("fieldset", this.list);
      for (const [at, fields] of Object.entries(places)) {
        for (const [name, reasons] of Object.entries(fields)) details[`${name === "document_id" ? "document_name" : name}-${nodes[at]?.dataset.number}`] = reasons;
      }
    }
    error.details = details;
    return error;
  }
}

/** The model's documents as suggestions for what is being typed. */
async function suggest(documents, search) {
  try {
    const found = await api.get(api.query(documents, { search, page_size: 20, ordering: "name" }));
    fill($("#q-documents"), found.results.map((one) => el("option", { value: one.name })));
  } catch {
    // typing a name works without
  }
}
