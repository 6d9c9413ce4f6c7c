// The evidence beside a conversation: opened by its reader, and on wide screens by itself until its reader closes it.
import { $ } from "../lib/dom.js";
import { Evidence } from "./evidence.js";
import { complain } from "./toast.js";

const WIDE = matchMedia("(min-width: 72.01rem)");
const CLOSED = "evidence-closed"; // kept in this tab

export class EvidenceBeside {
  /** @param {HTMLElement} root the chat page's frame @param {Conversation} conversation marks which source is open */
  constructor(root, conversation) {
    this.conversation = conversation;
    this.evidence = new Evidence($("#evidence"), root, { onClose: () => this.closed() });
  }

  open(source, answer, { opener = null, focus = true } = {}) {
    sessionStorage.removeItem(CLOSED);
    this.conversation.highlight(answer, source.marker);
    this.evidence.show(source, answer.sources, { opener, focus, messageId: answer.id, answerText: answer.text, onPick: (next) => this.open(next, answer) }).catch(complain);
  }

  openFirst(answer) {
    const first = answer.sources.find((source) => source.cited !== false) ?? answer.sources.find((source) => source.likely);
    if (first && WIDE.matches && !sessionStorage.getItem(CLOSED)) this.open(first, answer, { focus: false });
  }

  closed() {
    sessionStorage.setItem(CLOSED, "1");
    this.conversation.highlight(null, null);
  }
}
