// What a chat shows before its first question: the model, what to ask, or what is missing.
import { button, el, icon } from "../lib/dom.js";

/** @param {object|null} model @param {{models: object[], is_admin: boolean}} data @param {(text: string) => void} ask */
export function welcomeFor(model, data, ask) {
  if (!model) return nothingToAsk(data.is_admin);
  const lines = [el("h2", { text: model.name })];
  if (model.description) lines.push(el("p", { text: model.description }));
  if (!model.document_count) lines.push(noDocuments(model, data.is_admin));
  if (model.is_toy) lines.push(el("p", { class: "muted", text: "The built-in LLM is a toy: it shows how streaming works, and it makes things up. Do not rely on what it says." }));
  const ideas = model.suggested_questions.map((text) => {
    const idea = button(text, () => ask(text), { class: "idea", "data-testid": "suggested-question" });
    idea.append(icon("right"));
    return idea;
  });
  if (ideas.length) lines.push(el("div", { class: "ideas", role: "group", "aria-label": "Suggested questions" }, ideas));
  else if (model.document_count) lines.push(el("p", { class: "muted", text: "Ask a question below. Every answer shows where in the documents it comes from." }));
  return el("section", { class: "welcome" }, lines);
}

function noDocuments(model, isAdmin) {
  const next = isAdmin ? el("a", { href: `/models/${model.id}/`, text: "Add documents" }) : "Ask an administrator to add some.";
  return el("div", { class: "notice" }, icon("info"), el("p", {}, "This model holds no documents yet, so it cannot answer. ", next));
}

function nothingToAsk(isAdmin) {
  if (isAdmin) return el("section", { class: "welcome" }, el("h2", { text: "There is no model yet" }), el("p", { text: "A model is a set of documents and the LLM that answers from them." }), el("p", {}, el("a", { class: "btn", href: "/models/new", text: "Create the first model" })));
  return el("section", { class: "welcome" }, el("h2", { text: "No model was given to you yet" }), el("p", { text: "An administrator of your Verbatim can give you one. It will appear here and on the overview." }));
}
