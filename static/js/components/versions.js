// Going back in a conversation: a question in other words, an answer anew or continued, another version shown.
import * as api from "../lib/api.js";
import { complain, say } from "./toast.js";

const added = (siblings, id) => {
  const ids = [...siblings.ids, id];
  return { index: ids.length - 1, ids };
};
const replaced = (siblings, old, id) => {
  const ids = siblings.ids.map((one) => (one === old ? id : one));
  return { index: ids.indexOf(id), ids };
};

export class Versions {
  /** @param {object} page the chat page: its conversation and link, what is pending and active */
  constructor(page) {
    this.page = page;
  }

  get isBusy() {
    return Boolean(this.page.active || this.page.pending);
  }

  regenerate(answer) {
    this.again(answer, "regenerate", (id) => added(answer.siblings, id));
  }

  /** What the talk went on with below the old answer stays with it, then both are versions. */
  goOn(answer) {
    const wentOn = this.page.conversation.isFollowed(answer);
    this.again(answer, "continue", (id) => (wentOn ? added(answer.siblings, id) : replaced(answer.siblings, answer.id, id)));
  }

  again(answer, type, siblingsFor) {
    const { page } = this;
    if (this.isBusy) return;
    if (!page.link.send({ type, message_id: answer.id })) {
      say("There is no connection right now; try again in a moment.", { bad: true });
      return;
    }
    const fresh = page.conversation.answer(null, answer);
    fresh.replaced = answer;
    fresh.siblingsFor = siblingsFor;
    fresh.continues = type === "continue";
    if (fresh.continues) fresh.waiting.textContent = "Going on";
    page.setActive(fresh);
  }

  /** An answer is complete. Where going on brought nothing, somebody has to say so: the text is what it was. */
  written(answer) {
    if (answer.continues && answer.text === answer.replaced?.text) say("The language model had nothing to add.");
    answer.replaced = null;
  }

  /** The question and what follows make room; the server keeps them as the other version. */
  edit(question, text) {
    const { page } = this;
    if (this.isBusy) return;
    const older = question.siblings.ids;
    page.conversation.cutFrom(question.node);
    page.showPending(text, (clientId) => ({ type: "edit", message_id: question.id, message: text, client_id: clientId }), { edited: question, older });
    page.sendPending();
  }

  /** The branch through this message, down to its newest end; stored, so that every tab shows the same. */
  async choose(id, step) {
    const { page } = this;
    if (this.isBusy) return;
    try {
      const { head } = await api.patch(`/api/chat/sessions/${page.session.id}`, { head: id });
      page.lastMessageId = head;
    } catch (error) {
      complain(error);
    }
    await page.loadMessages({ at: id, step });
  }
}
