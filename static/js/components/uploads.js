// Uploads in progress: several at once, each with its bar; a refusal stays with its reason while the others go on.
import * as api from "../lib/api.js";
import { $$, button, el } from "../lib/dom.js";
import { bytes, count, nextStep } from "../lib/format.js";
import { FormUpload, isLarge, pathOf, ResumableUpload, SLICE } from "../lib/upload.js";
import { chooseOne } from "./incoming.js";
import { keepFocus } from "./keep_focus.js";
import { agreeToReadingTime } from "./reading_time.js";
import { chooseForNames, chooseForRefused } from "./same_name.js";
import { complain, say } from "./toast.js";
import { emptyItem, leftOverItem, nameOf, refusedItem, showTransfer, skippedItem, waitingItem } from "./upload_item.js";

const AT_ONCE = 2;
const FEW = 4; // up to so many small files go one by one, more in batches
const BATCH_FILES = 40;
const MANY_MESSAGES = 3; // from so many on they can be dismissed together

/** Small files together, as many as one request carries well. */
function batches(files) {
  if (files.length <= FEW) return files.map((file) => [file]);
  const made = [];
  let size = Infinity;
  for (const file of files) {
    if (size + file.size > SLICE || made.at(-1).length >= BATCH_FILES) {
      made.push([]);
      size = 0;
    }
    made.at(-1).push(file);
    size += file.size;
  }
  return made;
}

/** One shape for the answers of all the doors: documents, and what was refused. */
function outcome(answer) {
  if (answer.documents) return { documents: answer.documents, refused: answer.refused ?? [] };
  return { documents: [answer.document ?? answer], refused: [] };
}

export class Uploads {
  /**
   * @param {HTMLElement} list
   * @param {{modelId: number, maxBytes: number, speeds: object, onStored: (document: object, known: boolean) => void}} options
   */
  constructor(list, { modelId, maxBytes, speeds, onStored }) {
    Object.assign(this, { list, modelId, maxBytes, speeds, onStored });
    this.path = `/api/models/${modelId}/documents`;
    this.waiting = [];
    this.running = new Set();
    this.leftOver = [];
    this.adding = Promise.resolve();
    this.tally = { stored: 0, known: 0, refused: 0 };
    this.status = el("p", { class: "visually-hidden", role: "status" });
    this.clear = button("Dismiss all messages", () => this.dismissAll(), { class: "word small clear", hidden: true });
    list.after(this.clear, this.status);
    new MutationObserver(() => (this.clear.hidden = $$("[data-told]", list).length < MANY_MESSAGES)).observe(list, { childList: true, subtree: true });
    keepFocus(list, () => document.getElementById("choose"));
    window.addEventListener("beforeunload", (event) => this.busy && event.preventDefault());
    window.addEventListener("verbatim:signed-out", (event) => this.busy && event.preventDefault()); // each one says so itself
  }

  dismissAll() {
    for (const item of $$("[data-told]", this.list)) item.remove();
    document.getElementById("choose")?.focus({ preventScroll: true }); // the button goes with its messages
  }

  get busy() {
    return this.running.size > 0 || this.waiting.length > 0;
  }

  /** Take files; their questions are asked one after the other. */
  add({ files, skipped = [] }) {
    this.adding = this.adding.then(() => this.take(files, skipped)).catch(complain);
  }

  /** Newer bytes for a document that is here. */
  replace(document_, file) {
    const about = { documentId: document_.id };
    this.adding = this.adding.then(async () => this.fits(file) && (await agreeToReadingTime([file], this.speeds)) && this.queue({ files: [file], ...about })).catch(complain);
  }

  async take(files, skipped) {
    if (skipped.length) this.list.append(skippedItem(skipped));
    const fresh = files.filter((file) => this.fits(file) && !this.goOnWith(file));
    const zips = fresh.filter((file) => /\.zip$/i.test(file.name));
    if (!fresh.length) return;
    const { chosen, known, newest } = await chooseForNames(this.path, fresh.filter((file) => !zips.includes(file)));
    for (const zip of zips) chosen.set(zip, "keep");
    const wanted = fresh.filter((file) => chosen.get(file) !== "skip");
    if (!wanted.length || !(await agreeToReadingTime(wanted.filter((file) => !known.has(file)), this.speeds))) return;
    for (const sameName of ["refuse", "replace", "keep"]) {
      const these = wanted.filter((file) => chosen.get(file) === sameName);
      for (const file of these.filter(isLarge)) this.queue({ files: [file], sameName, newest });
      for (const some of batches(these.filter((file) => !isLarge(file)))) this.queue({ files: some, sameName, newest });
    }
  }

  fits(file) {
    if (file.size <= this.maxBytes) return true;
    this.refuse(pathOf(file), `It is larger than ${bytes(this.maxBytes)}, which is the most that this server accepts.`);
    return false;
  }

  // --- what was begun before --------------------------------------------------------------------

  /** Show uploads of earlier visits that wait for the rest of their file. */
  async showLeftOver() {
    const found = await api.get(api.query("/api/uploads", { model_id: this.modelId }));
    for (const upload of (found.results ?? found).filter((one) => !one.session_id)) {
      const item = leftOverItem(upload, { choose: () => chooseOne((file) => this.chosenAgain(upload, file)), discard: () => this.discard(upload) });
      this.leftOver.push(Object.assign(upload, { item }));
      this.list.append(item);
    }
  }

  chosenAgain(upload, file) {
    if (this.isRestOf(upload, file)) this.goOnWith(file);
    else say(`That is another file: “${upload.name}” has ${bytes(upload.size)}.`, { bad: true });
  }

