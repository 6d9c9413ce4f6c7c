// The documents of a model: uploads, the list with live status (socket, else polling), filters, order, actions.
import { Bulk } from "../components/bulk.js";
import { confirmAction } from "../components/dialog.js";
import { DocumentRow } from "../components/document_row.js";
import { acceptFiles, chooseOne } from "../components/incoming.js";
import { showPager } from "../components/pager.js";
import { UNFINISHED } from "../components/progress.js";
import { isFilter, StatePills } from "../components/state_pills.js";
import { complain, say } from "../components/toast.js";
import { Uploads } from "../components/uploads.js";
import * as api from "../lib/api.js";
import { $, debounce, el, fill, pageData } from "../lib/dom.js";
import { count, number } from "../lib/format.js";
import { LiveSocket } from "../lib/socket.js";

const PAGE_SIZE = 25;
const POLL_MS = 3000;
const COUNTS_MS = 15_000; // how often to look whether a worker lives, while something waits for one
const MINUTE = 60_000;
const TOLD_AFTER_MS = 1500; // several that end at once are told in one sentence
const NEWEST = "-created_at";

class DocumentsPage {
  constructor(data) {
    this.data = data;
    this.path = `/api/models/${data.model_id}/documents`;
    this.rows = new Map(); // document id -> DocumentRow
    this.documents = new Map();
    this.around = { workerAlive: !data.worker_missing, inWork: 0 };
    this.on = { manages: data.manages, run: (action, id) => this.run(action, this.documents.get(id)), select: (id, on) => this.bulk.select(id, on) };
    this.refreshCounts = debounce(() => this.loadCounts(), 400);
    this.ended = { completed: 0, failed: 0 };
    this.tellEnded = debounce(() => this.sayEnded(), TOLD_AFTER_MS);
  }

  start() {
    this.readAddress();
    $("#find").addEventListener("input", debounce(() => this.look()));
    $("#order").addEventListener("change", () => this.look());
    if (this.data.manages) this.startManaging();
    this.load(this.page);
    this.loadCounts();
    this.watch();
    setInterval(() => this.showAll(), MINUTE); // "just now" becomes "1 min ago"
  }

  // --- what is looked for: kept in the address, so that reload, back and links find it again ------

  readAddress() {
    const asked = new URLSearchParams(location.search);
    const filter = asked.get("state") ?? "";
    this.filter = isFilter(filter) ? filter : "";
    this.page = Math.max(1, Number.parseInt(asked.get("page"), 10) || 1);
    $("#find").value = asked.get("q") ?? "";
    if (asked.has("order")) $("#order").value = asked.get("order");
    if (!$("#order").value) $("#order").value = NEWEST;
    this.pills = new StatePills($("#pills"), this.filter, (chosen) => {
      this.filter = chosen;
      this.bulk?.clear();
      this.look();
      this.refreshCounts();
    });
  }

  writeAddress() {
    const wanted = { state: this.filter, q: $("#find").value.trim(), order: this.order === NEWEST ? "" : this.order, page: this.page > 1 ? this.page : "" };
    history.replaceState(history.state, "", api.query(location.pathname, wanted));
  }

  /** Show what fits, from its beginning, and say how many do. */
  async look(page = 1) {
    await this.load(page);
    $("#found").textContent = `${count(this.total ?? 0, "document")} found`;
  }

  async turn(page) {
    await this.look(page);
    $("#list").focus({ preventScroll: true });
    $("#list").scrollIntoView();
  }

  startManaging() {
    this.bulk = new Bulk($("#bulk"), $("#choose-all"), {
      documents: () => this.documents,
      mark: (id, on) => this.rows.get(id) && (this.rows.get(id).box.checked = on),
      after: (action, id, answer) => (action === "remove" ? this.forget(id) : answer && this.put(answer)),
      done: () => (this.refreshCounts(), this.load()),
    });
    this.uploads = new Uploads($("#uploads"), { modelId: this.data.model_id, maxBytes: this.data.max_file_mb * 1024 * 1024, speeds: this.data.speeds, onStored: (document_) => this.stored(document_) });
    acceptFiles({ area: $("#drop"), opener: $("#choose"), input: $("#files"), folderOpener: $("#choose-folder"), folderInput: $("#folder") }, (found) => this.uploads.add(found));
    this.uploads.showLeftOver().catch(complain);
  }

