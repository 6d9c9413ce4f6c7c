// Building all documents of a model anew: with another embedding model, or cut as the settings say now.
import * as api from "../lib/api.js";
import { button, el, fill, icon, refill } from "../lib/dom.js";
import { count, duration, nextStep, number, when } from "../lib/format.js";
import { confirmAction } from "./dialog.js";
import { Bar } from "./progress.js";
import { complain, say } from "./toast.js";

const POLL_MS = 2000;
const CHANGED = (id) => `cutting-changed:${id}`;

/** Remember that the cutting was changed, for the page that is loaded next. */
export const noteCuttingChanged = (modelId) => sessionStorage.setItem(CHANGED(modelId), "1");

const personName = (who) => (who && typeof who === "object" ? who.full_name || who.email : who);
const reason = (error) => (error && typeof error === "object" ? error.message + nextStep(error.message, error.next_step) : error || "It could not be built.");

export class RebuildSection {
  /** @param {HTMLElement} node @param {number} modelId @param {() => boolean} isDirty whether settings are unsaved */
  constructor(node, modelId, isDirty) {
    Object.assign(this, { node, modelId, isDirty, path: `/api/models/${modelId}/rebuild` });
    this.status = el("p", { class: "visually-hidden", role: "status" });
    node.after(this.status);
  }

  async start() {
    try {
      this.documents = (await api.get(`/models/${this.modelId}/counts`)).all;
      await this.load();
      this.showHint();
    } catch (error) {
      fill(this.node, el("p", { class: "muted", text: error.sentence ?? "This cannot be shown right now." }));
      if (!error.code) throw error;
    }
  }

  async load() {
    const state = await api.get(this.path);
    const isAlone = state.running && !(await api.get(`/models/${this.modelId}/counts`)).worker_alive;
    const ended = this.state?.running && !state.running;
    this.show(state);
    if (this.waits) this.waits.hidden = !isAlone;
    if (!ended || this.abandoned) return;
    this.pendingLanguage()?.remove();
    say("All documents are rebuilt; answers come from the new passages now.");
    this.documents = (await api.get(`/models/${this.modelId}/counts`)).all;
  }

  show(state) {
    const was = this.state?.running;
    this.state = state;
    clearTimeout(this.timer);
    if (state.running) {
      if (!was) this.drawRunning();
      this.showProgress(state);
      this.timer = setTimeout(() => this.load().catch(() => (this.timer = setTimeout(() => this.show(this.state), POLL_MS))), POLL_MS);
    } else this.drawIdle(state);
  }

  /** The note beside the language that is being changed. */
  pendingLanguage = () => document.querySelector("[data-testid=language-pending]");

  // --- nothing is being built -------------------------------------------------------------------

  drawIdle({ current_embedding_model: current, available_models: models = [] }) {
    const dimension = models.find((one) => one.id === current)?.dimension;
    const fits = (one) => one.id === current || (one.dimension !== null && (!dimension || one.dimension === dimension));
    const option = (one) => el("option", { value: one.id, selected: one.id === current, disabled: !fits(one), text: [one.id === current ? `${one.id} (now in use)` : one.id, fits(one) ? "" : one.note].filter(Boolean).join(": ") });
    const select = el("select", { id: "rebuild-model", autocomplete: "off" }, models.some((one) => one.id === current) ? null : el("option", { value: "", text: `${current} (now in use)` }), models.map(option));
    const notes = models.filter((one) => one.note && !fits(one));
    const start = button("Rebuild all documents", () => this.begin(select.value), { class: "btn quiet", disabled: !this.documents, "data-testid": "rebuild" });
    refill(
      this.node,
      el("div", { class: "field" }, el("label", { for: "rebuild-model", text: "Embedding model" }), select, notes.map((one) => el("p", { class: "help", text: `${one.id}: ${one.note}` }))),
      el("div", { class: "row" }, start, el("span", { class: "muted small", text: this.documents ? `${count(this.documents, "document")}, with the cutting as it is saved above.` : "There are no documents yet; new ones are built with this model." })),
    );
  }

  async begin(model) {
    if (this.isDirty()) {
      say("Save the settings first: the rebuild uses what is saved.", { bad: true });
      return;
    }
    const other = model && model !== this.state.current_embedding_model;
    const sure = await confirmAction(`Rebuild ${count(this.documents, "document")}?`, `They are read${other ? ` and embedded with ${model}` : ""} anew beside what is there. The present passages answer until all are done; then all change at once. You can abandon it until then.`, { yes: "Rebuild", danger: false });
    if (sure) await this.send(() => api.post(this.path, model ? { embedding_model: model } : {}));
  }

