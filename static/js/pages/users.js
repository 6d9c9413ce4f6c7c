// People, for admins: find, create, change the role, deactivate, delete.
import { confirmAction, openDialog } from "../components/dialog.js";
import { submitting, values } from "../components/form.js";
import { userLimits } from "../components/limits.js";
import { showPager } from "../components/pager.js";
import { complain, say } from "../components/toast.js";
import * as api from "../lib/api.js";
import { $, button, debounce, el, fill, pageData } from "../lib/dom.js";
import { when } from "../lib/format.js";

const SIZE = 25;
const data = pageData("page-data");
const find = $("#find");
let current = 1;

async function load(page = current) {
  current = page;
  const search = find.value.trim();
  try {
    const answer = await api.get(api.query("/api/users", { page, page_size: SIZE, search }));
    if (search !== find.value.trim()) return;
    fill($("#rows"), answer.results.map(row));
    $("#empty").hidden = answer.results.length > 0;
    showPager($("#pager"), { page, size: SIZE, total: answer.count }, load);
  } catch (error) {
    complain(error);
  }
}

function row(user) {
  const name = user.full_name || user.email;
  const mayLimit = data.is_superadmin || user.role !== "superadmin";
  const fixed = user.id === data.me || user.role === "superadmin";
  return el(
    "tr",
    { "data-testid": "user-row" },
    el("td", {}, name, user.id === data.me ? el("span", { class: "tag", text: "you" }) : null, user.full_name ? el("small", { text: user.email }) : null),
    el("td", { "data-label": "Role" }, fixed ? user.role : roleSelect(user, name)),
    el("td", { "data-label": "State" }, el("span", { class: user.is_active ? "state ok" : "state", text: user.is_active ? "active" : "deactivated" })),
    el("td", { class: "nowrap", "data-label": "Since", text: when(user.created_at) }),
    el("td", { class: "acts" }, mayLimit ? limits(user, name) : null, fixed ? null : actions(user, name)),
  );
}

function roleSelect(user, name) {
  const options = data.roles.map(([value, label]) => el("option", { value, selected: value === user.role, text: label }));
  const select = el("select", { class: "input", "aria-label": `Role of ${name}` }, options);
  select.addEventListener("change", () => change(user, { role: select.value }, `${name} is now ${select.value}.`));
  return select;
}

const limits = (user, name) => button("Limits", () => userLimits(user, name).catch(complain), { "aria-label": `Limits of ${name}` });

function actions(user, name) {
  const toggle = user.is_active
    ? button("Deactivate", () => change(user, { is_active: false }, `${name} can no longer sign in.`), { "aria-label": `Deactivate ${name}` })
    : button("Activate", () => change(user, { is_active: true }, `${name} can sign in again.`), { "aria-label": `Activate ${name}` });
  const reset = button("New password", () => resetPassword(user, name), { "aria-label": `New password for ${name}` });
  return [toggle, reset, button("Delete", () => remove(user, name), { class: "word danger", "aria-label": `Delete ${name}` })];
}

async function change(user, changes, done) {
  try {
    await api.patch(`/api/users/${user.id}`, changes);
    say(done);
  } catch (error) {
    complain(error);
  }
  load();
}

async function resetPassword(user, name) {
  const sure = await confirmAction("Give a new password?", `The old password of ${name} stops working, and ${name} is signed out everywhere.`, { yes: "Give a new password", danger: false });
  if (!sure) return;
  try {
    const answer = await api.post(`/api/users/${user.id}/password`);
    tell(user, answer.new_password, "The new password");
  } catch (error) {
    complain(error);
  }
}

async function remove(user, name) {
  const sure = await confirmAction("Delete this user?", `${name} and all of this person's chats will be gone for good. Deactivating keeps them.`);
  if (!sure) return;
  try {
    await api.del(`/api/users/${user.id}`);
    say(`${name} was deleted.`);
  } catch (error) {
    complain(error);
  }
  load();
}

function create() {
  const form = $("#user-form").content.cloneNode(true).querySelector("form");
  const dialog = openDialog("New user", form, { testid: "new-user-dialog" });
  form.elements.email.focus();
  $("[data-cancel]", form).addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = values(form);
    if (!body.password) delete body.password;
    const user = await submitting(form, () => api.post("/api/users", body));
    if (!user) return;
    dialog.close();
    load(1);
    if (user.initial_password) tell(user, user.initial_password, "The first password");
    else say(`${user.email} can sign in now.`);
  });
}

/** The made-up password is told once; nobody can look it up later. */
function tell(user, password, title) {
  const close = el("button", { type: "button", class: "btn", text: "I have passed it on" });
  const dialog = openDialog(title, [el("p", { text: `Give it to ${user.email}. It is shown this one time.` }), el("p", {}, el("code", { "data-testid": "initial-password", text: password })), el("div", { class: "actions" }, close)]);
  close.addEventListener("click", () => dialog.close());
}

find.addEventListener("input", debounce(() => load(1)));
$("#new-user").addEventListener("click", create);
load();
