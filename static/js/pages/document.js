// One document: its state as it changes, how it was read, and its passages.
import { confirmAction } from "../components/dialog.js";
import { chooseOne } from "../components/incoming.js";
import { showPager } from "../components/pager.js";
import { remedy, servingWords, StateLine, UNFINISHED, warningsOf } from "../components/progress.js";
import { factsOf } from "../components/reading_facts.js";
import { isProfile, showTableProfile } from "../components/table_profile.js";
import { complain, say } from "../components/toast.js";
import { Uploads } from "../components/uploads.js";
import * as api from "../lib/api.js";
import { $, button, el, fill, icon, pageData, refill } from "../lib/dom.js";
import { count, nextStep, number, place } from "../lib/format.js";
import { LiveSocket } from "../lib/socket.js";

const SIZE = 25;
const POLL_MS = 3000;
const WORKER_MS = 15_000;
const MINUTE = 60_000;
const data = pageData("page-data");

class DocumentPage {
  constructor() {
    this.around = { workerAlive: !data.worker_missing, inWork: data.in_work };
    this.line = new StateLine();
    this.remarks = el("div");
    this.made = new Map(); // node -> what it was made from: what did not change keeps what is open, chosen or focused in it
    fill($("#state"), this.line.line, this.line.words, this.remarks);
  }

  put(node, made, make) {
    if (this.made.get(node) === made) return;
    this.made.set(node, made);
    refill(node, make());
  }

  async start() {
    try {
      this.show(await api.get(`/api/documents/${data.id}`));
    } catch (error) {
      complain(error);
      return;
    }
    this.loadPassages(1);
    this.watch();
    if (data.manages) this.uploads = new Uploads($("#uploads"), { modelId: data.model_id, maxBytes: data.max_file_mb * 1024 * 1024, speeds: data.speeds, onStored: (document_) => this.stored(document_) });
  }

  // --- its state --------------------------------------------------------------------------------

  show(document_) {
    const before = this.document;
    this.document = document_;
    this.showFacts();
    this.showState(document_);
    this.showActions(document_);
    const finished = before && UNFINISHED.has(before.status) && !UNFINISHED.has(document_.status);
    if (finished) this.loadPassages(1);
    if (!before || finished) showTableProfile($("#profile"), document_).catch(complain);
    const missing = document_.status === "queued" && !this.around.workerAlive;
    $("#worker-missing").hidden = !missing;
  }

  showFacts() {
    const facts = factsOf(this.document);
    this.put($("#facts"), facts.textContent, () => facts);
  }

  showState(document_) {
    this.line.show(document_, this.around);
    const serving = servingWords(document_);
    const error = document_.status === "failed" ? document_.error : null;
    const warnings = document_.status === "completed" ? warningsOf(document_) : [];
    this.put(this.remarks, serving + document_.rebuilding, () => [serving ? el("small", { text: serving }) : null, document_.rebuilding ? el("small", { text: "part of a rebuild of all documents" }) : null]);
    this.put($("#notices"), JSON.stringify([error, warnings]), () => [
      error ? el("div", { class: "notice bad", "data-testid": "failure" }, icon("warn"), el("p", {}, el("strong", { text: error.message }), data.manages || document_.session_id ? nextStep(error.message, error.next_step) : " Tell an administrator if you need it.")) : null,
      warnings.length ? el("div", { class: "notice warn", "data-testid": "warnings" }, icon("warn"), el("div", {}, warnings.map((text) => el("p", { text })))) : null,
    ]);
  }

  showActions(document_) {
    if (!data.manages) return;
    const unfinished = UNFINISHED.has(document_.status);
    const advised = remedy(document_);
    const act = (label, name, run) => button(label, run, { class: name === advised ? "btn" : "btn quiet" });
    const again = document_.has_original ? act("Reprocess", "reprocess", () => this.act("reprocess")) : null;
    const first = unfinished ? act("Cancel", "cancel", () => this.act("cancel")) : [act("Replace", "replace", () => chooseOne((file) => this.uploads.replace(this.document, file))), again];
    this.put($("#acts"), JSON.stringify([unfinished, advised, document_.has_original]), () => [first, act("Delete", "remove", () => this.remove())]);
  }

