// Sums of people and of groups, for admins: how much was asked today and in 30 days, and the limits.
import { groupLimits, limitText, userLimits } from "../components/limits.js";
import { showPager } from "../components/pager.js";
import { complain } from "../components/toast.js";
import * as api from "../lib/api.js";
import { $, $$, button, debounce, el, fill, pageData } from "../lib/dom.js";
import { number } from "../lib/format.js";

const SIZE = 25;
const data = pageData("page-data");
const find = $("#find");
const SUMS = [
  ["questions_today", "Questions today"],
  ["tokens_today", "Tokens today"],
  ["questions_30_days", `Questions, ${data.days} days`],
  ["tokens_30_days", `Tokens, ${data.days} days`],
];
const KINDS = {
  users: { path: "/api/usage/users", first: "email", head: "Person", limits: "Own limit", row: person, note: "Evaluation runs are not among the sums, and count towards no limit." },
  groups: { path: "/api/usage/groups", first: "name", head: "Group", limits: "Limits", row: group, note: "Sums of those who are in a group now. Who is in several groups counts in each." },
};
let of = new URLSearchParams(location.search).get("of") === "groups" ? "groups" : "users";
let ordering = "-tokens_30_days";
let current = 1;

async function load(page = current) {
  current = page;
  const kind = KINDS[of];
  const asked = { page, page_size: SIZE, search: find.value.trim(), ordering };
  const path = api.query(kind.path, asked);
  load.latest = path;
  try {
    const answer = await api.get(path);
    if (load.latest !== path) return; // something else was asked for meanwhile
    head(kind);
    fill($("#rows"), answer.results.map(kind.row));
    $("#empty").hidden = answer.results.length > 0;
    $("#table").hidden = !answer.results.length;
    $("#note").textContent = kind.note;
    showPager($("#pager"), { page, size: SIZE, total: answer.count }, load);
  } catch (error) {
    complain(error);
  }
}

function head(kind) {
  const columns = [[kind.first, kind.head, "ascending"], ...SUMS.map(([name, label]) => [name, label, "descending"])];
  const cells = columns.map(([name, label, first]) => {
    const here = ordering.replace("-", "") === name;
    const direction = ordering.startsWith("-") ? "descending" : "ascending";
    const opposite = ordering.startsWith("-") ? name : `-${name}`;
    const next = here ? opposite : first === "descending" ? `-${name}` : name;
    const sign = here ? (direction === "descending" ? " ↓" : " ↑") : "";
    const sort = button(`${label}${sign}`, () => sortBy(next, name), { "aria-label": label, "data-column": name });
    return el("th", { class: name === kind.first ? null : "num", "aria-sort": here ? direction : null }, sort);
  });
  const rest = [el("th", { text: kind.limits }), el("th", {}, el("span", { class: "visually-hidden", text: "Actions" }))];
  fill($("#head"), el("tr", {}, cells, rest));
}

async function sortBy(next, name) {
  ordering = next;
  await load(1);
  $(`[data-column="${name}"]`)?.focus();
}

const sums = (row) => SUMS.map(([name, label]) => el("td", { class: "num", "data-label": label, text: number(row[name]) }));

function person(user) {
  const name = user.full_name || user.email;
  const mayLimit = data.is_superadmin || user.role !== "superadmin";
  return el(
    "tr",
    { "data-testid": "usage-row" },
    el("td", {}, name, user.full_name ? el("small", { text: user.email }) : null),
    sums(user),
    el("td", { "data-label": "Own limit", text: limitText(user.own_limit) }),
    el("td", { class: "acts" }, mayLimit ? button("Limits", () => userLimits(user, name, load).catch(complain), { "aria-label": `Limits of ${name}` }) : null),
  );
}

function group(one) {
  const texts = ["each", "together"].map((name) => [name, limitText(one.limits[name])]).filter(([, text]) => text).map(([name, text]) => `${name}: ${text}`);
  return el(
    "tr",
    { "data-testid": "usage-row" },
    el("td", {}, one.name, el("small", { text: one.user_count === 1 ? "1 person" : `${number(one.user_count)} people` })),
    sums(one),
    el("td", { "data-label": "Limits" }, texts.map((text) => el("div", { text }))),
    el("td", { class: "acts" }, button("Limits", () => groupLimits(one, load).catch(complain), { "aria-label": `Limits of ${one.name}` })),
  );
}

for (const pill of $$("[data-of]")) {
  pill.addEventListener("click", () => show(pill.dataset.of));
}

function show(kind) {
  of = kind;
  if (!ordering.includes("_")) ordering = "-tokens_30_days"; // by a name that the other kind does not have
  for (const pill of $$("[data-of]")) pill.setAttribute("aria-pressed", String(pill.dataset.of === kind));
  history.replaceState(null, "", kind === "groups" ? "?of=groups" : location.pathname);
  load(1);
}

find.addEventListener("input", debounce(() => load(1)));
show(of);
