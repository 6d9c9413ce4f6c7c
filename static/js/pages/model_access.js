// Who may use a model: choose people and groups, and read who has access for which reason.
import { showPager } from "../components/pager.js";
import { Picker } from "../components/picker.js";
import { complain, say } from "../components/toast.js";
import * as api from "../lib/api.js";
import { $, el, fill } from "../lib/dom.js";
import { count } from "../lib/format.js";

const path = `/api/models/${$("#access").dataset.model}/users`;
const save = $("#save");
let before = "";

function reason(text) {
  if (text === "direct") return "given directly";
  const [kind, ...rest] = text.split(": ");
  return kind === "group" ? `in the group ${rest.join(": ")}` : `as ${rest.join(": ")}`;
}

const SIZE = 25;

/** One page of those who have access. */
function explain({ results: grants, count: total }, page = 1) {
  showPager($("#pager"), { page, size: SIZE, total }, async (next) => {
    try {
      explain(await api.get(`${path}?page=${next}&page_size=${SIZE}`), next);
    } catch (error) {
      complain(error);
    }
  });
  const row = (grant) => el("tr", {}, el("td", {}, grant.full_name || grant.email, grant.full_name ? el("small", { text: grant.email }) : null), el("td", { "data-label": "Role", text: grant.role }), el("td", { "data-label": "Why", text: grant.why.map(reason).join(", ") }));
  fill($("#who"), grants.map(row));
}

const state = (users, groups) => JSON.stringify([users.ids, groups.ids]);

async function start() {
  const now = await api.get(path);
  explain(now);
  const changed = () => {
    save.disabled = state(users, groups) === before;
    $("#changes").textContent = save.disabled ? "" : `Not saved yet: ${count(users.ids.length, "person", "people")} and ${count(groups.ids.length, "group")}`;
  };
  const users = new Picker({ list: $("#users"), search: $("#find-user"), path: "/api/users?is_active=true", chosen: now.user_ids, label: (user) => [user.full_name || user.email, [user.full_name ? user.email : "", user.role].filter(Boolean).join(" · ")], empty: "Nobody is here yet.", onChange: changed });
  const groups = new Picker({ list: $("#groups"), search: $("#find-group"), path: "/api/groups", chosen: now.group_ids, label: (group) => [group.name, count(group.user_count, "person", "people")], empty: "There are no groups yet.", onChange: changed });
  before = state(users, groups);
  save.addEventListener("click", async () => {
    save.disabled = true;
    try {
      const answer = await api.post(path, { user_ids: users.ids, group_ids: groups.ids });
      explain(answer);
      before = state(users, groups);
      say("The access is saved.");
    } catch (error) {
      complain(error);
    }
    changed();
  });
  await Promise.all([users.load(), groups.load()]);
}

start().catch(complain);