  stored(document_) {
    if (document_.id === data.id) this.show(document_);
    else location.assign(`/documents/${document_.id}/`);
  }

  // --- live -------------------------------------------------------------------------------------

  watch() {
    const socket = new LiveSocket(api.query("/api/documents/ws", { model_id: data.model_id, session_id: this.document.session_id }));
    socket.addEventListener("frame", ({ detail }) => {
      if (detail.type === "document" && detail.document.id === data.id) this.show(detail.document);
      if (detail.type === "document_deleted" && detail.document_id === data.id) this.gone();
    });
    socket.addEventListener("state", ({ detail }) => detail.state === "connected" && this.refresh());
    socket.open();
    const seen = () => document.visibilityState === "visible" && UNFINISHED.has(this.document.status);
    setInterval(() => !socket.connected && seen() && this.refresh(), POLL_MS);
    setInterval(() => seen() && this.lookForWorker(), WORKER_MS);
    setInterval(() => this.showFacts(), MINUTE); // "just now" becomes "1 min ago"
  }

  async refresh() {
    try {
      this.show(await api.get(`/api/documents/${data.id}`));
    } catch (error) {
      if (error.status === 404) this.gone();
    }
  }

  async lookForWorker() {
    try {
      const counts = await api.get(`/models/${data.model_id}/counts`);
      this.around = { workerAlive: counts.worker_alive, inWork: counts.in_work };
      this.show(this.document);
    } catch {
      // the state stays what it was
    }
  }

  gone() {
    location.assign(`/models/${data.model_id}/`);
  }

  // --- actions ----------------------------------------------------------------------------------

  async act(action) {
    try {
      this.show(await api.post(`/api/documents/${data.id}/${action}`));
    } catch (error) {
      complain(error);
    }
  }

  async remove() {
    if (!(await confirmAction("Delete this document?", `“${this.document.name}” and its passages will be gone for good. Answers that cite it keep their words, not the passage.`))) return;
    try {
      await api.del(`/api/documents/${data.id}`);
      say("The document was deleted.");
      this.gone();
    } catch (error) {
      complain(error);
    }
  }

  // --- passages ---------------------------------------------------------------------------------

  passage(chunk, index) {
    const profile = isProfile(chunk, this.document);
    const where = [place(chunk), chunk.section || (profile ? "about the whole table" : "")].filter(Boolean).join(" · ");
    const header = el("header", {}, el("b", { text: `Passage ${number(index)}` }), el("span", { class: "muted", text: `${where}${where ? " · " : ""}${count(chunk.token_count, "token")}` }));
    return el("li", { class: "hit" }, header, el("p", { class: "text", dir: "auto", text: chunk.content }));
  }

  async loadPassages(page) {
    try {
      const { count: total, results } = await api.get(api.query(`/api/documents/${data.id}/chunks`, { page, page_size: SIZE }));
      fill($("#chunks"), results.map((chunk, at) => this.passage(chunk, (page - 1) * SIZE + at + 1)));
      $("#empty").hidden = total > 0;
      if (!total) fill($("#empty"), el("p", { text: this.emptyWords() }));
      showPager($("#pager"), { page, size: SIZE, total }, (next) => this.turn(next));
    } catch (error) {
      complain(error);
    }
  }

  async turn(page) {
    await this.loadPassages(page);
    $("#h-passages").focus({ preventScroll: true });
    $("#h-passages").scrollIntoView();
  }

  emptyWords() {
    if (UNFINISHED.has(this.document.status)) return "They appear here as soon as the document is completed.";
    if (this.document.status === "cancelled") return "There are no passages: its reading was cancelled.";
    return "There are no passages: nothing of this document can be found or cited.";
  }
}

new DocumentPage().start();
