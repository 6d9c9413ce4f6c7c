// Lines come and go in a list of work: the focus must not fall out of it.
import { $ } from "../lib/dom.js";

/**
 * When the line that has the focus goes, the focus goes to the line that takes its place, or to `rest`.
 * @param {HTMLElement} list @param {() => HTMLElement|null} rest
 */
export function keepFocus(list, rest) {
  let line = null;
  let at = 0;
  list.addEventListener("focusin", ({ target }) => {
    line = target.closest("li");
    at = [...list.children].indexOf(line);
  });
  list.addEventListener("focusout", ({ relatedTarget }) => relatedTarget && (line = null));
  new MutationObserver(() => {
    if (!line || line.isConnected || document.activeElement !== document.body) return;
    const next = list.children[Math.min(at, list.children.length - 1)];
    line = null;
    ((next && $("button:not([hidden])", next)) ?? rest())?.focus({ preventScroll: true });
  }).observe(list, { childList: true });
}
