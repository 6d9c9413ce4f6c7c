// The chat page: puts the list of chats, the conversation, the composer and the evidence together.
import { Attachments } from "../components/attachments.js";
import { Composer } from "../components/composer.js";
import { Conversation } from "../components/conversation.js";
import { EvidenceBeside } from "../components/evidence_beside.js";
import { giveFeedback } from "../components/feedback.js";
import { LinkState } from "../components/link_state.js";
import { openMenu } from "../components/menu.js";
import { SessionList } from "../components/session_list.js";
import { complain, say } from "../components/toast.js";
import { showTrace } from "../components/trace.js";
import { Versions } from "../components/versions.js";
import { welcomeFor } from "../components/welcome.js";
import * as api from "../lib/api.js";
import { $, button, debounce, el, fill, pageData } from "../lib/dom.js";
import { count, nextStep } from "../lib/format.js";
import { ChatLink } from "../lib/chat_link.js";
import { keepTabsChat } from "../lib/tab.js";

// the page offered this model when it was opened: what the server no longer shows has been taken away meanwhile
const TAKEN_AWAY = { message: "You can no longer ask this model.", details: { next_step: "It was taken back or deleted; ask an administrator. Your question is still in the box." } };

class ChatPage {
  constructor(data) {
    this.data = data;
    this.session = data.session;
    this.model = data.models.find((model) => model.id === data.model_id) ?? null;
    this.pending = null; // the question that the server has not confirmed yet
    this.active = null; // the answer that is being written
    this.versions = new Versions(this);
    const root = $("#chat");
    this.conversation = new Conversation(root, this.answerActions());
    this.composer = new Composer(root, { submit: (text) => this.submit(text), stop: () => this.stop(), files: (files) => this.attachments.add(files), tokensLimited: data.tokens_limited });
    this.attachments = new Attachments($("#chips"), () => ({ model_id: this.model.id, session_id: this.session?.id }), (id) => this.adopt(id));
    this.evidence = new EvidenceBeside(root, this.conversation);
    this.list = new SessionList($("#sessions"), $("#find-chat"), { onRenamed: (id, title) => this.renamed(id, title), onDeleted: (id) => id === this.session?.id && location.assign("/chat/") });
    this.refreshList = debounce(() => this.list.load(), 500);
    this.catchUpSoon = debounce(() => this.catchUp(), 800);
    this.link = new ChatLink({ frame: (frame) => this.receive(frame), state: (state) => this.linkChanged(state) });
    this.linkState = new LinkState(() => this.link.open());
  }

  async start() {
    this.showModels();
    $("#chat-menu").addEventListener("click", (event) => this.openChatMenu(event.currentTarget));
    this.list.current = this.session?.id ?? null;
    this.list.load();
    this.composer.useDraft(this.draftKey());
    this.composer.setEnabled(Boolean(this.model), this.model ? "Ask about your documents" : "There is no model to ask");
    this.attachments.restore(this.data.attachments);
    keepTabsChat(this.session?.id);
    const sought = this.session ? await this.loadMessages() : false;
    if (!this.session) this.conversation.welcome(welcomeFor(this.model, this.data, (text) => this.submit(text)));
    this.link.open();
    if (!sought) this.composer.focus();
    this.askSuggested();
    addEventListener("hashchange", () => this.goToSought());
    document.addEventListener("visibilitychange", () => this.catchUp());
    window.addEventListener("pagehide", () => this.pending && !this.pending.edited && this.composer.keepQuestion(this.pending.text));
  }

  draftKey() {
    return this.session?.id ?? `new:${this.model?.id ?? ""}`;
  }

  // --- models -----------------------------------------------------------------------------------

  showModels() {
    const select = $("#model");
    fill(select, this.data.models.map((model) => el("option", { value: model.id, selected: model.id === this.model?.id, text: model.name })));
    select.hidden = !this.data.models.length;
    $("#model-note").textContent = this.model ? `${count(this.model.document_count, "document")} · ${this.model.answer_mode === "strict" ? "answers only from them" : "may add general knowledge, and says so"} · ${this.model.provider_label}` : "";
    select.addEventListener("change", () => {
      this.composer.draftKey = `draft:new:${select.value}`; // the unsent question comes along
      this.composer.keepDraft();
      location.assign(`/chat/?model=${select.value}`);
    });
  }

  /** A suggested question that was chosen on the overview: its number comes in the address, never its text. */
  askSuggested() {
    const asked = new URLSearchParams(location.search).get("ask");
    if (asked === null || this.session) return;
    history.replaceState(null, "", `/chat/?model=${this.model?.id ?? ""}`);
    const question = this.model?.suggested_questions[Number(asked)];
    if (question) this.submit(question);
  }

  // --- the stored conversation ------------------------------------------------------------------

