// "2 / 3" with arrows: which version of a question or an answer is shown.
import { button, el } from "../lib/dom.js";

/**
 * @param {{index: number|null, ids: number[]}|null} siblings the versions, oldest first
 * @param {string} what "question" or "answer"
 * @param {(id: number, step: number) => void} onChoose
 * @returns {HTMLElement|null} nothing where there is one version only
 */
export function branchSwitch(siblings, what, onChoose) {
  if (!siblings || siblings.index === null || siblings.ids.length < 2) return null;
  const { index, ids } = siblings;
  const place = `${index + 1} of ${ids.length}`;
  const arrow = (step, name, iconName) => {
    const target = ids[index + step];
    const state = target === undefined ? { disabled: true } : { "data-idle": true };
    return button(`${name} version of the ${what}; ${place} is shown`, () => onChoose(target, step), { class: "icon-btn", iconName, iconOnly: true, "data-step": step, ...state });
  };
  const shown = el("span", { "aria-hidden": "true", text: `${index + 1} / ${ids.length}` });
  return el("span", { class: "branch", role: "group", "aria-label": `Versions of the ${what}: ${place}`, "data-testid": "branch" }, arrow(-1, "Previous", "left"), shown, arrow(1, "Next", "right"));
}