  // --- the list ---------------------------------------------------------------------------------

  get order() {
    return $("#order").value;
  }

  /** Whether the list is the plain one, which grows at its beginning. */
  get isPlain() {
    return this.page === 1 && !this.filter && !$("#find").value && this.order === NEWEST;
  }

  async load(page = this.page) {
    this.page = page;
    this.writeAddress();
    const search = $("#find").value.trim();
    const chosen = this.filter === "warned" ? { has_warnings: true } : { status: this.filter };
    const asked = (this.asked = api.query(this.path, { page, page_size: PAGE_SIZE, search, ordering: this.order, ...chosen }));
    try {
      const answer = await api.get(asked);
      if (asked !== this.asked) return;
      this.show(answer, search);
    } catch (error) {
      if (error.status === 404 && page > 1) this.load(1); // the last document of the last page went
      else complain(error);
    }
  }

  show({ count: total, results }, search) {
    this.total = total;
    const wanted = new Set(results.map((one) => one.id));
    for (const id of [...this.rows.keys()]) if (!wanted.has(id)) this.forget(id);
    $(".loading-words", $("#rows"))?.closest("tr").remove();
    for (const document_ of results) this.put(document_);
    const nodes = results.map((one) => this.rows.get(one.id).node);
    if (nodes.some((node, at) => $("#rows").children[at] !== node)) $("#rows").append(...nodes); // in this order
    $("#table").hidden = !results.length;
    const empty = $("#empty");
    empty.hidden = results.length > 0;
    if (!results.length) fill(empty, this.emptyWords(search));
    this.bulk?.show();
    $("#tools").hidden = $("#bulk-row").hidden = !results.length && !search && !this.filter;
    showPager($("#pager"), { page: this.page, size: PAGE_SIZE, total }, (page) => this.turn(page));
  }

  emptyWords(search) {
    if (search || this.filter) return [el("h3", { text: "Nothing fits" }), el("p", { text: search ? `No document${this.filter ? " in this state" : ""} has “${search}” in its name or title.` : "No document is in this state." })];
    if (this.data.manages) return [el("h3", { text: "No documents yet" }), el("p", { text: "Choose files above. You can ask about each of them as soon as it is “completed”." })];
    return [el("h3", { text: "No documents yet" }), el("p", { text: "An administrator has to add some before this model can answer." })];
  }

  /** Show a document's newest state; a row that is not on this page is left alone. */
  put(document_, { prepend = false } = {}) {
    let row = this.rows.get(document_.id);
    if (!row) {
      row = new DocumentRow(document_.id, this.on);
      this.rows.set(document_.id, row);
      if (prepend) $("#rows").prepend(row.node);
      else $("#rows").append(row.node);
    }
    this.documents.set(document_.id, document_);
    row.show(document_, this.around);
    if (prepend && this.rows.size > PAGE_SIZE) this.forget(Math.min(...this.rows.keys())); // it is on the next page now
    this.bulk?.show();
  }

  /** The list's newest documents are on its first page; anything older stands on a later one. */
  isNew(document_) {
    return document_.id > Math.max(0, ...this.rows.keys());
  }

  stored(document_) {
    this.refreshCounts();
    if (this.rows.has(document_.id)) return this.put(document_);
    if (!this.isPlain || !this.isNew(document_)) return void this.load(1);
    $("#table").hidden = $("#tools").hidden = $("#bulk-row").hidden = false;
    $("#empty").hidden = true;
    this.put(document_, { prepend: true });
    return undefined;
  }

