// On every page: the theme switch, the navigation drawer, times in the reader's zone.
import { $, $$ } from "../lib/dom.js";
import { bytes, when } from "../lib/format.js";
import { NARROW, coverOthers } from "../lib/sheet.js";
import { leadToTabsChat } from "../lib/tab.js";

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function switchTheme() {
  const next = isDark() ? "light" : "dark";
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  if (next === system) {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem("theme"); // follow the system again
  } else {
    document.documentElement.dataset.theme = next;
    localStorage.setItem("theme", next);
  }
}

function setDrawer(open) {
  const opener = $("[data-drawer]");
  if (!opener) return;
  const drawer = document.getElementById(opener.getAttribute("aria-controls"));
  const within = drawer.contains(document.activeElement);
  document.body.classList.toggle("drawer-open", open);
  opener.setAttribute("aria-expanded", String(open));
  coverOthers(drawer, open);
  if (open) drawer.querySelector("a, button, input")?.focus();
  else if (within) opener.focus();
}

$$("[data-theme-toggle]").forEach((node) => node.addEventListener("click", switchTheme));
$$("[data-drawer]").forEach((node) => node.addEventListener("click", () => setDrawer(!document.body.classList.contains("drawer-open"))));
$$("[data-drawer-close]").forEach((node) => node.addEventListener("click", () => setDrawer(false)));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !document.body.classList.contains("drawer-open")) return;
  event.preventDefault(); // nothing else closes with it
  setDrawer(false);
});
document.addEventListener("verbatim:close-drawer", () => document.body.classList.contains("drawer-open") && setDrawer(false));
leadToTabsChat($("a[data-chats]"));
NARROW.addEventListener("change", () => setDrawer(false)); // on a wide screen it is no drawer
$$("[data-bytes]").forEach((node) => (node.textContent = bytes(Number(node.dataset.bytes))));
$$("time[datetime]").forEach((node) => {
  node.textContent = when(node.dateTime);
  node.title = new Date(node.dateTime).toLocaleString("en-GB");
});
