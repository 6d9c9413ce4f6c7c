// Where questions are written: Enter sends, the box grows, an unsent draft survives a reload.
import { $, debounce } from "../lib/dom.js";
import { UsageNotice } from "./usage_notice.js";

const NEAR_LIMIT = 500;

export class Composer {
  /** @param {{submit: (text: string) => void, stop: () => void, files: (files: File[]) => void, tokensLimited: boolean}} on */
  constructor(root, on) {
    this.form = $("#ask-form", root);
    this.input = $("#question", root);
    this.askButton = $("#ask", root);
    this.stopButton = $("#stop", root);
    this.left = $("#chars-left", root);
    this.usage = new UsageNotice($("#usage-note", root), on.tokensLimited);
    this.on = on;
    this.draftKey = "";
    this.listen();
    this.listenForFiles($("#attach", root), $("#attach-file", root));
  }

  listen() {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.input.value.trim();
      if (text && !this.askButton.disabled && !this.askButton.hidden) this.on.submit(text);
    });
    this.input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.form.requestSubmit();
    });
    const keep = debounce(() => this.keepDraft(), 150);
    this.input.addEventListener("input", () => {
      this.grow();
      keep();
    });
    window.addEventListener("pagehide", () => this.keepDraft());
    this.stopButton.addEventListener("click", () => this.on.stop());
  }

  listenForFiles(opener, input) {
    const box = $(".box", this.form);
    opener.addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      this.on.files([...input.files]);
      input.value = "";
    });
    for (const kind of ["dragenter", "dragover"]) {
      box.addEventListener(kind, (event) => {
        if (!event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        box.classList.add("dropping");
      });
    }
    for (const kind of ["dragleave", "drop"]) box.addEventListener(kind, () => box.classList.remove("dropping"));
    box.addEventListener("drop", (event) => {
      if (!event.dataTransfer.files.length) return;
      event.preventDefault();
      this.on.files([...event.dataTransfer.files]);
    });
  }

  grow() {
    this.input.style.height = "auto";
    this.input.style.height = `${this.input.scrollHeight}px`;
    const rest = this.input.maxLength - this.input.value.length;
    this.left.hidden = rest > NEAR_LIMIT;
    this.left.textContent = `${rest} characters left`;
  }

  /** Which chat the box writes to; its unsent draft comes back. */
  useDraft(key) {
    this.draftKey = `draft:${key}`;
    const draft = sessionStorage.getItem(this.draftKey);
    if (draft && !this.input.value) this.setText(draft);
  }

  keepDraft() {
    if (!this.draftKey) return;
    if (this.input.value.trim()) sessionStorage.setItem(this.draftKey, this.input.value);
    else sessionStorage.removeItem(this.draftKey);
  }

  /** A question that is not stored yet comes back at the next visit. */
  keepQuestion(text) {
    if (this.draftKey) sessionStorage.setItem(this.draftKey, text);
  }

  setText(text) {
    this.input.value = text;
    this.grow();
    this.keepDraft();
  }

  clear() {
    this.setText("");
  }

  focus() {
    // on touch screens the keyboard would cover the conversation
    if (matchMedia("(hover: hover)").matches) this.input.focus();
  }

  /** @param {boolean} busy an answer is being written @param {boolean} stoppable it can be stopped already */
  setBusy(busy, stoppable = false) {
    this.askButton.hidden = busy;
    this.stopButton.hidden = !busy;
    this.stopButton.disabled = !stoppable;
    if (!busy) this.usage.refresh(); // an answer has ended, or a question was refused
  }

  setEnabled(enabled, placeholder) {
    this.input.disabled = !enabled;
    this.askButton.disabled = !enabled;
    $("#attach", this.form).disabled = !enabled;
    this.input.placeholder = placeholder;
  }
}
