// Groups, for admins: create, rename, choose who is in, delete.
import { confirmAction, openDialog } from "../components/dialog.js";
import { submitting } from "../components/form.js";
import { groupLimits } from "../components/limits.js";
import { showPager } from "../components/pager.js";
import { Picker } from "../components/picker.js";
import { complain, say } from "../components/toast.js";
import * as api from "../lib/api.js";
import { $, button, debounce, el, fill, icon } from "../lib/dom.js";
import { number } from "../lib/format.js";

const SIZE = 25;
const find = $("#find");
let current = 1;

async function load(page = current) {
  current = page;
  const search = find.value.trim();
  try {
    const answer = await api.get(api.query("/api/groups", { page, page_size: SIZE, search }));
    fill($("#rows"), answer.results.map(row));
    $("#table").hidden = !answer.results.length;
    $("#empty").hidden = answer.results.length > 0;
    fill($("#empty"), search ? el("p", { text: "No group fits." }) : [el("h3", { text: "No groups yet" }), el("p", { text: "With groups you give a model to a department at once. Create one and choose who is in it." })]);
    showPager($("#pager"), { page, size: SIZE, total: answer.count }, load);
  } catch (error) {
    complain(error);
  }
}

function row(group) {
  return el(
    "tr",
    { "data-testid": "group-row" },
    el("td", {}, el("span", { class: "doc", text: group.name })),
    el("td", { class: "num", "data-label": "People", text: number(group.user_count) }),
    el("td", { class: "acts" }, button("Change", () => edit(group), { "aria-label": `Change ${group.name}` }), button("Limits", () => groupLimits(group).catch(complain), { "aria-label": `Limits of ${group.name}` }), button("Delete", () => remove(group), { class: "word danger", "aria-label": `Delete ${group.name}` })),
  );
}

async function remove(group) {
  const sure = await confirmAction("Delete this group?", `The people in “${group.name}” stay, but lose what was given to them through it.`);
  if (!sure) return;
  try {
    await api.del(`/api/groups/${group.id}`);
    say("The group was deleted.");
  } catch (error) {
    complain(error);
  }
  load();
}

/** The form of a new group, or of this one. */
async function edit(group = null) {
  const name = el("input", { id: "group-name", name: "name", required: true, maxlength: 150, value: group?.name ?? "" });
  const search = el("input", { type: "search", placeholder: "Find somebody", "aria-label": "Find somebody", autocomplete: "off" });
  const list = el("ul", { class: "picks" });
  const cancel = el("button", { type: "button", class: "btn quiet", text: "Cancel" });
  const form = el(
    "form",
    { novalidate: true },
    el("div", { class: "field" }, el("label", { for: "group-name", text: "Name" }), name),
    el("div", { class: "field" }, el("span", { class: "label", text: "Who is in it" }), el("div", { class: "search" }, icon("search"), search), list),
    el("div", { class: "notice bad", "data-summary": true, role: "alert", hidden: true }),
    el("div", { class: "actions" }, cancel, el("button", { class: "btn", text: group ? "Save the group" : "Create the group" })),
  );
  const dialog = openDialog(group ? `Group ${group.name}` : "New group", form, { testid: "group-dialog" });
  cancel.addEventListener("click", () => dialog.close());
  const people = new Picker({ list, search, path: "/api/users", chosen: group?.user_ids ?? [], label: (user) => [user.full_name || user.email, user.full_name ? user.email : ""], empty: "Nobody is here yet." });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = { name: name.value.trim(), user_ids: people.ids };
    const saved = await submitting(form, () => (group ? api.patch(`/api/groups/${group.id}`, body) : api.post("/api/groups", body)));
    if (!saved) return;
    dialog.close();
    say("The group is saved.");
    load();
  });
  name.focus();
  await people.load();
}

find.addEventListener("input", debounce(() => load(1)));
$("#new-group").addEventListener("click", () => edit().catch(complain));
load();
