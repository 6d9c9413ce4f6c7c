// Files that belong to one chat: uploaded, then read by a worker, each as a chip above the question.
import * as api from "../lib/api.js";
import { button, el, fill } from "../lib/dom.js";
import { complain } from "./toast.js";

const POLL_MS = 1200;
const UNFINISHED = new Set(["uploading", "queued", "processing"]);

export class Attachments {
  /**
   * @param {HTMLElement} node
   * @param {() => {model_id: number, session_id: string|null}} where the chat that files go to
   * @param {(sessionId: string) => void} onSession told when the first file began a chat
   */
  constructor(node, where, onSession) {
    this.node = node;
    this.where = where;
    this.onSession = onSession;
    this.work = new Set();
    this.queue = Promise.resolve();
  }

  /** Upload one after the other, so that the first can begin the chat for all. */
  add(files) {
    for (const file of files) {
      const chip = el("span", { class: "chip", "data-testid": "attachment" });
      this.node.append(chip);
      const job = this.queue.then(() => this.upload(file, chip));
      this.queue = job.then((document_) => void document_, () => {});
      this.keep(job.then((document_) => document_ && this.follow(document_, chip)));
    }
  }

  /** Show files that were attached before; those still in work are followed. */
  restore(documents) {
    for (const document_ of documents) {
      const chip = el("span", { class: "chip", "data-testid": "attachment" });
      this.node.append(chip);
      this.keep(this.follow(document_, chip));
    }
  }

  keep(job) {
    const whole = job.finally(() => this.work.delete(whole));
    this.work.add(whole);
  }

  /** Whether something is still on its way; `settled` waits for it. */
  get busy() {
    return this.work.size > 0;
  }

  settled() {
    return Promise.allSettled([...this.work]);
  }

  async upload(file, chip) {
    const fill_ = el("i");
    const sending = api.upload("/api/chat/upload", { ...this.where(), file }, (share) => (fill_.style.width = `${share * 100}%`));
    fill(chip, el("b", { text: file.name }), el("span", { class: "bar" }, fill_), this.remover(chip, () => sending.cancel(), file.name));
    try {
      const document_ = await sending.done;
      const session = document_.session_id ?? document_.document?.session_id;
      if (session) this.onSession(session);
      return document_.document ?? document_;
    } catch (error) {
      if (error.code === "aborted") chip.remove();
      else this.failed(chip, file.name, error.sentence);
      return null;
    }
  }

  /** Poll until the worker has read it. */
  async follow(document_, chip) {
    let now = document_;
    const gone = () => !chip.isConnected;
    const remove = () => api.del(`/api/documents/${now.id}`).catch(complain);
    fill(chip, el("b", { text: now.name }), el("span", { class: "muted", text: "being read" }), this.remover(chip, remove, now.name));
    while (UNFINISHED.has(now.status) && !gone()) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      try {
        now = await api.get(`/api/documents/${now.id}`);
      } catch (error) {
        if (error.status === 404) return chip.remove();
      }
    }
    if (gone()) return undefined;
    if (now.status === "completed") fill(chip, el("b", { text: now.name }), el("span", { class: "state ok", text: "ready" }), this.remover(chip, remove, now.name));
    else this.failed(chip, now.name, [now.error?.message, now.error?.next_step].filter(Boolean).join(" ") || "It could not be read.");
    return undefined;
  }

  failed(chip, name, sentence) {
    chip.classList.add("bad");
    fill(chip, el("span", {}, el("b", { text: name }), ` ${sentence}`), this.remover(chip, () => {}, name));
  }

  remover(chip, then, name) {
    return button(`Remove ${name}`, () => (chip.remove(), then()), { class: "icon-btn", iconName: "close", iconOnly: true });
  }
}
