// A small menu under a button: arrow keys move, Esc and a click elsewhere close it.
import { el } from "../lib/dom.js";

/** @param {HTMLElement} opener @param {{label: string, run: () => void, danger?: boolean}[]} entries */
export function openMenu(opener, entries) {
  const close = () => {
    menu.remove();
    opener.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
  };
  const outside = (event) => !menu.contains(event.target) && close();
  const menu = el("div", { class: "menu", role: "menu" });
  for (const { label, run, danger } of entries) {
    const pick = () => {
      close();
      opener.focus();
      run();
    };
    menu.append(el("button", { type: "button", role: "menuitem", class: danger ? "danger" : null, text: label, on: { click: pick } }));
  }
  menu.addEventListener("keydown", (event) => {
    const items = [...menu.children];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
    } else if (event.key === "Escape" || event.key === "Tab") {
      event.stopPropagation();
      close();
      opener.focus();
    }
  });
  document.body.append(menu);
  const at = opener.getBoundingClientRect();
  menu.style.left = `${Math.max(8, Math.min(at.left, innerWidth - menu.offsetWidth - 8)) + scrollX}px`;
  const below = at.bottom + menu.offsetHeight + 8 < innerHeight;
  menu.style.top = `${(below ? at.bottom + 4 : at.top - menu.offsetHeight - 4) + scrollY}px`;
  opener.setAttribute("aria-expanded", "true");
  document.addEventListener("pointerdown", outside, true);
  menu.firstElementChild.focus();
}
