// Files that belong to one chat: uploaded, then read by a worker, each as a chip above the question.
import * as api from "../lib/api.js";
import { button, el, fill } from "../lib/dom.js";
import { bytes, duration, sending } from "../lib/format.js";
import { FormUpload, isLarge, ResumableUpload } from "../lib/upload.js";
import { chooseOne } from "./incoming.js";
import { UNFINISHED } from "./progress.js";
import { complain, say } from "./toast.js";

const POLL_MS = 1200;
const LOOK_FOR_WORKER = 5; // polls
const FINISHED = new Set(["completed", "failed", "cancelled"]);

const HELD = { paused: "paused", waiting: "no connection; goes on by itself", "signed-out": "you were signed out: sign in in another tab, then continue", storing: "being stored" };

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
    this.leftOver = [];
    this.queue = Promise.resolve();
    window.addEventListener("beforeunload", (event) => this.sending && event.preventDefault());
    window.addEventListener("verbatim:signed-out", (event) => this.sending?.pausable && event.preventDefault());
  }

  chip() {
    const chip = el("span", { class: "chip", "data-testid": "attachment" });
    this.node.append(chip);
    return chip;
  }

  /** Upload one after the other, so that the first can begin the chat for all. */
  add(files) {
    for (const file of files) {
      const begun = this.leftOver.find((one) => one.name === file.name && one.size === file.size);
      this.leftOver = this.leftOver.filter((one) => one !== begun);
      const chip = begun?.chip ?? this.chip();
      fill(chip, el("b", { text: file.name }), el("span", { class: "muted", text: "waits for its turn" }));
      const job = this.queue.then(() => this.upload(file, chip, begun && `/api/uploads/${begun.id}`));
      this.queue = job.then(() => {}, () => {}); // so it ends when all that were chosen are here
      this.keep(job.then((document_) => document_ && this.follow(document_, chip)));
    }
  }

  /** Show files that were attached before; those still in work are followed. */
  restore(documents) {
    for (const document_ of documents) this.keep(this.follow(document_, this.chip()));
    const { model_id, session_id } = this.where();
    if (session_id) this.showLeftOver(model_id, session_id).catch(() => {}); // a convenience
  }

  /** Uploads of an earlier visit that wait for the rest of their file. */
  async showLeftOver(modelId, sessionId) {
    const found = await api.get(api.query("/api/uploads", { model_id: modelId }));
    for (const upload of found.filter((one) => one.session_id === sessionId)) {
      const chip = this.chip();
      this.leftOver.push(Object.assign(upload, { chip }));
      const again = (file) => (file.name === upload.name && file.size === upload.size ? this.add([file]) : say(`That is another file: “${upload.name}” has ${bytes(upload.size)}.`, { bad: true }));
      fill(chip, el("b", { text: upload.name }), el("span", { class: "muted", text: `${bytes(upload.received)} of ${bytes(upload.size)} are here` }), button("Choose it again", () => chooseOne(again), { "aria-label": `Choose ${upload.name} again` }), this.remover(chip, () => this.discard(upload), upload.name));
    }
  }

  discard(upload) {
    this.leftOver = this.leftOver.filter((one) => one !== upload);
    api.del(`/api/uploads/${upload.id}`).catch((error) => error.status !== 404 && complain(error));
  }

  keep(job) {
    const whole = job.finally(() => this.work.delete(whole));
    this.work.add(whole);
  }

  /** Whether something is still on its way; `settled` waits for it. */
  get busy() {
    return this.work.size > 0;
  }

  /** Until all that were chosen are on the server, or failed to get there. */
  stored() {
    return this.queue;
  }

  settled() {
    return Promise.allSettled([...this.work]);
  }

  async upload(file, chip, address) {
    if (!chip.isConnected) return null;
    const bar = el("i");
    const says = el("span", { class: "muted", "aria-live": "off" }); // its numbers change all the time
    const go = button("Continue", () => transfer.resume(), { hidden: true });
    const show = ({ sent, size, state, speed, secondsLeft }) => {
      bar.style.width = `${size ? (sent / size) * 100 : 100}%`;
      says.textContent = HELD[state] ?? (isLarge(file) ? sending({ sent, size, rate: speed.rate, secondsLeft }) : "");
      go.hidden = state !== "signed-out" && state !== "paused";
    };
    const transfer = await this.transferOf(file, address, show);
    fill(chip, el("b", { text: file.name }), el("span", { class: "bar" }, bar), says, go, this.remover(chip, () => transfer.cancel(), file.name));
    this.sending = transfer;
    try {
      const answer = await transfer.run();
      const document_ = answer.document ?? answer;
      if (document_.session_id) this.onSession(document_.session_id);
      return document_;
    } catch (error) {
      if (error.code === "aborted") chip.remove();
      else this.failed(chip, file.name, error.sentence ?? "Something went wrong here.");
      return null;
    } finally {
      this.sending = null;
    }
  }

  /** A large file needs a chat that it belongs to before its first byte is sent; a form begins one by itself. */
  async transferOf(file, address, onChange) {
    if (!address && !isLarge(file)) return new FormUpload("/api/chat/upload", { ...this.where(), file }, { onChange });
    if (!this.where().session_id) this.onSession((await api.post("/api/chat/sessions", { model_id: this.where().model_id })).id);
    return new ResumableUpload(file, this.where(), { address, onChange });
  }

  /** Poll until the worker has read it. */
  async follow(document_, chip) {
    let now = document_;
    const gone = () => !chip.isConnected;
    const remove = () => api.del(`/api/documents/${now.id}`).catch(complain);
    const says = el("span", { class: "muted", "aria-live": "off" });
    const read = el("i");
    const bar = el("span", { class: "bar", hidden: true }, read);
    fill(chip, el("b", { text: now.name }), bar, says, this.remover(chip, remove, now.name));
    let alive = true;
    for (let polls = 0; UNFINISHED.has(now.status) && !gone(); polls += 1) {
      if (now.status === "queued" && polls % LOOK_FOR_WORKER === 1) alive = await this.workerAlive(now.model_id ?? this.where().model_id);
      says.textContent = this.readingWords(now, alive);
      read.style.width = `${now.progress?.percent ?? 0}%`;
      bar.hidden = now.status === "queued";
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      try {
        now = await api.get(`/api/documents/${now.id}`);
      } catch (error) {
        if (error.status === 404) return chip.remove();
      }
    }
    if (gone()) return undefined;
    if (now.status === "completed") fill(chip, el("b", { text: now.name }), el("span", { class: "state ok", text: "ready" }), this.remover(chip, remove, now.name));
    else if (FINISHED.has(now.status)) this.failed(chip, now.name, [now.error?.message, now.error?.next_step].filter(Boolean).join(" ") || "It could not be read.", remove);
    return undefined;
  }

  readingWords({ status, progress }, alive) {
    if (status === "queued") return alive ? "waits to be read" : "waits for a worker, none is running";
    const left = progress?.seconds_left;
    const percent = progress?.percent ? `being read · ${Math.round(progress.percent)} %` : "being read";
    return left > 5 ? `${percent} · ${duration(left)} left` : percent;
  }

  async workerAlive(modelId) {
    try {
      return (await api.get(`/models/${modelId}/counts`)).worker_alive;
    } catch {
      return true; // not known to be away
    }
  }

  failed(chip, name, sentence, then = () => {}) {
    chip.classList.add("bad");
    fill(chip, el("span", {}, el("b", { text: name }), ` ${sentence}`), this.remover(chip, then, name));
  }

  remover(chip, then, name) {
    return button(`Remove ${name}`, () => (chip.remove(), then()), { class: "icon-btn", iconName: "close", iconOnly: true });
  }
}
