// "26–50 of 312" with two buttons, for the contract's paginated lists.
import { button, el, fill } from "../lib/dom.js";
import { number } from "../lib/format.js";

/** @param {HTMLElement} node @param {(page: number) => void} go */
export function showPager(node, { page, size, total }, go) {
  const last = Math.max(1, Math.ceil(total / size));
  node.hidden = last <= 1;
  const from = (page - 1) * size + 1;
  fill(
    node,
    el("span", { text: `${number(from)}–${number(Math.min(total, page * size))} of ${number(total)}` }),
    button("Previous", () => go(page - 1), { class: "btn quiet small", disabled: page <= 1 }),
    button("Next", () => go(page + 1), { class: "btn quiet small", disabled: page >= last }),
  );
}
