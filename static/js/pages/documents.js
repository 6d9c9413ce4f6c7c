// The documents of a model: uploads, the list with live status (socket, else polling), filters, actions.
import { confirmAction } from "../components/dialog.js";
import { UNFINISHED, fillRow } from "../components/document_row.js";
import { showPager } from "../components/pager.js";
import { complain, say } from "../components/toast.js";
import { Uploads, acceptFiles } from "../components/uploads.js";
import * as api from "../lib/api.js";
import { $, button, debounce, el, fill, pageData } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { LiveSocket } from "../lib/socket.js";

const PAGE_SIZE = 25;
const POLL_MS = 3000;
const FILTERS = [["", "All"], ["queued", "Queued"], ["processing", "In work"], ["completed", "Completed"], ["failed", "Failed"], ["cancelled", "Cancelled"]];

class DocumentsPage {
  constructor(data) {
    this.data = data;
    this.path = `/api/models/${data.model_id}/documents`;
    this.page = 1;
    this.status = "";
    this.rows = new Map(); // document id -> row
    this.documents = new Map();
    this.actions = {
      manages: data.manages,
      cancel: (document_) => this.act(document_, "cancel"),
      reprocess: (document_) => this.act(document_, "reprocess"),
      remove: (document_) => this.remove(document_),
    };
    this.refreshCounts = debounce(() => this.loadCounts(), 400);
  }

  start() {
    const find = $("#find");
    find.addEventListener("input", debounce(() => this.load(1)));
    if (this.data.manages) this.acceptUploads();
    this.load(1);
    this.loadCounts();
    this.watch();
  }

  acceptUploads() {
    const uploads = new Uploads($("#uploads"), this.path, { maxBytes: this.data.max_file_mb * 1024 * 1024, onStored: (document_) => this.stored(document_) });
    acceptFiles({ area: $("#drop"), opener: $("#choose"), input: $("#files") }, (files) => uploads.add(files));
  }

  // --- the list ---------------------------------------------------------------------------------

  async load(page = this.page) {
    this.page = page;
    const search = $("#find").value.trim();
    const asked = (this.asked = api.query(this.path, { page, page_size: PAGE_SIZE, search, status: this.status }));
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
    this.rows.clear();
    this.documents.clear();
    $("#rows").replaceChildren();
    for (const document_ of results) this.put(document_);
    $("#table").hidden = !results.length;
    const empty = $("#empty");
    empty.hidden = results.length > 0;
    if (!results.length) fill(empty, this.emptyWords(search));
    showPager($("#pager"), { page: this.page, size: PAGE_SIZE, total: count }, (page) => this.load(page));
  }

  emptyWords(search) {
    if (search || this.status) return [el("h3", { text: "Nothing fits" }), el("p", { text: "No document of this model fits what you look for." })];
    if (this.data.manages) return [el("h3", { text: "No documents yet" }), el("p", { text: "Drop a file above. Its passages can be asked about as soon as its state is “completed”; a PDF of a hundred pages takes a few seconds." })];
    return [el("h3", { text: "No documents yet" }), el("p", { text: "An administrator has to add some before this model can answer." })];
  }

  /** Show a document's newest state; a row that is not on this page is left alone. */
  put(document_, { prepend = false } = {}) {
    let row = this.rows.get(document_.id);
    if (!row) {
      row = el("tr", { "data-testid": "document-row", "data-id": document_.id });
      this.rows.set(document_.id, row);
      if (prepend) $("#rows").prepend(row);
      else $("#rows").append(row);
    }
    this.documents.set(document_.id, document_);
    fillRow(row, document_, this.actions);
    if (prepend && this.rows.size > PAGE_SIZE) this.forget(Math.min(...this.rows.keys())); // it is on the next page now
  }

  /** The list's newest documents are on its first page; anything older stands on a later one. */
  isNew(document_) {
    return document_.id > Math.max(0, ...this.rows.keys());
  }

  stored(document_) {
    if (this.status || $("#find").value || this.page !== 1) return void this.load(1);
    $("#table").hidden = false;
    $("#empty").hidden = true;
    this.put(document_, { prepend: true });
    this.refreshCounts();
    return undefined;
  }

  async loadCounts() {
    try {
      const counts = await api.get(`/models/${this.data.model_id}/counts`);
      const pill = ([status, label]) => {
        const total = status ? counts.by_status[status] : counts.all;
        if (status && !total && status !== this.status) return null;
        const node = button(`${label} `, () => this.filter(status), { class: "pill", "aria-pressed": String(status === this.status) });
        node.append(el("b", { text: number(total) }));
        return node;
      };
      fill($("#pills"), FILTERS.map(pill));
      const missing = $("#worker-missing");
      if (missing) missing.hidden = counts.worker_alive;
    } catch (error) {
      complain(error);
    }
  }

  filter(status) {
    this.status = status;
    this.load(1);
    this.loadCounts();
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
    setInterval(() => !socket.connected && document.visibilityState === "visible" && this.load(), POLL_MS);
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
      else if (this.isNew(frame.document) && this.page === 1 && !this.status && !$("#find").value) this.stored(frame.document);
      if (before?.status !== frame.document.status) this.refreshCounts();
    } else if (frame.type === "document_deleted") this.dropRow(frame.document_id);
  }

  forget(id) {
    this.rows.get(id)?.remove();
    this.rows.delete(id);
    this.documents.delete(id);
  }

  dropRow(id) {
    this.forget(id);
    this.refreshCounts();
    if (!this.rows.size) this.load();
  }

  // --- actions ----------------------------------------------------------------------------------

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
