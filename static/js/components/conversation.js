// The log of questions and answers. Knows how things look and scroll, nothing about sockets.
import { $, $$, button, el, fill, icon } from "../lib/dom.js";
import { nextStep } from "../lib/format.js";
import { Answer } from "./answer.js";
import { Question } from "./question.js";

const NEAR_END = 90; // px from the bottom within which the log follows the text

export class Conversation {
  /** @param {object} on handed to each `Answer` and `Question` */
  constructor(root, on) {
    this.log = $("#log", root);
    this.node = $("#messages", root);
    this.toEnd = $("#to-end", root);
    this.on = on;
    this.answers = new Map();
    this.questions = new Map();
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

  /** Empty it to be shown anew; who types in a question's box goes on typing then. */
  clear() {
    this.typing = [...this.questions.values()].map((question) => question.typing).find(Boolean) ?? null;
    this.answers.clear();
    this.questions.clear();
    this.node.replaceChildren();
  }

  /** Take this node and all below it away. */
  cutFrom(node) {
    const gone = [node];
    while (gone.at(-1).nextElementSibling) gone.push(gone.at(-1).nextElementSibling);
    for (const map of [this.answers, this.questions]) for (const [id, one] of map) if (gone.includes(one.node)) map.delete(id);
    for (const one of gone) one.remove();
  }

  isFollowed(answer) {
    return Boolean(answer.node.nextElementSibling);
  }

  /** While an answer is written nothing is changed above it. */
  setBusy(busy) {
    for (const control of $$("[data-idle]", this.node)) control.disabled = busy;
  }

  /** Another version was chosen: it stays where the eye and the focus are. */
  showVersion(id, step) {
    const { node } = this.questions.get(id) ?? this.answers.get(id) ?? {};
    const arrows = node ? $$("[data-step]", node).filter((arrow) => !arrow.disabled) : [];
    this.following = false;
    node?.scrollIntoView({ block: "nearest" });
    (arrows.find((arrow) => Number(arrow.dataset.step) === step) ?? arrows[0])?.focus({ preventScroll: true });
    return Boolean(node);
  }

  get isEmpty() {
    return !this.node.querySelector(".asked, .a");
  }

  /** What stands here before the first question. */
  welcome(content) {
    fill(this.node, content);
  }

  /** A question at the end; without an id it is not stored yet. */
  question(text, { id = null, siblings = null, pending = false } = {}) {
    $(".welcome", this.node)?.remove();
    if (pending) for (const refusal of $$("[data-testid='chat-error']", this.node)) refusal.remove(); // of what was asked before
    const question = new Question(this.on, text, { id, siblings, pending });
    this.node.append(question.node);
    if (id) this.questions.set(id, question);
    if (id && this.typing?.id === id) question.typeOn(this.typing);
    this.scrollToEnd(pending);
    return question;
  }

  confirm(question, id, older) {
    question.confirm(id, older);
    this.questions.set(id, question);
  }

  /** A new answer at the end, or in the place of another and of all below that. */
  answer(id = null, instead = null) {
    $(".welcome", this.node)?.remove();
    const answer = new Answer(this.on);
    if (instead) this.cutFrom(instead.node);
    this.node.append(answer.node);
    if (id) this.name(answer, id);
    this.scrollToEnd();
    return answer;
  }

  name(answer, id) {
    answer.id = id;
    answer.node.id = `m${id}`;
    answer.siblings = answer.siblingsFor?.(id) ?? { index: 0, ids: [id] };
    this.answers.set(id, answer);
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
