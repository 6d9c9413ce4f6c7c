// The settings form of a model: shows the fields that its provider needs, saves, tests, deletes.
import { askText } from "../components/dialog.js";
import { showErrors, submitting, values } from "../components/form.js";
import { RebuildSection, noteCuttingChanged } from "../components/rebuild.js";
import { complain, say } from "../components/toast.js";
import * as api from "../lib/api.js";
import { $, $$, el, fill, icon, pageData } from "../lib/dom.js";
import { nextStep } from "../lib/format.js";

const data = pageData("form-data");
const form = $("#settings");
let saved = "";

function provider() {
  return form.elements.llm_provider.value;
}

function showFields() {
  const wanted = data.fields[provider()] ?? [];
  for (const field of $$("[data-for]", form)) field.hidden = !wanted.includes(field.dataset.for);
  for (const help of $$("[data-help-for]", form)) help.hidden = help.dataset.helpFor !== provider();
}

/** What to send: the key only when one was typed or the stored one is to go. */
function body() {
  const found = values(form);
  const clear = $("#clear-key")?.checked;
  if (clear) found.api_key = "";
  else if (!found.api_key) delete found.api_key;
  return found;
}

/** How documents are cut, as the form says it. */
const cutting = (found) => JSON.stringify([found.chunk_strategy, found.chunk_size, found.chunk_overlap]);

const isDirty = () => JSON.stringify(values(form)) !== saved;

async function save() {
  const answer = data.id ? await api.patch(`/api/models/${data.id}`, body()) : await api.post("/api/models", body());
  if (data.id && cutting(JSON.parse(saved)) !== cutting(values(form))) noteCuttingChanged(data.id);
  saved = JSON.stringify(values(form));
  return answer;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const model = await submitting(form, save);
  if (!model) return;
  if (data.id) location.reload();
  else location.assign(`/models/${model.id}/`);
});

$("#test")?.addEventListener("click", async () => {
  const result = $("#test-result");
  result.hidden = false;
  fill(result, el("p", { class: "muted", text: "Asking the LLM for one word…" }));
  try {
    if (isDirty() || $("#clear-key")?.checked) await save();
    const answer = await api.post(`/api/models/${data.id}/test`);
    showResult(result, answer.ok !== false, answer.message ?? "The LLM answers.", answer.next_step);
  } catch (error) {
    if (error.code === "validation_error") showErrors(form, error);
    showResult(result, false, error.message, error.nextStep);
  }
});

function showResult(node, ok, message, step = "") {
  fill(node, el("div", { class: `notice ${ok ? "ok" : "bad"}`, "data-testid": "test-result" }, icon(ok ? "check" : "warn"), el("p", {}, el("strong", { text: message }), nextStep(message, step))));
}

$("#delete")?.addEventListener("click", async (event) => {
  const { name } = event.currentTarget.dataset;
  const typed = await askText("Delete this model?", `Its documents, passages and chats go with it. Type its name to confirm: ${name}`, { yes: "Delete for good" });
  if (typed === null) return;
  if (typed !== name) {
    say("That was not its name; nothing was deleted.");
    return;
  }
  try {
    await api.del(`/api/models/${data.id}`);
    saved = JSON.stringify(values(form));
    location.assign("/models/");
  } catch (error) {
    complain(error);
  }
});

/** Names that the chosen server offers, as suggestions. */
async function suggestModels() {
  try {
    const answer = await api.get("/api/llm/providers");
    const found = (answer.results ?? answer.providers ?? []).find((one) => (one.provider ?? one.id ?? one.name) === provider());
    fill($("#known-models"), (found?.models ?? []).map((name) => el("option", { value: name })));
  } catch {
    // suggestions only
  }
}

form.addEventListener("change", (event) => {
  if (event.target.name !== "llm_provider") return;
  showFields();
  suggestModels();
});
// what was typed is worth more than being taken to the sign-in page
window.addEventListener("verbatim:signed-out", (event) => {
  if (!isDirty()) return;
  event.preventDefault();
  say("You were signed out. Sign in in another tab, then save here again; nothing that you typed is lost.", { bad: true });
});
window.addEventListener("beforeunload", (event) => data.id && isDirty() && event.preventDefault());

const asked = new URLSearchParams(location.search).get("provider");
if (!data.id && asked && data.fields[asked]) form.elements.llm_provider.value = asked;
showFields();
suggestModels();
saved = JSON.stringify(values(form));
if (data.id) new RebuildSection($("#rebuild"), data.id, isDirty).start();
$("#save").disabled = false; // before this point a click would have sent the form, with the key, as an address
