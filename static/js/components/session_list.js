// The list of chats: by day, searched as one types, renamed and deleted in place.
import * as api from "../lib/api.js";
import { $, $$, button, debounce, el, marked, refill } from "../lib/dom.js";
import { count, dayName, when } from "../lib/format.js";
import { askText, confirmAction } from "./dialog.js";
import { openMenu } from "./menu.js";
import { complain, say } from "./toast.js";

const PAGE_SIZE = 100;
const SEARCH = "chat-search"; // kept in this tab, so that one finding after another can be opened

export class SessionList {
  /** @param {{onRenamed: (id, title) => void, onDeleted: (id) => void}} on */
  constructor(node, searchInput, on) {
    this.node = node;
    this.input = searchInput;
    this.status = $("#found-chats");
    this.on = on;
    this.current = null;
    this.sessions = [];
    this.total = 0;
    this.pages = 1;
    this.asked = 0;
    searchInput.value ||= sessionStorage.getItem(SEARCH) ?? "";
    this.search = searchInput.value.trim();
    const look = () => searchInput.value.trim() !== this.search && this.look();
    searchInput.addEventListener("input", debounce(look));
    searchInput.addEventListener("keydown", (event) => this.onSearchKey(event));
    node.addEventListener("keydown", (event) => this.onListKey(event));
  }

  /** Search for what stands in the field. */
  look() {
    this.search = this.input.value.trim();
    sessionStorage.setItem(SEARCH, this.search);
    this.pages = 1;
    this.node.scrollTop = 0;
    return this.load();
  }

  clearSearch() {
    this.input.value = "";
    return this.look();
  }

  /** Fetch anew as many pages as are shown; what was there stays until the answer is. */
  async load() {
    const asked = (this.asked += 1);
    this.node.setAttribute("aria-busy", "true");
    try {
      const found = new Map();
      for (let page = 1, more = true; more && page <= this.pages; page += 1) {
        const answer = await api.get(api.query("/api/chat/sessions", { page, page_size: PAGE_SIZE, search: this.search }));
        if (asked !== this.asked) return; // something newer was asked for meanwhile
        for (const session of answer.results) found.set(session.id, session); // one that moved up stands on two pages
        more = this.hasMore = Boolean(answer.next);
        this.total = answer.count;
      }
      this.sessions = [...found.values()];
      this.show();
      this.status.textContent = this.search ? `${count(this.total, "chat")} found` : "";
    } catch (error) {
      if (asked === this.asked) refill(this.node, el("p", { class: "none", text: error.sentence ?? "The chats cannot be shown." }), button("Try again", () => this.load()));
    } finally {
      if (asked === this.asked) this.node.removeAttribute("aria-busy");
    }
  }

  async older() {
    const before = this.sessions.length;
    this.pages += 1;
    await this.load();
    $$("a", this.node)[before]?.focus(); // where the new ones begin
  }

  setCurrent(id) {
    this.current = id;
    this.show();
  }

  show() {
    const older = this.hasMore ? button(this.search ? "More findings" : "Older chats", () => this.older(), { class: "word", "data-testid": "older-chats" }) : null;
    if (!this.sessions.length) refill(this.node, this.nothing());
    else if (this.search) refill(this.node, el("ul", { "aria-label": "Chats found" }, this.sessions.map((session) => this.finding(session))), older);
    else refill(this.node, this.days(), older);
    if (this.revealed === this.current) return;
    const here = this.node.querySelector(".here");
    here?.scrollIntoView({ block: "nearest" });
    if (here) this.revealed = this.current; // once: afterwards the list stays where its reader left it
  }

  nothing() {
    if (!this.search) return el("p", { class: "none", text: "Your chats will be listed here." });
    return [el("p", { class: "none", text: `No chat of yours holds “${this.search}”. Titles, questions and answers were searched; fewer words find more.` }), button("Show all chats", () => this.clearSearch().then(() => this.input.focus()), { class: "word" })];
  }

  days() {
    const days = new Map();
    for (const session of this.sessions) {
      const day = dayName(session.updated_at);
      if (!days.has(day)) days.set(day, []);
      days.get(day).push(session);
    }
    return [...days].map(([day, sessions]) => [el("h2", { text: day }), el("ul", {}, sessions.map((session) => this.entry(session)))]);
  }

  entry(session) {
    const title = session.title || "Untitled chat";
    const here = session.id === this.current;
    return el("li", { class: here ? "here" : null }, el("a", { href: `/chat/${session.id}/`, title, "aria-current": here ? "page" : null, text: title }), this.more(session, title));
  }

  /** A chat that was found, with the words where they stand; it opens at that message. */
  finding(session) {
    const title = session.title || "Untitled chat";
    const here = session.id === this.current;
    const { hit } = session;
    const words = hit && el("span", {}, hit.role === "user" ? "You: " : "", marked(hit.excerpt, hit.marks));
    const about = el("small", { text: `${when(session.updated_at)} · ${session.model_name}` });
    return el("li", { class: here ? "hit here" : "hit", "data-testid": "found-chat" }, el("a", { href: `/chat/${session.id}/${hit ? `#m${hit.message_id}` : ""}`, "aria-current": here ? "page" : null }, el("b", { title }, marked(title, session.title ? session.title_marks : [])), words, about), this.more(session, title));
  }

  more(session, title) {
    const opener = button(`More about ${title}`, () => openMenu(opener, this.actions(session)), { class: "icon-btn", iconName: "more", iconOnly: true, "aria-haspopup": "menu", "aria-expanded": "false" });
    return opener;
  }

  // --- keys -------------------------------------------------------------------------------------

  /** Down goes to the chats, Enter opens the first one found, Escape shows all again. */
  onSearchKey(event) {
    if (event.key === "ArrowDown") this.step(event, -1, 1);
    else if (event.key === "Enter" && this.search && !event.isComposing) $("a", this.node)?.click();
    else if (event.key === "Escape" && this.input.value) {
      event.preventDefault();
      event.stopPropagation(); // the drawer stays open
      this.clearSearch();
    }
  }

  onListKey(event) {
    const at = $$("a", this.node).indexOf(document.activeElement);
    if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowDown") this.step(event, at, 1);
    else if (event.key === "ArrowUp") this.step(event, at, -1);
  }

  step(event, at, by) {
    event.preventDefault();
    const links = $$("a", this.node);
    if (at + by < 0) this.input.focus();
    else links[Math.min(at + by, links.length - 1)]?.focus();
  }

  // --- what can be done to a chat ---------------------------------------------------------------

  actions(session) {
    return [
      { label: "Rename", run: () => this.rename(session).catch(complain) },
      { label: "Delete", danger: true, run: () => this.remove(session).catch(complain) },
    ];
  }

  async rename(session) {
    const title = await askText("Rename this chat", "Title", { value: session.title });
    if (!title || title === session.title) return;
    const renamed = await api.patch(`/api/chat/sessions/${session.id}`, { title });
    Object.assign(session, { title: renamed.title, title_marks: [] });
    this.show();
    this.on.onRenamed(session.id, renamed.title);
  }

  async remove(session) {
    const sure = await confirmAction("Delete this chat?", `“${session.title || "Untitled chat"}” and its messages will be gone for good, with the files attached to it.`);
    if (!sure) return;
    await api.del(`/api/chat/sessions/${session.id}`);
    this.sessions = this.sessions.filter((one) => one.id !== session.id);
    this.show();
    say("The chat was deleted.");
    this.on.onDeleted(session.id);
  }

  find(id) {
    return this.sessions.find((session) => session.id === id);
  }
}
