// How much somebody, or a group, may ask: the dialog in which admins set it.
import * as api from "../lib/api.js";
import { $, el } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { openDialog } from "./dialog.js";
import { submitting } from "./form.js";
import { say } from "./toast.js";

const FIELDS = [
  ["messages_per_minute", "Questions per minute", 100_000],
  ["tokens_per_day", "Tokens per day", Number.MAX_SAFE_INTEGER],
];

const SAID = {
  messages_per_minute: (value) => (value ? `${number(value)} per minute` : "any number per minute"),
  tokens_per_day: (value) => (value ? `${number(value)} tokens per day` : "any number of tokens"),
};

/** "5 per minute · 10,000 tokens per day"; nothing where nothing is set. */
export function limitText(limit) {
  return FIELDS.filter(([what]) => limit[what] !== null).map(([what]) => SAID[what](limit[what])).join(" · ");
}

const SOURCES = {
  user: () => "a limit of their own",
  group: (one) => `for each member of ${one.group}`,
  default: () => "for everybody here",
  group_together: (one) => `shared by all members of ${one.group}`,
};

/** "10,000 tokens per day, of which 8,400 are used today: for everybody here" */
function bindingText(one) {
  const what = one.what === "tokens_per_day" ? `${number(one.limit)} tokens per day, ${number(one.used)} used today` : `${number(one.limit)} questions per minute`;
  return `${what} (${SOURCES[one.source](one)})`;
}

/** Fields for one limit. */
function fieldset(name, title, help, limit) {
  const about = `limit-${name}-help`;
  const inputs = FIELDS.map(([what, label, max]) => {
    const id = `limit-${name}-${what}`;
    return el("div", { class: "field" }, el("label", { for: id, text: label }), el("input", { id, name: `${name}.${what}`, type: "number", min: 0, max, step: 1, inputmode: "numeric", placeholder: "not set", value: limit[what] ?? "" }));
  });
  const node = el("fieldset", { class: "limit-set", "aria-describedby": about }, el("legend", { text: title }), el("p", { class: "help", id: about, text: help }), el("div", { class: "pair" }, inputs));
  const value = (what) => {
    const input = $(`[name="${name}.${what}"]`, node);
    return input.value === "" ? null : Number(input.value);
  };
  return { name, node, read: () => Object.fromEntries(FIELDS.map(([what]) => [what, value(what)])) };
}

/** The server names fields within fields; the form's have one name each. */
function named(error) {
  const flat = {};
  for (const [name, detail] of Object.entries(error.details ?? {})) {
    if (detail && typeof detail === "object" && !Array.isArray(detail)) for (const [inner, text] of Object.entries(detail)) flat[`${name}.${inner}`] = text;
    else flat[name] = detail;
  }
  error.details = flat;
  return error;
}

function ask(title, path, intro, sets, done) {
  const cancel = el("button", { type: "button", class: "btn quiet", text: "Cancel" });
  const form = el("form", { novalidate: true }, intro, sets.map((set) => set.node), el("div", { class: "notice bad", "data-summary": true, role: "alert", hidden: true }), el("div", { class: "actions" }, cancel, el("button", { class: "btn", text: "Save the limits" })));
  const dialog = openDialog(title, form, { testid: "limits-dialog" });
  cancel.addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = Object.fromEntries(sets.map((set) => [set.name, set.read()]));
    const saved = await submitting(form, () => api.put(path, body).catch((error) => Promise.reject(named(error))));
    if (!saved) return;
    dialog.close();
    say("The limits are saved.");
    done?.();
  });
}

/** @param {{id: number}} user @param {string} name @param {() => void} [done] */
export async function userLimits(user, name, done) {
  const path = `/api/users/${user.id}/limits`;
  const found = await api.get(path);
  const now = [el("p", { class: "help", text: found.in_force.length ? "In force now:" : "There is no limit now." }), found.in_force.length ? el("ul", { class: "plain" }, found.in_force.map((one) => el("li", { text: bindingText(one) }))) : null];
  const own = fieldset("own", "A limit of their own", "Goes before the limits of groups and of the whole deployment. Empty: not set here, so those hold. 0: no limit.", found.own);
  ask(`Limits of ${name}`, path, now, [own], done);
}

/** @param {{id: number, name: string}} group @param {() => void} [done] */
export async function groupLimits(group, done) {
  const path = `/api/groups/${group.id}/limits`;
  const found = await api.get(path);
  const each = fieldset("each", "For each member", "Instead of what holds for everybody. Who is in several groups has the most generous; who has a limit of their own keeps it. Empty: not set here. 0: no limit.", found.each);
  const together = fieldset("together", "For the group together", "All members share it, beside the limit that each has. It counts what those ask who are in the group now.", found.together);
  ask(`Limits of ${group.name}`, path, null, [each, together], done);
}
