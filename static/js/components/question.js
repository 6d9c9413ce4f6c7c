// One question: what was asked, its versions, and a box to ask it in other words.
import { $, button, el, fill } from "../lib/dom.js";
import { branchSwitch } from "./branches.js";

/** What was typed for a question and not sent; `open` says whether its box stood open. */
class Draft {
  constructor(id) {
    this.key = `edit:${id}`;
  }

  read() {
    return JSON.parse(sessionStorage.getItem(this.key) ?? "null");
  }

  keep(text, open) {
    sessionStorage.setItem(this.key, JSON.stringify({ text, open }));
  }

  drop() {
    sessionStorage.removeItem(this.key);
  }
}

export class Question {
  /** @param {object} on what the reader may do: `edit(question, text)` tells whether it was sent, `choose(id, step)` */
  constructor(on, text, { id = null, siblings = null, pending = false } = {}) {
    this.on = on;
    this.text = text;
    this.id = id;
    this.siblings = siblings ?? { index: 0, ids: [id] };
    this.said = el("div", { class: "q", role: "article", "aria-label": "You asked", "data-testid": "question", text });
    this.below = el("div", { class: "q-acts" });
    this.node = el("div", { class: "asked" }, this.said, this.below);
    this.node.classList.toggle("pending", pending);
    if (id) this.name(id);
    if (id && this.draft.read()?.open) this.openEditor({ focus: false });
  }

  get draft() {
    return new Draft(this.id);
  }

  /** The server has stored it. @param {number[]} older its other versions, if it is one in other words */
  confirm(id, older = []) {
    this.siblings = { index: older.length, ids: [...older, id] };
    this.node.classList.remove("pending");
    this.name(id);
  }

  name(id) {
    this.id = id;
    this.node.id = `m${id}`;
    this.showActs();
  }

  showActs() {
    const edit = button("Edit", () => this.openEditor(), { iconName: "edit", "aria-label": "Edit this question", "data-idle": true });
    fill(this.below, branchSwitch(this.siblings, "question", this.on.choose), edit);
  }

  openEditor({ focus = true } = {}) {
    const input = el("textarea", { rows: "1", maxlength: $("#question").maxLength, "aria-label": "The question in other words", enterkeyhint: "send", value: this.draft.read()?.text ?? this.text });
    const send = button("Ask anew", () => this.send(input), { class: "btn small", "data-idle": true });
    const cancel = button("Cancel", () => this.closeEditor({ keep: false }), { class: "btn quiet small" });
    const hint = el("span", { class: "hint", text: "The old version is kept" });
    this.editor = el("div", { class: "q-edit", "data-testid": "edit-question" }, input, el("div", { class: "row" }, hint, cancel, send));
    this.listen(input);
    this.node.classList.add("editing");
    this.said.hidden = true;
    this.below.hidden = true;
    this.node.append(this.editor);
    this.draft.keep(input.value, true);
    this.grow(input);
    if (!focus) return;
    input.focus({ preventScroll: true });
    this.editor.scrollIntoView({ block: "nearest" });
    input.setSelectionRange(input.value.length, input.value.length);
  }

  listen(input) {
    input.addEventListener("input", () => {
      this.grow(input);
      this.draft.keep(input.value, true);
    });
    input.addEventListener("keydown", (event) => {
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key === "Escape") {
        event.stopPropagation();
        this.closeEditor({ keep: true });
      } else if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        this.send(input);
      }
    });
  }

  grow(input) {
    input.style.height = "auto";
    input.style.height = `${input.scrollHeight}px`;
  }

  send(input) {
    const text = input.value.trim();
    if (text) this.on.edit(this, text);
  }

  /** Esc keeps what was typed for the next time, Cancel does not. */
  closeEditor({ keep }) {
    if (keep) this.draft.keep($("textarea", this.editor).value, false);
    else this.draft.drop();
    this.editor.remove();
    this.editor = null;
    this.node.classList.remove("editing");
    this.said.hidden = false;
    this.below.hidden = false;
    $("[aria-label='Edit this question']", this.below).focus();
  }

  /** Where somebody is typing in this question's box, for `typeOn`; else null. */
  get typing() {
    const input = this.editor && $("textarea", this.editor);
    return input && document.activeElement === input ? { id: this.id, start: input.selectionStart, end: input.selectionEnd } : null;
  }

  typeOn({ start, end }) {
    const input = this.editor && $("textarea", this.editor);
    input?.focus({ preventScroll: true });
    input?.setSelectionRange(start, end);
  }
}
