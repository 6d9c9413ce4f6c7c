// Begin a run, follow those that are under way, choose two to compare.
import * as api from "../lib/api.js";
import { $, button, el, refill } from "../lib/dom.js";
import { isOpen, runName, settingName, settingValue, stateLabel, written } from "../lib/evaluation.js";
import { count, when } from "../lib/format.js";
import { confirmAction } from "./dialog.js";
import { clearErrors, showErrors, values } from "./form.js";
import { showPager } from "./pager.js";
import { complain } from "./toast.js";

const SIZE = 10;
const POLL = 1500;

export class Runs {
  /** @param {object} data the page's @param {{open: (id: number) => void, compare: (base: number, other: number) => void}} go */
  constructor(data, go) {
    this.data = data;
    this.go = go;
    this.path = `/api/models/${data.model_id}/evaluation/runs`;
    this.page = 1;
    this.picked = [];
    this.timer = 0;
    this.questions = 0;
    $("#run-form").addEventListener("submit", (event) => this.begin(event));
    $("#compare").addEventListener("click", () => go.compare(...[...this.picked].sort((a, b) => a - b)));
  }

  /** How many questions there are to ask. */
  ready(questions) {
    this.questions = questions;
    $("#run").disabled = !questions;
    $("#run").textContent = questions ? `Run ${questions === 1 ? "the question" : `all ${questions} questions`}` : "Run all questions";
  }

  stop() {
    clearTimeout(this.timer);
  }

  async load(page = this.page) {
    this.page = page;
    this.stop();
    try {
      const found = await api.get(api.query(this.path, { page, page_size: SIZE }));
      refill($("#runs"), found.results.map((run) => this.row(run)));
      $("#runs-table").hidden = !found.results.length;
      $("#no-runs").hidden = found.count > 0;
      $("#pick-row").hidden = found.count < 2;
      showPager($("#runs-pager"), { page, size: SIZE, total: found.count }, (next) => this.load(next));
      if (found.results.some(isOpen) && !$("#home").hidden) this.timer = setTimeout(() => this.load(), POLL);
    } catch (error) {
      if (error.status === 404 && page > 1) {
        this.load(page - 1);
        return;
      }
      complain(error);
      if (error.code === "offline") this.timer = setTimeout(() => this.load(), 4 * POLL);
    }
  }

  row(run) {
    const name = runName(run);
    const tried = run.settings.tried.map((one) => `${settingName(one)} ${settingValue(run.settings[one])}`);
    const about = [when(run.created_at), count(run.questions_total, "question"), run.answers ? "with answers" : "", ...tried].filter(Boolean).join(" · ");
    const pick = el("input", { type: "checkbox", "aria-label": `Choose ${name} to compare`, disabled: isOpen(run) || !run.questions_done, on: { change: (event) => this.pick(run.id, event.currentTarget) } });
    pick.checked = this.picked.includes(run.id);
    const open = el("a", { class: "doc label", href: `?run=${run.id}`, text: name, on: { click: (event) => this.follow(event, run.id) } });
    const cell = (key, label) => el("td", { class: "num", "data-label": label, text: isOpen(run) ? "" : written(run.metrics, key) });
    return el(
      "tr",
      { "data-testid": "evaluation-run" },
      el("td", { class: "pick" }, el("label", {}, pick)),
      el("td", {}, open, el("small", { text: about })),
      el("td", { class: "status", "data-label": "State" }, state(run)),
      cell("recall_at_k", `Recall@${run.settings.top_k}`),
      cell("mrr", "MRR"),
      cell("ndcg_at_10", "nDCG@10"),
      cell("citation_precision", "Citation precision"),
      cell("refusal_accuracy", "Refusal accuracy"),
      cell("search_ms_p95", "Search, p95"),
      el("td", { class: "acts" }, isOpen(run) ? button("Cancel", () => this.cancel(run), { "aria-label": `Cancel ${name}` }) : button("Delete", () => this.remove(run), { class: "word danger", "aria-label": `Delete ${name}` })),
    );
  }

  follow(event, id) {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    this.go.open(id);
  }

  pick(id, box) {
    this.picked = this.picked.filter((one) => one !== id);
    if (box.checked) this.picked.push(id);
    if (this.picked.length > 2) this.picked.shift();
    for (const other of document.querySelectorAll("#runs .pick input")) {
      const link = other.closest("tr").querySelector("a");
      other.checked = this.picked.includes(Number(new URL(link.href).searchParams.get("run")));
    }
    $("#compare").disabled = this.picked.length !== 2;
    $("#picked").textContent = this.picked.length === 2 ? "Two runs are chosen." : this.picked.length ? "Choose one more run." : "Choose two runs to compare them.";
  }

  async begin(event) {
    event.preventDefault();
    const form = event.currentTarget;
    clearErrors(form);
    $("#run").disabled = true;
    try {
      await api.post(this.path, values(form));
      form.elements.label.value = "";
      this.load(1);
    } catch (error) {
      showErrors(form, error);
      if (!error.code) console.error(error);
    }
    this.ready(this.questions);
  }

  async cancel(run) {
    try {
      await api.post(`${this.path}/${run.id}/cancel`);
    } catch (error) {
      complain(error);
    }
    this.load();
  }

  async remove(run) {
    if (!(await confirmAction("Delete this run?", `${runName(run)} and all that it found is gone for good.`))) return;
    try {
      await api.del(`${this.path}/${run.id}`);
      this.picked = this.picked.filter((one) => one !== run.id);
      $("#compare").disabled = this.picked.length !== 2;
    } catch (error) {
      complain(error);
    }
    this.load();
  }
}

/** The state with how far it is, or why it ended. */
function state(run) {
  if (isOpen(run)) {
    const bar = el("span", { class: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": run.questions_total, "aria-valuenow": run.questions_done, "aria-label": runName(run) }, el("i"));
    bar.firstChild.style.width = `${(100 * run.questions_done) / Math.max(1, run.questions_total)}%`;
    return [stateLabel(run), bar, el("small", { text: `${run.questions_done} of ${run.questions_total}` })];
  }
  const partly = run.questions_done < run.questions_total ? el("small", { text: `after ${run.questions_done} of ${run.questions_total}` }) : null;
  const reason = run.error ? el("small", { class: "reason", text: `${run.error.message} ${run.error.next_step}` }) : null;
  return [stateLabel(run), partly, reason];
}
