// Questions in a native <dialog>: focus is kept inside, Esc cancels, the opener gets the focus back.
import { $, append, el } from "../lib/dom.js";

/**
 * Open a dialog with this content; `about` is the id of the text in it that is read aloud with its title.
 * @returns {{node: HTMLDialogElement, close: (value?: string) => void, closed: Promise<string>}}
 */
export function openDialog(title, content, { wide = false, testid = null, about = null } = {}) {
  const heading = el("h2", { id: "dialog-title", tabindex: "-1", autofocus: true, text: title }); // reading begins at the top
  const node = el("dialog", { class: wide ? "wide" : null, "aria-labelledby": "dialog-title", "aria-describedby": about, "data-testid": testid });
  append(node, heading, content);
  document.body.append(node);
  const closed = new Promise((resolve) => {
    node.addEventListener("close", () => {
      resolve(node.returnValue);
      node.remove();
    });
  });
  node.addEventListener("pointerdown", (event) => isBackdrop(node, event) && !$("form", node) && node.close(""));
  node.showModal();
  return { node, close: (value = "") => node.close(value), closed };
}

/** Outside of the box, not in its padding. What is being typed must not vanish with a slip of the hand. */
function isBackdrop(node, { target, clientX, clientY }) {
  const box = node.getBoundingClientRect();
  return target === node && (clientX < box.left || clientX > box.right || clientY < box.top || clientY > box.bottom);
}

const actions = (...buttons) => el("div", { class: "actions" }, ...buttons);

/** Ask before something that cannot be undone. Resolves to true when confirmed. */
export async function confirmAction(title, text, { yes = "Delete", no = "Cancel", danger = true } = {}) {
  const cancel = el("button", { type: "button", class: "btn quiet", text: no });
  const ok = el("button", { type: "button", class: danger ? "btn danger" : "btn", text: yes });
  const dialog = openDialog(title, [el("p", { id: "dialog-about", text }), actions(cancel, ok)], { about: "dialog-about" });
  cancel.addEventListener("click", () => dialog.close(""));
  ok.addEventListener("click", () => dialog.close("yes"));
  cancel.focus();
  return (await dialog.closed) === "yes";
}

/** Ask for one line (or several) of text. Resolves to the text, or null when cancelled. */
export async function askText(title, label, { help = "", value = "", yes = "Save", multiline = false, optional = false, maxlength = 200 } = {}) {
  const input = el(multiline ? "textarea" : "input", { id: "dialog-text", maxlength, required: !optional, value, "aria-describedby": help ? "dialog-help" : null });
  const cancel = el("button", { type: "button", class: "btn quiet", text: "Cancel" });
  const form = el("form", { method: "dialog" }, el("div", { class: "field" }, el("label", { for: "dialog-text", text: label }), input, help ? el("p", { class: "help", id: "dialog-help", text: help }) : null), actions(cancel, el("button", { class: "btn", text: yes })));
  const dialog = openDialog(title, form);
  let answer = null;
  form.addEventListener("submit", () => {
    answer = input.value.trim();
  });
  cancel.addEventListener("click", () => dialog.close());
  input.focus();
  input.select();
  await dialog.closed;
  return answer;
}