  async send(call) {
    try {
      const answer = await call();
      sessionStorage.removeItem(CHANGED(this.modelId));
      this.hint?.remove();
      this.abandoned = false;
      if (answer?.running) this.show(answer);
      else await this.load();
    } catch (error) {
      complain(error);
      await this.load().catch(() => {});
    }
  }

  // --- while it runs ----------------------------------------------------------------------------

  drawRunning() {
    this.bar = new Bar("Progress of the rebuild");
    this.waits = el("p", { class: "notice warn", "data-testid": "rebuild-waits", hidden: true }, icon("warn"), el("span", {}, el("strong", { text: "No ingestion worker is running." }), " The rebuild waits until one starts; nothing is lost."));
    this.words = el("p", { class: "num-line" });
    this.failed = el("div");
    const abandon = button("Abandon the rebuild", () => this.abandon(), { class: "btn quiet" });
    this.retry = button("Retry the failed ones", () => this.send(() => api.post(this.path, {})), { class: "btn quiet", hidden: true });
    refill(this.node, (this.head = el("p")), this.waits, this.bar.node, this.words, this.failed, el("div", { class: "row" }, this.retry, abandon));
    this.node.dataset.running = "true";
  }

  showProgress(state) {
    const { embedding_model: model, current_embedding_model: current, documents_total: total, documents_done: done, documents_failed: failed = [], percent, seconds_left: left } = state;
    const language = state.text_search_config !== state.current_text_search_config && state.available_languages.find((one) => one.id === state.text_search_config)?.name;
    const what = [model === current ? "Rebuilding with the saved cutting" : `Rebuilding with ${model}`, language && `for the language ${language}`].filter(Boolean).join(" ");
    const by = personName(state.started_by);
    this.head.textContent = `${what}. Started ${when(state.started_at)}${by ? ` by ${by}` : ""}. The present passages answer until all are done.`;
    this.bar.show(percent ?? 0);
    const isStuck = failed.length > 0 && done + failed.length >= total;
    const time = left === null || left === undefined ? "" : `${duration(left)} left`;
    this.words.textContent = [`${number(done)} of ${count(total, "document")}`, `${percent ?? 0} %`, isStuck ? "waits for your decision" : time].filter(Boolean).join(" · ");
    const made = JSON.stringify(failed);
    if (made !== this.failedMade) this.showFailed(failed);
    this.failedMade = made;
    this.retry.hidden = !failed.length;
  }

  showFailed(failed) {
    if (failed.length) this.status.textContent = `${count(failed.length, "document")} could not be rebuilt.`;
    const line = (one) => el("li", {}, el("a", { href: `/documents/${one.id}/`, text: one.name }), `: ${reason(one.error)}`);
    fill(this.failed, failed.length ? el("div", { class: "notice bad", "data-testid": "rebuild-failed" }, icon("warn"), el("div", {}, el("p", {}, el("strong", { text: `${count(failed.length, "document")} could not be rebuilt. ` }), "Nothing changes until they are: retry, delete or replace them, or abandon the rebuild."), el("ul", { class: "plain" }, failed.map(line)))) : null);
  }

  async abandon() {
    if (!(await confirmAction("Abandon the rebuild?", "What was built so far is thrown away. Answers go on coming from the present passages.", { yes: "Abandon it", no: "Go on" }))) return;
    try {
      this.abandoned = true;
      await api.del(this.path);
      say("The rebuild was abandoned; nothing has changed.");
      if (this.pendingLanguage() && !this.isDirty()) location.reload(); // the form shows the present one then
    } catch (error) {
      if (error.status !== 404) complain(error);
    }
    await this.load().catch(complain);
  }

  // --- after the cutting was changed ------------------------------------------------------------

  showHint() {
    if (!sessionStorage.getItem(CHANGED(this.modelId)) || !this.documents || this.state.running) return;
    const later = button("Later", () => (sessionStorage.removeItem(CHANGED(this.modelId)), this.hint.remove()), { class: "word" });
    const now = button("Rebuild them", () => this.begin(""), { class: "btn small" });
    this.hint = el("div", { class: "notice warn", role: "status", "data-testid": "cutting-changed" }, icon("info"), el("div", {}, el("p", { text: "The cutting was changed. Existing documents keep their passages until they are rebuilt." }), el("p", { class: "row" }, now, later)));
    this.node.before(this.hint);
    this.hint.scrollIntoView({ block: "center" });
  }
}
