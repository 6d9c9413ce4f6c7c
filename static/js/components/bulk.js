// Several documents at once: which are chosen, and what is done to all of them, with what failed.
import * as api from "../lib/api.js";
import { $, button, el, refill } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { confirmAction, openDialog } from "./dialog.js";
import { UNFINISHED } from "./progress.js";
import { say } from "./toast.js";

const AT_ONCE = 3;
const ACTIONS = {
  reprocess: { label: "Reprocess", done: "queued", fits: (one) => !UNFINISHED.has(one.status) && one.has_original, ask: (words) => [`Reprocess ${words}?`, "Their passages are made anew; the present ones answer until then."], run: (id) => api.post(`/api/documents/${id}/reprocess`) },
  cancel: { label: "Cancel", done: "cancelled", fits: (one) => UNFINISHED.has(one.status), ask: (words) => [`Cancel the reading of ${words}?`, "What was read so far is thrown away."], yes: "Cancel the reading", no: "Go on reading", run: (id) => api.post(`/api/documents/${id}/cancel`) },
  remove: { label: "Delete", done: "deleted", fits: () => true, ask: (words) => [`Delete ${words}?`, "They and their passages will be gone for good. Answers that cite them keep their words, not the passages."], run: (id) => api.del(`/api/documents/${id}`) },
};

export class Bulk {
  /**
   * @param {HTMLElement} node the bar @param {HTMLInputElement} all the box that chooses all
   * @param {{documents: () => Map<number, object>, mark: (id: number, on: boolean) => void, after: (action: string, id: number, answer: object|null) => void, done: () => void}} on
   */
  constructor(node, all, on) {
    Object.assign(this, { node, all, on, chosen: new Set() });
    all.addEventListener("change", () => this.chooseAll(all.checked));
  }

  select(id, chosen) {
    if (chosen) this.chosen.add(id);
    else this.chosen.delete(id);
    this.show();
  }

  chooseAll(chosen) {
    for (const id of this.on.documents().keys()) {
      this.on.mark(id, chosen);
      if (chosen) this.chosen.add(id);
      else this.chosen.delete(id);
    }
    this.show();
  }

  clear() {
    this.chosen.clear();
    this.show();
  }

  show() {
    const documents = this.on.documents();
    for (const id of this.chosen) if (!documents.has(id)) this.chosen.delete(id);
    this.all.checked = this.chosen.size > 0 && this.chosen.size === documents.size;
    this.all.closest("label").classList.toggle("gone", !documents.size); // its place stays
    this.all.indeterminate = this.chosen.size > 0 && !this.all.checked;
    const fitting = Object.entries(ACTIONS).filter(([, { fits }]) => [...this.chosen].some((id) => fits(documents.get(id))));
    const made = `${this.chosen.size} ${fitting.map(([name]) => name)}`;
    if (made === this.made) return; // its buttons keep the focus
    this.made = made;
    this.node.hidden = !this.chosen.size;
    this.node.parentElement.classList.toggle("holds", this.chosen.size > 0); // stays in sight while one scrolls
    refill(this.node, el("b", { text: `${this.chosen.size} chosen` }), fitting.map(([name, { label }]) => button(label, () => this.run(name), { class: name === "remove" ? "word danger" : "word" })));
  }

  async run(name) {
    const { label, done, fits, ask, run, yes = label, no } = ACTIONS[name];
    const these = [...this.chosen].map((id) => this.on.documents().get(id)).filter((one) => one && fits(one));
    const [title, text] = ask(count(these.length, "document"));
    if (!(await confirmAction(title, text, { yes, no, danger: name === "remove" }))) return;
    const failures = [];
    const queue = [...these];
    const work = async () => {
      for (let one = queue.shift(); one; one = queue.shift()) {
        try {
          this.on.after(name, one.id, await run(one.id));
          this.select(one.id, false);
          this.on.mark(one.id, false);
        } catch (error) {
          failures.push([one.name, error]);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    this.on.done();
    if (!this.chosen.size) this.all.focus({ preventScroll: true }); // the bar with the button that was pressed is gone
    if (these.length > failures.length) say(`${count(these.length - failures.length, "document")} ${done}.`);
    if (failures.length) this.tell(failures, `${count(failures.length, "document")} not ${done}`);
  }

  tell(failures, title) {
    const dialog = openDialog(title, [el("ul", { class: "plain" }, failures.map(([name, error]) => el("li", {}, el("b", { text: name }), `: ${error.sentence ?? error.message}`))), el("div", { class: "actions" }, button("Close", () => dialog.close(), { class: "btn" }))]);
    $(".btn", dialog.node).focus();
  }
}