  async discard(upload) {
    try {
      await api.del(`/api/uploads/${upload.id}`);
    } catch (error) {
      if (error.status !== 404) return complain(error);
    }
    upload.item.remove();
    this.leftOver = this.leftOver.filter((one) => one !== upload);
    return undefined;
  }

  /** A file chosen again by itself does not know its folder any more. */
  isRestOf({ name, size }, file) {
    return file.size === size && (pathOf(file) === name || file.name === name.split("/").pop());
  }

  /** Whether this file is the rest of an upload that was begun before; then it goes on. */
  goOnWith(file) {
    const upload = this.leftOver.find((one) => this.isRestOf(one, file));
    if (!upload) return false;
    this.leftOver = this.leftOver.filter((one) => one !== upload);
    upload.item.remove();
    this.queue({ files: [file], address: `/api/uploads/${upload.id}` });
    return true;
  }

  // --- the queue --------------------------------------------------------------------------------

  queue(job) {
    const item = waitingItem(job.files, () => {
      this.waiting = this.waiting.filter((one) => one.item !== item);
      item.remove();
    });
    this.list.append(item);
    this.waiting.push({ ...job, item });
    this.next();
  }

  next() {
    while (this.running.size < AT_ONCE && this.waiting.length) {
      const job = this.waiting.shift();
      this.running.add(job);
      this.run(job).finally(() => {
        this.running.delete(job);
        this.next();
        if (!this.busy) this.sumUp();
      });
    }
  }

  transferOf({ files, sameName, documentId, address }, onChange) {
    const [file] = files;
    if (address || (files.length === 1 && isLarge(file))) return new ResumableUpload(file, { model_id: this.modelId, same_name: sameName, document_id: documentId }, { address, onChange });
    if (documentId) return new FormUpload(`/api/documents/${documentId}/replace`, { file }, { onChange });
    if (files.length === 1 && pathOf(file) === file.name) return new FormUpload(this.path, { same_name: sameName, file }, { onChange });
    return new FormUpload(`${this.path}/bulk`, { same_name: sameName, files }, { onChange });
  }

  async run(job) {
    let show = () => {};
    const transfer = this.transferOf(job, () => show());
    show = showTransfer(job.item, transfer, job.files);
    show();
    try {
      const { documents, refused } = outcome(await transfer.run());
      job.item.remove();
      for (const document_ of documents) this.stored(document_, job);
      this.ask(job, refused);
    } catch (error) {
      await this.failed(job, error);
    }
  }

  async failed(job, error) {
    if (error.code === "aborted") job.item.remove();
    else if (error.code === "document_name_taken") {
      job.item.remove();
      this.ask(job, [{ name: pathOf(job.files[0]), code: error.code, details: error.details }]);
    } else if (error.code === "answer_lost") {
      job.item.remove();
      await this.findLost(job);
    } else {
      if (!error.code) console.error(error);
      this.tally.refused += 1;
      const again = error.status === 0 || error.status === 409 || error.status >= 429;
      refusedItem(job.item, nameOf(job.files), error.sentence ?? "Something went wrong here.", { again: again ? () => (job.item.remove(), this.queue({ ...job, address: null })) : null });
    }
  }

  /** The file was complete when the connection broke: is its document there? If not, it is sent again. */
  async findLost(job) {
    const [file] = job.files;
    const { results } = await api.get(api.query(this.path, { search: pathOf(file) }));
    const there = results.find((one) => one.name === pathOf(file) && (one.size === file.size || one.replacing?.size === file.size));
    if (there) this.stored(there, job);
    else this.queue({ ...job, item: null, address: null });
  }

  /** Questions are asked one after the other. */
  ask(job, refused) {
    if (refused.length) this.adding = this.adding.then(() => this.refusedOf(job, refused)).catch(complain);
  }

  /** Files that the server did not take. Those whose name is taken are asked about. */
  async refusedOf(job, refused) {
    const taken = refused.filter((one) => one.code === "document_name_taken");
    const whole = job.files.length === 1 ? pathOf(job.files[0]) : null;
    const named = ({ name }) => (whole && name !== whole ? `${name}, in ${whole}` : name); // a file in a zip file
    for (const one of refused) if (!taken.includes(one)) this.refuse(named(one), one.message + nextStep(one.message, one.next_step));
    let rule = null;
    for (const [at, { name, details }] of taken.entries()) {
      const file = job.files.find((one) => pathOf(one) === name);
      if (!file) continue;
      const answer = rule ?? (await chooseForRefused(file, details?.document_id, taken.length - at - 1));
      if (answer.all) rule = answer;
      if (answer.choice !== "skip") this.queue({ files: [file], sameName: answer.choice, newest: job.newest });
    }
  }

  refuse(name, sentence) {
    this.tally.refused += 1;
    this.list.append(refusedItem(emptyItem(name), name, sentence));
  }

  /** An older document that does not wait to be read was here before, with these very bytes. */
  stored(document_, { newest = 0 }) {
    const known = document_.id <= newest && document_.status !== "queued" && !document_.replacing;
    this.tally[known ? "known" : "stored"] += 1;
    if (known) this.lastKnown = document_.name;
    this.onStored(document_, known);
  }

  /** One sentence when all is done: for the eye only when it says something new, for the ear always. */
  sumUp() {
    const { stored, known, refused } = this.tally;
    this.tally = { stored: 0, known: 0, refused: 0 };
    const already = known === 1 ? `“${this.lastKnown}” is already here, nothing to do` : known ? `${count(known, "file")} were already here` : "";
    const parts = [stored ? `${count(stored, "file")} stored` : "", already, refused ? `${count(refused, "file")} refused` : ""].filter(Boolean);
    if (!parts.length) return;
    const sentence = `${parts.join("; ")}.`;
    if (known || stored > 1) say(sentence);
    else this.status.textContent = sentence;
  }
}
