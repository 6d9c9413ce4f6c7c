// Two runs side by side: settings, measures, and which questions came out better or worse.
import * as api from "../lib/api.js";
import { button, el, fill } from "../lib/dom.js";
import { MEASURES, measureName, outcome, runName, settingName, settingValue, written } from "../lib/evaluation.js";
import { when } from "../lib/format.js";
import { back } from "./evaluation_run.js";
import { showPager } from "./pager.js";
import { complain } from "./toast.js";

const SIZE = 25;
const CHANGES = [["", "All"], ["better", "Better"], ["worse", "Worse"], ["same", "The same"], ["only_base", "Only in the first"], ["only_other", "Only in the second"]];

export class CompareView {
  /** @param {HTMLElement} node @param {number} model @param {{back: () => void, compare: (base: number, other: number) => void}} go */
  constructor(node, model, go) {
    Object.assign(this, { node, model, go });
  }

  async show(base, other) {
    Object.assign(this, { base, other, change: "" });
    await this.load(1);
  }

  async load(page) {
    const pair = `${this.base},${this.other}`;
    try {
      const found = await api.get(api.query(`/api/models/${this.model}/evaluation/compare`, { base: this.base, other: this.other, change: this.change, page, page_size: SIZE }));
      if (pair === `${this.base},${this.other}`) this.paint(found, page);
    } catch (error) {
      if (error.status === 404) fill(this.node, back(this.go.back), el("div", { class: "empty" }, el("p", { text: "One of these runs is gone." })));
      else complain(error);
    }
  }

  paint(found, page) {
    const { base, other, changes } = found;
    const total = Object.values(changes).reduce((sum, one) => sum + one, 0);
    const pills = CHANGES.filter(([kind]) => !kind || changes[kind] || kind === this.change).map(([kind, label]) => button(`${label} `, () => this.choose(kind), { class: "pill", "aria-pressed": String(kind === this.change), data: { change: kind } }));
    for (const pill of pills) pill.append(el("b", { text: pill.dataset.change ? changes[pill.dataset.change] : total }));
    const head = (run) => el("th", { class: "num", scope: "col" }, runName(run), el("br"), el("small", { text: when(run.created_at) }));
    const pager = el("div", { class: "pager", hidden: true });
    showPager(pager, { page, size: SIZE, total: found.count }, (next) => this.load(next));
    const had = this.node.contains(document.activeElement) && document.activeElement.dataset.change;
    fill(
      this.node,
      back(this.go.back),
      el("h2", {}, `${runName(base)} and ${runName(other)}`),
      el("p", {}, button("Swap them", () => this.go.compare(this.other, this.base), { class: "btn quiet small" })),
      el("div", { class: "table-wrap" }, el("table", { class: "sides", "data-testid": "sides" }, el("thead", {}, el("tr", {}, el("th", {}, el("span", { class: "visually-hidden", text: "Measure or setting" })), head(base), head(other), el("th", { class: "num", scope: "col", text: "Change" }))), el("tbody", {}, settings(found.settings), measures(base.metrics, other.metrics)))),
      el("h3", { text: "Question by question" }),
      el("div", { class: "pills section" }, pills),
      found.results.length ? el("div", { class: "table-wrap section" }, el("table", { class: "list cards" }, el("thead", {}, el("tr", {}, ["Question", runName(base), runName(other), "Change"].map((text) => el("th", { text })))), el("tbody", { "data-testid": "pairs" }, found.results.map((one) => this.row(one, base, other))))) : el("div", { class: "empty section" }, el("p", { text: "No question of this kind." })),
      pager,
    );
    if (typeof had === "string") pills.find((pill) => pill.dataset.change === had)?.focus({ preventScroll: true });
  }

  row(one, base, other) {
    const tryIt = `/models/${this.model}/try?question=${encodeURIComponent(one.question)}`;
    const side = (result) => outcome(result && { ...result, answerable: one.answerable });
    const label = { better: ["better", "state ok"], worse: ["worse", "state bad"], same: ["the same", "state"] }[one.change] ?? ["in one run only", "state warn"];
    return el("tr", { "data-testid": "pair" }, el("td", {}, el("a", { class: "question", href: tryIt, text: one.question })), el("td", { "data-label": runName(base), text: side(one.base) }), el("td", { "data-label": runName(other), text: side(one.other) }), el("td", { "data-label": "Change" }, el("span", { class: label[1], text: label[0] })));
  }

  choose(change) {
    this.change = change;
    this.load(1);
  }
}

/** Only the settings that differ. */
function settings(apart) {
  return Object.entries(apart).map(([name, [base, other]]) => el("tr", { class: "apart" }, el("th", { scope: "row", text: settingName(name) }), el("td", { class: "num", text: short(base) }), el("td", { class: "num", text: short(other) }), el("td")));
}

const short = (value) => {
  const text = settingValue(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
};

function measures(base, other) {
  return MEASURES.filter(([key]) => known(base[key]) || known(other[key])).map(([key, name, , , more]) => {
    const before = base[key];
    const after = other[key];
    const apart = known(before) && known(after) && written(base, key) !== written(other, key);
    const better = apart && after > before === more;
    const text = apart ? `${after > before ? "+" : "−"}${key.includes("_ms_") ? `${Math.round(Math.abs(after - before))} ms` : Math.abs(after - before).toFixed(3)}` : "";
    const label = base.k === other.k ? measureName(name, base) : name;
    return el("tr", {}, el("th", { scope: "row", text: label }), el("td", { class: "num", text: written(base, key) }), el("td", { class: "num", text: written(other, key) }), el("td", { class: `num ${apart ? (better ? "up" : "down") : ""}` }, text, apart ? el("span", { class: "visually-hidden", text: better ? " better" : " worse" }) : null));
  });
}

const known = (value) => value !== null && value !== undefined;
