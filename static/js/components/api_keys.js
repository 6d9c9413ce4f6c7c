// One's own API keys on the account page: list, make one (shown once, with a button that copies it), delete.
import { copyText } from "../lib/clipboard.js";
import * as api from "../lib/api.js";
import { $, button, el, fill, refill } from "../lib/dom.js";
import { fullDate, when } from "../lib/format.js";
import { confirmAction, openDialog } from "./dialog.js";
import { submitting } from "./form.js";
import { complain, say } from "./toast.js";

const PATH = "/api/auth/api-keys";
const DAY = 24 * 3600 * 1000;
const ALL = 200; // more than anybody may have

/** Show the keys, and let the button make new ones. */
export function showKeys() {
  $("#new-key").addEventListener("click", create);
  return load();
}

async function load() {
  try {
    const { results } = await api.get(api.query(PATH, { page_size: ALL }));
    refill($("#key-rows"), results.map(row));
    $("#keys").hidden = !results.length;
    $("#no-keys").hidden = results.length > 0;
  } catch (error) {
    complain(error);
  }
}

function row(key) {
  return el(
    "tr",
    { "data-testid": "key-row" },
    el("td", {}, el("span", { class: "doc", text: key.name }), el("small", {}, el("code", { text: `vbt_${key.prefix}…` }))),
    el("td", { class: "nowrap", "data-label": "Made", text: when(key.created_at) }),
    el("td", { class: "nowrap", "data-label": "Last used", text: key.last_used_at ? when(key.last_used_at) : "never" }),
    el("td", { class: "nowrap", "data-label": "Ends" }, ending(key)),
    el("td", { class: "acts" }, button("Delete", () => remove(key), { class: "word danger", "aria-label": `Delete ${key.name}` })),
  );
}

function ending({ expires_at: at }) {
  if (!at) return "never";
  return new Date(at) > new Date() ? fullDate(at) : el("span", { class: "state", text: "has ended" });
}

async function remove(key) {
  const sure = await confirmAction("Delete this key?", `Programs that use “${key.name}” are refused from then on. This cannot be undone.`, { yes: "Delete the key" });
  if (!sure) return;
  try {
    await api.del(`${PATH}/${key.id}`);
    say("The key was deleted.");
  } catch (error) {
    complain(error);
  }
  await load();
  if (!$("#keys").contains(document.activeElement)) $("#new-key").focus(); // its row is gone
}

function create() {
  const form = $("#key-form").content.cloneNode(true).querySelector("form");
  const dialog = openDialog("New API key", form, { testid: "new-key-dialog" });
  form.elements.name.focus();
  $("[data-cancel]", form).addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const days = Number(form.elements.days.value);
    const body = { name: form.elements.name.value, expires_at: days ? new Date(Date.now() + days * DAY).toISOString() : null };
    const made = await submitting(form, () => api.post(PATH, body));
    if (!made) return;
    dialog.close();
    load();
    tell(made);
  });
}

/** Told once; nobody can look it up later. */
function tell(made) {
  const shown = el("input", { id: "made-key", class: "secret", readonly: true, value: made.key, "aria-describedby": "key-once", "data-testid": "made-key", spellcheck: "false", autocomplete: "off" });
  const said = el("p", { class: "help", role: "status" });
  const copy = button("Copy", () => copied(made.key, shown, said), { class: "btn quiet", iconName: "copy" });
  const done = el("button", { type: "button", class: "btn", text: "I have stored it" });
  const dialog = openDialog(`Key “${made.name}”`, [
    el("p", { id: "key-once", text: "Store it where your program finds it, and nowhere else. It is shown this one time." }),
    el("div", { class: "field" }, el("label", { for: "made-key", text: "API key" }), shown, said),
    el("div", { class: "actions" }, copy, done),
  ]);
  shown.addEventListener("focus", () => shown.select());
  done.addEventListener("click", () => dialog.close());
  dialog.closed.then(() => fill(dialog.node)); // nothing keeps it
  shown.focus();
}

async function copied(text, shown, said) {
  try {
    await copyText(text);
    said.textContent = "Copied.";
  } catch {
    shown.focus();
    said.textContent = "The browser does not let this page copy. The key is selected: copy it with the keyboard.";
  }
}
