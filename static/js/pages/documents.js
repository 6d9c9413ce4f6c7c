// The documents of a model: uploads, the list with live status (socket, else polling), filters, order, actions.
import { Bulk } from "../components/bulk.js";
import { confirmAction } from "../components/dialog.js";
import { DocumentRow } from "../components/document_row.js";
import { acceptFiles, chooseOne } from "../components/incoming.js";
import { showPager } from "../components/pager.js";
import { UNFINISHED } from "../components/progress.js";
import { complain, say } from "../components/toast.js";
import { Uploads } from "../components/uploads.js";
import * as api from "../lib/api.js";
import { $, button, debounce, el, fill, pageData } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { LiveSocket } from "../lib/socket.js";

const PAGE_SIZE = 25;
const POLL_MS = 3000;
const COUNTS_MS = 15_000; // how often to look whether a worker lives, while something waits for one
const NEWEST = "-created_at";
const FILTERS = [["", "All"], ["queued", "Queued"], ["processing", "In work"], ["completed", "Completed"], ["warned", "With warnings"], ["failed", "Failed"], ["cancelled", "Cancelled"]];

class DocumentsPage {
  constructor(data) {
    this.data = data;
    this.path = `/api/models/${data.model_id}/documents`;
    this.page = 1;
    this.filter = "";
    this.rows = new Map(); // document id -> DocumentRow
    this.documents = new Map();
    this.around = { workerAlive: !data.worker_missing, othersRun: false };
    this.on = { manages: data.manages, run: (action, id) => this.run(action, this.documents.get(id)), select: (id, on) => this.bulk.select(id, on) };
    this.refreshCounts = debounce(() => this.loadCounts(), 400);
  }

  start() {
    $("#find").addEventListener("input", debounce(() => this.load(1)));
    $("#order").addEventListener("change", () => this.load(1));
    if (this.data.manages) this.startManaging();
    this.load(1);
    this.loadCounts();
    this.watch();
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

  show({ count, results }, search) {
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
    showPager($("#pager"), { page: this.page, size: PAGE_SIZE, total: count }, (page) => this.load(page));
  }

  emptyWords(search) {
    if (search || this.filter) return [el("h3", { text: "Nothing fits" }), el("p", { text: "No document of this model fits what you look for." })];
    if (this.data.manages) return [el("h3", { text: "No documents yet" }), el("p", { text: "Drop a file above. Its passages can be asked about as soon as its state is “completed”; a PDF of a hundred pages takes a few seconds." })];
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
    $("#table").hidden = false;
    $("#empty").hidden = true;
    this.put(document_, { prepend: true });
    return undefined;
  }

  async loadCounts() {
    try {
      const counts = await api.get(`/models/${this.data.model_id}/counts`);
      fill($("#pills"), FILTERS.map((one) => this.pill(one, counts)));
      const missing = $("#worker-missing");
      if (missing) missing.hidden = counts.worker_alive;
      this.around = { workerAlive: counts.worker_alive, othersRun: counts.by_status.processing > 0 };
      this.waiting = counts.by_status.queued > 0;
      for (const [id, row] of this.rows) row.show(this.documents.get(id), this.around);
    } catch (error) {
      complain(error);
    }
  }

  pill([filter, label], counts) {
    const total = { "": counts.all, warned: counts.with_warnings }[filter] ?? counts.by_status[filter];
    if (filter && !total && filter !== this.filter) return null;
    const choose = () => {
      this.filter = filter;
      this.bulk?.clear();
      this.load(1);
      this.loadCounts().then(() => $(`[data-filter="${filter}"]`)?.focus());
    };
    const node = button(`${label} `, choose, { class: "pill", "aria-pressed": String(filter === this.filter), "data-filter": filter });
    node.append(el("b", { text: number(total) }));
    return node;
  }

  // --- live -------------------------------------------------------------------------------------

  watch() {
    const socket = new LiveSocket(`/api/documents/ws?model_id=${this.data.model_id}`);
    socket.addEventListener("frame", (event) => this.receive(event.detail));
    socket.addEventListener("state", ({ detail }) => {
      const live = detail.state === "connected";
      $("#live").textContent = live ? "live" : detail.state === "connecting" ? "connecting" : "not live, looking every few seconds";
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
      if (before?.status !== frame.document.status) this.refreshCounts();
    } else if (frame.type === "document_deleted") this.dropRow(frame.document_id);
  }

  forget(id) {
    this.rows.get(id)?.node.remove();
    this.rows.delete(id);
    this.documents.delete(id);
  }

  dropRow(id) {
    this.forget(id);
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
