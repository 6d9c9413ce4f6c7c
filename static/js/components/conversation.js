// The log of questions and answers. Knows how things look and scroll, nothing about sockets.
import { $, button, el, fill, icon } from "../lib/dom.js";
import { nextStep } from "../lib/format.js";
import { Answer } from "./answer.js";

const NEAR_END = 90; // px from the bottom within which the log follows the text

export class Conversation {
  /** @param {object} on handed to each `Answer` */
  constructor(root, on) {
    this.log = $("#log", root);
    this.node = $("#messages", root);
    this.toEnd = $("#to-end", root);
    this.on = on;
    this.answers = new Map();
    this.following = true;
    this.lastTop = 0;
    this.log.addEventListener("scroll", () => this.onScroll(), { passive: true });
    this.toEnd.addEventListener("click", () => this.scrollToEnd(true));
    new ResizeObserver(() => this.following && this.scrollToEnd()).observe(this.node);
  }

  /** Only a move upwards leaves the end: what grows below, a whole answer's sources at once, is not the reader's. */
  onScroll() {
    const rest = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight;
    if (rest < NEAR_END) this.following = true;
    else if (this.log.scrollTop < this.lastTop) this.following = false;
    this.lastTop = this.log.scrollTop;
    this.toEnd.hidden = this.following;
  }

  scrollToEnd(force = false) {
    if (!this.following && !force) return;
    this.following = true;
    this.log.scrollTop = this.log.scrollHeight;
    this.toEnd.hidden = true;
  }

  /** Bring a message to the top and its reader to it; false when it does not stand here. */
  reveal(id) {
    const node = document.getElementById(`m${id}`);
    if (!node || !this.node.contains(node)) return false;
    this.following = false;
    node.tabIndex = -1;
    node.focus({ preventScroll: true });
    node.scrollIntoView({ block: "start" });
    node.classList.add("found");
    node.addEventListener("blur", () => node.classList.remove("found"), { once: true });
    this.onScroll();
    return true;
  }

  clear() {
    this.answers.clear();
    this.node.replaceChildren();
  }

  get isEmpty() {
    return !this.node.querySelector(".q, .a");
  }

  /** What stands here before the first question. */
  welcome(content) {
    fill(this.node, content);
  }

  question(text, { id = null, pending = false } = {}) {
    $(".welcome", this.node)?.remove();
    const node = el("div", { id: id && `m${id}`, class: pending ? "q pending" : "q", role: "article", "aria-label": "You asked", "data-testid": "question", text });
    this.node.append(node);
    this.scrollToEnd(pending);
    return node;
  }

  /** A new answer at the end (or in the place of another). */
  answer(id = null, instead = null) {
    $(".welcome", this.node)?.remove();
    const answer = new Answer(this.on);
    if (instead) instead.node.replaceWith(answer.node);
    else {
      for (const older of this.answers.values()) older.noLongerLatest();
      this.node.append(answer.node);
    }
    if (id) this.name(answer, id);
    this.scrollToEnd();
    return answer;
  }

  name(answer, id) {
    answer.id = id;
    answer.node.id = `m${id}`;
    this.answers.set(id, answer);
  }

  /** Undo a `replace` that the server refused. */
  restore(old, placeholder) {
    placeholder.node.replaceWith(old.node);
  }

  /** A refusal that belongs to no stored answer. */
  refusal(error, onRetry) {
    const again = onRetry ? button("Try again", () => (node.remove(), onRetry()), { class: "btn quiet small", iconName: "redo" }) : null;
    const node = el("div", { class: "notice bad", role: "alert", "data-testid": "chat-error" }, icon("warn"), el("div", {}, el("p", {}, el("strong", { text: error.message }), nextStep(error.message, error.details?.next_step)), again && el("p", {}, again)));
    this.node.append(node);
    this.scrollToEnd(true);
  }

  highlight(answer, marker) {
    for (const one of this.answers.values()) one.highlight(one === answer ? marker : null);
  }
}
