// The list of chats: by day, filtered as one types, renamed and deleted in place.
import * as api from "../lib/api.js";
import { button, debounce, el, fill } from "../lib/dom.js";
import { dayName } from "../lib/format.js";
import { askText, confirmAction } from "./dialog.js";
import { openMenu } from "./menu.js";
import { complain, say } from "./toast.js";

const PAGE_SIZE = 100;

export class SessionList {
  /** @param {{onRenamed: (id, title) => void, onDeleted: (id) => void}} on */
  constructor(node, searchInput, on) {
    this.node = node;
    this.on = on;
    this.current = null;
    this.sessions = [];
    this.search = "";
    this.page = 1;
    searchInput.addEventListener(
      "input",
      debounce(() => {
        this.search = searchInput.value.trim();
        this.load();
      }),
    );
  }

  /** Fetch from the first page on. */
  async load() {
    this.page = 1;
    this.sessions = [];
    await this.more();
  }

  async more() {
    const asked = this.search;
    try {
      const answer = await api.get(api.query("/api/chat/sessions", { page: this.page, page_size: PAGE_SIZE, search: this.search }));
      if (asked !== this.search) return; // an older answer came late
      this.sessions = this.page === 1 ? answer.results : [...this.sessions, ...answer.results];
      this.hasMore = Boolean(answer.next);
      this.show();
    } catch (error) {
      fill(this.node, el("p", { class: "none", text: error.sentence ?? "The chats cannot be shown." }), button("Try again", () => this.load()));
    }
  }

  setCurrent(id) {
    this.current = id;
    this.show();
  }

  show() {
    if (!this.sessions.length) {
      fill(this.node, el("p", { class: "none", text: this.search ? "No chat fits." : "Your chats will be listed here." }));
      return;
    }
    const days = new Map();
    for (const session of this.sessions) {
      const day = dayName(session.updated_at);
      if (!days.has(day)) days.set(day, []);
      days.get(day).push(session);
    }
    const groups = [...days].map(([day, sessions]) => [el("h2", { text: day }), el("ul", {}, sessions.map((session) => this.entry(session)))]);
    const more = this.hasMore ? button("Older chats", () => ((this.page += 1), this.more()), { class: "word" }) : null;
    fill(this.node, ...groups, more);
    if (this.revealed === this.current) return;
    const here = this.node.querySelector(".here");
    here?.scrollIntoView({ block: "nearest" });
    if (here) this.revealed = this.current; // once: afterwards the list stays where its reader left it
  }

  entry(session) {
    const title = session.title || "Untitled chat";
    const here = session.id === this.current;
    const more = button(`More about ${title}`, () => openMenu(more, this.actions(session)), { class: "icon-btn", iconName: "more", iconOnly: true, "aria-haspopup": "menu", "aria-expanded": "false" });
    return el("li", { class: here ? "here" : null }, el("a", { href: `/chat/${session.id}/`, title, "aria-current": here ? "page" : null, text: title }), more);
  }

  actions(session) {
    return [
      { label: "Rename", run: () => this.rename(session).catch(complain) },
      { label: "Delete", danger: true, run: () => this.remove(session).catch(complain) },
    ];
  }

  async rename(session) {
    const title = await askText("Rename this chat", "Title", { value: session.title });
    if (!title || title === session.title) return;
    await api.patch(`/api/chat/sessions/${session.id}`, { title });
    session.title = title;
    this.show();
    this.on.onRenamed(session.id, title);
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
