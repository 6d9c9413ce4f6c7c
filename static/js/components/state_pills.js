// The filters above the list of documents, each with how many it shows. Their nodes stay, so that a focus stays too.
import { button, el } from "../lib/dom.js";
import { number } from "../lib/format.js";

const FILTERS = [["", "All"], ["queued", "Queued"], ["processing", "Processing"], ["completed", "Completed"], ["warned", "With warnings"], ["failed", "Failed"], ["cancelled", "Cancelled"]];

/** Whether there is a filter of this name. */
export const isFilter = (name) => FILTERS.some(([one]) => one === name);

export class StatePills {
  /** @param {HTMLElement} node @param {string} chosen @param {(filter: string) => void} onChoose */
  constructor(node, chosen, onChoose) {
    this.chosen = chosen;
    this.pills = FILTERS.map(([filter, label]) => {
      const total = el("b");
      const pill = button(`${label} `, () => this.choose(filter, onChoose), { class: "pill", "aria-pressed": String(filter === chosen), hidden: true });
      pill.append(total);
      node.append(pill);
      return { filter, pill, total };
    });
  }

  choose(filter, onChoose) {
    this.chosen = filter;
    for (const one of this.pills) one.pill.setAttribute("aria-pressed", String(one.filter === filter));
    onChoose(filter);
  }

  /** @param {{all: number, with_warnings: number, by_status: Record<string, number>}} counts */
  show(counts) {
    for (const { filter, pill, total } of this.pills) {
      const found = { "": counts.all, warned: counts.with_warnings }[filter] ?? counts.by_status[filter];
      total.textContent = number(found);
      pill.hidden = Boolean(filter) && !found && filter !== this.chosen;
    }
  }
}
