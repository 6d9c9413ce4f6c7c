// The panel beside the conversation: one cited passage in its source, as page, rows or lines.
import * as api from "../lib/api.js";
import { $, button, el, fill, icon } from "../lib/dom.js";
import { count, place } from "../lib/format.js";
import { BackCloses, NARROW, coverOthers } from "../lib/sheet.js";
import { linesView, pagePicture, passageText, rowsView } from "./evidence_views.js";

const MARKED = {
  part: "Only a part of the passage could be found on this page; it is marked.",
  none: "The passage could not be found on this page, so nothing is marked. It stands above, word for word.",
  no_text: "This page is a picture: its text was recognised, and cannot be marked in place. The passage stands above, word for word.",
};

export class Evidence {
  /** @param {HTMLElement} panel @param {HTMLElement} frame gets the class `with-evidence` while it is open */
  constructor(panel, frame, { onClose = () => {} } = {}) {
    this.panel = panel;
    this.frame = frame;
    this.onClose = onClose;
    this.back = new BackCloses("evidence", () => this.close());
    panel.addEventListener("keydown", (event) => {
      if (event.target === panel && event.key === "ArrowLeft") this.turn?.(-1);
      else if (event.target === panel && event.key === "ArrowRight") this.turn?.(1);
    });
    NARROW.addEventListener("change", () => this.isOpen && coverOthers(panel, NARROW.matches));
    frame.addEventListener("click", (event) => event.target === frame && this.close()); // beside the sheet
    document.addEventListener("keydown", (event) => {
      const above = document.querySelector("dialog[open], .menu"); // these close first
      if (event.key === "Escape" && !above && !event.defaultPrevented) this.close();
    });
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  /**
   * Show a source.
   * @param {object} source the contract's source object
   * @param {object[]} all the answer's sources, to step through
   * @param {{messageId: number, opener?: HTMLElement, focus?: boolean, answerText?: string,
   *   onPick?: (source) => void}} options `messageId` of the answer; `answerText` tells which rows of a table it
   *   speaks of
   */
  async show(source, all, { messageId, opener = null, focus = true, answerText = "", onPick = () => {} }) {
    this.opener = opener ?? this.opener;
    this.turn = null;
    this.panel.hidden = false;
    this.frame.classList.add("with-evidence");
    coverOthers(this.panel, NARROW.matches);
    this.back.opened();
    this.current = source;
    this.place = el("small", { text: place(source) || source.section });
    this.body = el("div", { class: "ev-body", tabindex: "0", role: "region", "aria-label": "Passage in its source" });
    this.foot = el("div", { class: "ev-foot" });
    const close = button("Close the evidence", () => this.close(), { class: "icon-btn", iconName: "close", iconOnly: true });
    const head = el("header", { class: "ev-head" }, el("div", {}, el("h2", { text: source.document_name }), this.place), close);
    fill(this.panel, head, this.marks(source, all, onPick), this.body, this.foot);
    if (focus) this.panel.focus({ preventScroll: true });
    if (source.document_deleted || source.document_replaced) {
      this.showOld(source, answerText);
      return;
    }
    // by the message, not by the passage: its number changes when the document is read anew
    const address = `/api/chat/messages/${messageId}/sources/${source.marker}`;
    const now = await this.asItIs(address);
    if (this.current !== source) return;
    if (!now) this.showGone();
    else if (now.unreachable) this.showUnreachable(source, answerText);
    else if (!now.document) this.showOld(now, answerText);
    else if (now.document.media_type === "application/pdf" && source.page) this.showPage(source, now.document, address);
    else if (source.rows) this.showRows(source, now.document, answerText);
    else await this.showLines(source, address);
  }

  marks(source, all, onPick) {
    const verdict = source.supported === true ? el("span", { class: "state ok", text: "supported" }) : source.supported === false ? el("span", { class: "state warn", text: "not supported" }) : source.likely ? el("span", { class: "state", text: "likely, not cited" }) : null;
    const pick = (one) => el("button", { type: "button", class: "cite", "aria-current": one.marker === source.marker ? "true" : null, text: String(one.marker), "aria-label": `Show source ${one.marker}`, on: { click: () => onPick(one) } });
    return el("div", { class: "ev-marks" }, all.length > 1 ? [el("span", { text: "Sources" }), all.map(pick)] : null, verdict);
  }

  /** The source as it is now: since the answer was loaded its document may have been replaced or deleted. */
  async asItIs(address) {
    try {
      return await api.get(address);
    } catch (error) {
      return error.status === 404 ? null : { unreachable: true };
    }
  }

  /** The document is not what it was: the passage as the answer was given it, and what became of the rest. */
  showOld(source, answerText) {
    const deleted = source.document_deleted;
    const text = deleted ? "This document has been deleted since." : "This document has been replaced by a newer version since.";
    const more = deleted ? " This is the passage as it was when the answer was written." : " This is the passage as it was when the answer was written; the newer version may say something else.";
    this.place.textContent = [place(source), source.section].filter(Boolean).join(" · ");
    fill(this.body, el("div", { class: "notice warn", "data-testid": "evidence-old" }, icon("warn"), el("p", {}, el("strong", { text }), more)), source.rows ? rowsView(source, answerText) : passageText(source));
    if (!deleted) fill(this.foot, el("a", { href: `/documents/${source.document_id}/` }, icon("open"), "Open the newer version"));
  }

  /** It was there when the answer was loaded. */
  showGone() {
    fill(this.body, el("div", { class: "notice warn", "data-testid": "evidence-gone" }, icon("warn"), el("p", {}, el("strong", { text: "This document cannot be shown any more." }), " The chat was deleted meanwhile, or you may no longer use this model. Reload the page to see what is left.")));
  }

  showUnreachable(source, answerText) {
    fill(this.body, source.rows ? rowsView(source, answerText) : passageText(source));
    fill(this.foot, el("span", { class: "muted", text: "The document's details cannot be reached right now." }));
  }

  showPage(source, document_, address) {
    let page = source.page;
    const last = document_.page_count || source.page_to || source.page;
    const within = () => page >= source.page && page <= (source.page_to || source.page);
    const image = el("img", { "data-testid": "evidence-page" });
    const sheet = el("a", { class: "ev-page loading", target: "_blank", rel: "noopener", title: "Open this page larger" }, image);
    const back = button("", () => this.turn(-1), { "aria-label": "Previous page" });
    const next = button("", () => this.turn(1), { "aria-label": "Next page" });
    const quote = el("details", { class: "ev-quote" }, el("summary", { text: "The passage, word for word" }), passageText(source));
    const remark = el("div", { role: "status" });
    const draw = async () => {
      const drawn = page;
      sheet.classList.add("loading");
      sheet.hidden = false;
      sheet.href = `${address}/pages/${page}.png`;
      fill(remark);
      this.place.textContent = `page ${page} of ${last}${within() ? "" : " · not the cited page"}`;
      fill(back, icon("left"), `Page ${page - 1}`);
      fill(next, `Page ${page + 1}`, icon("right"));
      back.style.visibility = page <= 1 ? "hidden" : "";
      next.style.visibility = page >= last ? "hidden" : "";
      const { picture, marked, error } = await pagePicture(sheet.href);
      if (page !== drawn || this.current !== source) return;
      if (error) {
        sheet.hidden = true;
        if (within()) quote.open = true;
        fill(remark, el("div", { class: "notice warn", "data-testid": "evidence-no-page" }, icon("warn"), el("p", {}, el("strong", { text: "This page cannot be shown." }), ` ${error}`)));
        return;
      }
      const found = within() && (marked === "all" || marked === "part");
      image.alt = `Page ${page} of ${source.document_name}${found ? ", with the cited passage highlighted" : ""}`;
      image.src = picture;
      if (!within() || !MARKED[marked]) return;
      quote.open = marked !== "part" || quote.open;
      fill(remark, el("p", { class: "ev-remark", "data-testid": "evidence-remark", text: MARKED[marked] }));
    };
    image.addEventListener("load", () => sheet.classList.remove("loading"));
    this.turn = (step) => {
      if (page + step < 1 || page + step > last) return;
      page += step;
      draw();
    };
    draw();
    fill(this.body, quote, remark, sheet);
    fill(this.foot, back, this.original(source, `#page=${source.page}`), next);
  }

  showRows(source, document_, answerText) {
    const total = document_.row_count ? ` of ${count(document_.row_count, "row")}` : "";
    this.place.textContent = place(source) + total;
    fill(this.body, rowsView(source, answerText, document_.reading?.columns));
    fill(this.foot, this.original(source));
    $(".marked", this.body)?.scrollIntoView({ block: "nearest" });
  }

  async showLines(source, address) {
    fill(this.body, passageText(source));
    fill(this.foot, this.original(source));
    if (!source.lines) return;
    try {
      const lines = await api.get(`${address}/lines`);
      if (this.current !== source) return;
      fill(this.body, linesView(lines));
      $(".marked", this.body)?.scrollIntoView({ block: "center" });
    } catch (error) {
      if (!error.code) throw error;
      if (this.current === source) this.body.append(el("p", { class: "ev-remark", "data-testid": "evidence-remark", text: `Shown without the lines around it. ${error.message}` }));
    }
  }

  original(source, fragment = "") {
    return el("a", { href: `/api/documents/${source.document_id}/file${fragment}`, target: "_blank", rel: "noopener" }, icon("open"), "Open the original");
  }

  close() {
    if (!this.isOpen) return;
    this.panel.hidden = true;
    this.panel.replaceChildren();
    this.frame.classList.remove("with-evidence");
    coverOthers(this.panel, false);
    this.back.closed();
    this.current = null;
    if (this.opener?.isConnected) this.opener.focus();
    this.onClose();
  }
}