  async loadCounts() {
    try {
      const counts = await api.get(`/models/${this.data.model_id}/counts`);
      this.pills.show(counts);
      const missing = $("#worker-missing");
      if (missing) missing.hidden = counts.worker_alive;
      $("#rebuild-running").hidden = !counts.rebuild_running;
      $("#count-documents").textContent = count(counts.all, "document");
      $("#count-passages").textContent = count(counts.chunks, "passage");
      this.around = { workerAlive: counts.worker_alive, inWork: counts.in_work };
      this.waiting = counts.by_status.queued > 0 || counts.rebuild_running;
      this.showAll();
    } catch (error) {
      complain(error);
    }
  }

  showAll() {
    for (const [id, row] of this.rows) row.show(this.documents.get(id), this.around);
  }

  // --- live -------------------------------------------------------------------------------------

  watch() {
    const socket = new LiveSocket(`/api/documents/ws?model_id=${this.data.model_id}`);
    socket.addEventListener("frame", (event) => this.receive(event.detail));
    socket.addEventListener("state", ({ detail }) => {
      const live = detail.state === "connected";
      if (detail.state !== "connecting") $("#live").textContent = live ? "" : "Not live: this list is looked up every few seconds.";
      if (detail.state === "refused") this.checkAccess();
      if (live && this.wasLost) this.load(); // what was missed meanwhile
      if (!live) this.wasLost = detail.state === "waiting";
    });
    socket.open();
    const seen = () => document.visibilityState === "visible";
    setInterval(() => !socket.connected && seen() && this.load(), POLL_MS);
    setInterval(() => (this.waiting || !this.around.workerAlive) && seen() && this.loadCounts(), COUNTS_MS);
  }

  /** The socket was refused: signed out (leads to the sign-in page), or the model was taken away. */
  async checkAccess() {
    try {
      await api.get(`/api/models/${this.data.model_id}`);
    } catch (error) {
      if (error.status === 404) location.reload();
    }
  }

  receive(frame) {
    if (frame.type === "document" && frame.document) {
      const before = this.documents.get(frame.document.id);
      if (before) this.put(frame.document);
      else if (this.isPlain && this.isNew(frame.document)) this.stored(frame.document);
      if (before?.status === frame.document.status) return;
      this.refreshCounts();
      if (UNFINISHED.has(before?.status) && frame.document.status in this.ended) {
        this.ended[frame.document.status] += 1;
        this.tellEnded();
      }
    } else if (frame.type === "document_deleted") this.dropRow(frame.document_id);
  }

  /** For the ear only: the eye sees it in the rows. */
  sayEnded() {
    const said = Object.entries(this.ended).filter(([, some]) => some).map(([state, some]) => `${count(some, "document")} ${state}`);
    this.ended = { completed: 0, failed: 0 };
    $("#found").textContent = `${said.join(", ")}.`;
  }

  forget(id) {
    this.rows.get(id)?.node.remove();
    this.rows.delete(id);
    this.documents.delete(id);
  }

  dropRow(id) {
    const row = this.rows.get(id)?.node;
    const had = row?.contains(document.activeElement);
    const next = row?.nextElementSibling ?? row?.previousElementSibling;
    this.forget(id);
    if (had) ($(".doc", next ?? undefined) ?? $("#find")).focus({ preventScroll: true });
    this.refreshCounts();
    if (!this.rows.size) this.load();
  }

  // --- actions ----------------------------------------------------------------------------------

  run(action, document_) {
    if (action === "replace") chooseOne((file) => this.uploads.replace(document_, file));
    else if (action === "remove") this.remove(document_);
    else this.act(document_, action);
  }

  async act(document_, action) {
    try {
      this.put((await api.post(`/api/documents/${document_.id}/${action}`)) ?? document_);
      this.refreshCounts();
    } catch (error) {
      complain(error);
    }
  }

  async remove(document_) {
    const unfinished = UNFINISHED.has(document_.status) ? " It is still in work; that is stopped first." : "";
    const sure = await confirmAction("Delete this document?", `“${document_.name}” and its passages will be gone for good. Answers that cite it keep their words, not the passage.${unfinished}`);
    if (!sure) return;
    try {
      await api.del(`/api/documents/${document_.id}`);
      this.dropRow(document_.id);
      say("The document was deleted.");
    } catch (error) {
      complain(error);
    }
  }
}

new DocumentsPage(pageData("page-data")).start();