  /** @param {{at?: number, step?: number}} chosen the version that its reader has just turned to */
  async loadMessages({ at = null, step = 0 } = {}) {
    let messages;
    try {
      messages = await this.storedMessages();
    } catch (error) {
      this.conversation.refusal(error, () => this.loadMessages());
      return;
    }
    this.conversation.clear();
    const last = messages.at(-1);
    this.lastMessageId = last?.id;
    for (const message of messages) this.showStored(message);
    if (this.conversation.isEmpty) this.conversation.welcome(welcomeFor(this.model, this.data, (text) => this.submit(text)));
    const sought = at ?? this.soughtMessage();
    const revealed = at ? this.conversation.showVersion(at, step) : this.conversation.reveal(sought);
    if (!revealed) this.conversation.scrollToEnd(true);
    const answer = this.conversation.answers.get(revealed ? sought : last?.id);
    if (answer && answer !== this.active) this.evidence.openFirst(answer);
    return revealed;
  }

  /** The message that the address names: one that was found by a search. */
  soughtMessage() {
    return Number(location.hash.match(/^#m(\d+)$/)?.[1] ?? 0);
  }

  goToSought() {
    const id = this.soughtMessage();
    if (!id || !this.conversation.reveal(id)) return;
    document.dispatchEvent(new CustomEvent("verbatim:close-drawer"));
    const answer = this.conversation.answers.get(id);
    if (answer && answer !== this.active) this.evidence.openFirst(answer);
  }

  showStored(message) {
    if (message.role === "user") {
      this.conversation.question(message.content, { id: message.id, siblings: message.siblings });
      return;
    }
    const answer = this.conversation.answer(message.id);
    answer.siblings = message.siblings;
    if (message.status === "streaming") {
      this.setActive(answer);
      this.link.followAnew(this.session.id, message.id);
      return;
    }
    answer.rating = message.feedback?.rating ?? null;
    answer.finish(message);
  }

  async storedMessages() {
    const messages = [];
    let path = `/api/chat/sessions/${this.session.id}/messages?page_size=200`;
    while (path) {
      const { results, next } = await api.get(path);
      messages.push(...results);
      path = next && new URL(next).pathname + new URL(next).search;
    }
    return messages;
  }

  /** Show what is stored now, and follow what is being written. */
  lookAgain() {
    this.setActive(null);
    this.loadMessages();
  }

  /** Another tab or device may have gone on with this chat. */
  async catchUp() {
    if (document.visibilityState !== "visible" || !this.session || this.active || this.pending) return;
    try {
      const messages = await this.storedMessages();
      if (messages.at(-1)?.id !== this.lastMessageId && !this.active && !this.pending) await this.loadMessages();
    } catch {
      // the connection state says enough
    }
  }

  // --- asking -----------------------------------------------------------------------------------

  async submit(text) {
    if (!this.model || this.pending || this.active) return;
    this.composer.clear();
    this.showPending(text, (clientId) => ({ type: "chat", model_id: this.model.id, message: text, client_id: clientId, ...(this.session && { session_id: this.session.id }) }));
    const { pending } = this;
    if (this.attachments.busy) await this.waitForFiles(this.active.waiting);
    if (this.pending === pending && !pending.sent) this.sendPending();
  }

  /** A file has to be here, so that the question is asked in its chat; to be read it may take longer than one waits. */
  async waitForFiles(node) {
    node.textContent = "Waiting until the attached file is here";
    await this.attachments.stored();
    if (!this.attachments.busy) return;
    await new Promise((resolve) => {
      fill(node, "Waiting until the attached file has been read", button("Ask now, without it", resolve, { class: "btn quiet small", "data-testid": "ask-now" }));
      this.attachments.settled().then(resolve);
    });
  }

  /** Show a question that is to be asked by a frame. @param {object} more what is known of a question in other words */
  showPending(text, frame, more = {}) {
    const question = this.conversation.question(text, { pending: true });
    this.pending = { text, question, frame, clientId: `${Date.now()}-${Math.random().toString(36).slice(2)}`, sent: false, ...more };
    this.setActive(this.conversation.answer());
  }

  /** Also when the connection was lost before it was confirmed: the server asks the same client_id once. */
  sendPending() {
    this.pending.sent = this.link.send(this.pending.frame(this.pending.clientId));
    if (!this.pending.sent) this.active.waiting.textContent = "Waiting for the connection; your question will be sent";
    else this.active.waiting.textContent = "Looking for passages";
  }

  stop() {
    if (this.active?.id) this.link.send({ type: "stop", message_id: this.active.id });
  }

  setActive(answer) {
    this.active = answer;
    this.composer.setBusy(Boolean(answer), Boolean(answer?.id));
    this.conversation.setBusy(Boolean(answer));
  }

  // --- frames -----------------------------------------------------------------------------------

  receive(frame) {
    if (frame.type === "session_changed") return this.changedElsewhere(frame); // in another tab or on another device
    if (frame.session_id && this.session && frame.session_id !== this.session.id) return undefined;
    switch (frame.type) {
      case "user_message":
        return this.confirmed(frame);
      case "sources":
        return this.answerFor(frame).found(frame);
      case "stream_start":
        return this.answerFor(frame).start();
      case "state":
        return this.answerFor(frame).state(frame);
      case "stream_chunk":
        return this.answerFor(frame).append(frame.content);
      case "stream_end":
        return this.finished(frame);
      case "message_saved":
        return this.refreshList();
      case "error":
        return this.refused(frame);
      default:
        return undefined;
    }
  }

  changedElsewhere(frame) {
    this.refreshList();
    if (frame.session_id === this.session?.id) this.catchUpSoon();
  }

  /** The answer that a frame belongs to; the first frame gives the waiting one its number. */
  answerFor(frame) {
    const known = this.conversation.answers.get(frame.message_id);
    if (known) return known;
    const answer = this.active && !this.active.id ? this.active : this.conversation.answer();
    this.conversation.name(answer, frame.message_id);
    this.setActive(answer);
    return answer;
  }

  confirmed(frame) {
    this.lastQuestionId = frame.message?.id;
    if (this.pending && frame.client_id === this.pending.clientId) {
      this.conversation.confirm(this.pending.question, frame.message.id, this.pending.older);
      this.pending.edited?.draft.drop();
      this.pending = null;
      if (frame.session_id) this.adopt(frame.session_id);
      this.answerFor(frame);
    } else if (!this.conversation.answers.has(frame.message_id)) {
      this.conversation.question(frame.message.content, { id: frame.message.id }); // asked in another tab
    }
  }

  /** The chat has a number now: the address names it, the draft belongs to it. */
  adopt(id) {
    if (this.session) return;
    this.session = { id, title: "", model_id: this.model.id };
    history.replaceState(history.state, "", `/chat/${id}/`);
    keepTabsChat(id);
    this.composer.draftKey = `draft:${id}`;
    $("#chat-menu").hidden = false;
    this.list.setCurrent(id);
    this.list.load();
  }

  finished(frame) {
    const answer = this.answerFor(frame);
    this.lastMessageId = frame.message_id;
    answer.finish(frame);
    this.versions.written(answer);
    if (this.active === answer) this.setActive(null);
    this.evidence.openFirst(answer);
    this.composer.focus();
  }

  /** A numbered error is the end of an answer; one without a number refuses what we asked for, or to read on. */
  refused(frame) {
    const known = this.conversation.answers.get(frame.message_id);
    const sentence = frame.message + nextStep(frame.message, frame.details?.next_step);
    if (frame.refused === "stop" && frame.retryable) {
      say(sentence, { bad: true }); // and the answer is written on
      return;
    }
    known?.node.classList.remove("streaming");
    if (frame.seq !== undefined && known) {
      known.failure = frame;
      return;
    }
    const { pending, active } = this;
    if (active?.replaced || pending?.edited) {
      this.pending = null;
      this.lookAgain(); // what made room comes back
      say(sentence, { bad: true });
    } else if (pending) this.refusedQuestion(frame, pending, active);
    else if (known && known === active) this.lookAgain(); // nothing is being written any more
    else say(sentence, { bad: true });
  }

  /** The question was not stored: it goes back into the box. */
  refusedQuestion(frame, pending, active) {
    this.pending = null;
    this.setActive(null);
    active?.node.remove();
    pending.question.node.remove();
    this.composer.setText(pending.text);
    this.conversation.refusal(frame.code === "not_found" ? { ...frame, ...TAKEN_AWAY } : frame, frame.retryable ? () => this.composer.form.requestSubmit() : null);
  }

  linkChanged({ state }) {
    this.linkState.show(state);
    if (state === "waiting") this.missed = true;
    if (state !== "connected" && state !== "http") return;
    if (this.pending && !this.attachments.busy) this.sendPending();
    else if (this.active?.id && this.session) this.link.follow(this.session.id, this.active.id);
    else if (this.active?.replaced) this.lookAgain(); // asked for anew: did that arrive?
    else if (this.missed) this.catchUp();
    this.missed = false;
  }

  // --- what readers do with answers -------------------------------------------------------------

  answerActions() {
    return {
      cite: (source, answer, opener) => this.evidence.open(source, answer, { opener }),
      regenerate: (answer) => this.versions.regenerate(answer),
      retry: (answer) => this.versions.regenerate(answer),
      goOn: (answer) => this.versions.goOn(answer),
      edit: (question, text) => this.versions.edit(question, text),
      choose: (id, step) => this.versions.choose(id, step),
      feedback: (answer, rating) => giveFeedback(answer, rating).catch(complain),
      why: (id, answer) => showTrace(id, this.data.is_admin && this.model ? { model: this.model.id, sources: answer.sources } : null).catch(complain),
      copied: () => say("Copied."),
    };
  }

  // --- this chat --------------------------------------------------------------------------------

  openChatMenu(opener) {
    const entry = { id: this.session.id, title: this.session.title, ...this.list.find(this.session.id) };
    const save = (format) => location.assign(`/api/chat/sessions/${this.session.id}/export?format=${format}`);
    openMenu(opener, [{ label: "Save as Markdown", run: () => save("md") }, { label: "Save as JSON", run: () => save("json") }, ...this.list.actions(entry)]);
  }

  renamed(id, title) {
    if (id !== this.session?.id) return;
    this.session.title = title;
    document.title = `${title} · Verbatim`;
    $("#chat-title").textContent = title;
    this.list.load();
  }
}

const page = new ChatPage(pageData("chat-data"));
page.start();
