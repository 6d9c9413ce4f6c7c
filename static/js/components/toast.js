// Short messages in the corner; the region is announced by screen readers.
import { $, el } from "../lib/dom.js";

const SHOWN_FOR = 6000;

/** Say that something was done. */
export function say(text, { bad = false } = {}) {
  const toast = el("div", { class: bad ? "toast bad" : "toast" }, el("span", { text }));
  const gone = () => toast.remove();
  toast.append(el("button", { type: "button", text: "Dismiss", on: { click: gone } }));
  $("#toasts").append(toast);
  setTimeout(gone, bad ? SHOWN_FOR * 2 : SHOWN_FOR);
}

/** Say what went wrong and what to do; programming errors go to the console as well. */
export function complain(error) {
  if (error.name === "AbortError") return;
  if (!error.code) console.error(error);
  say(error.sentence || error.message || "Something went wrong here.", { bad: true });
}
