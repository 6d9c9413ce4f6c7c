// Panels that cover the page on narrow screens: what lies behind cannot be reached while one is open.

/** Whether panels cover the page now (the width at which the style sheets make sheets of them). */
export const NARROW = matchMedia("(max-width: 56rem)");

/** Make everything beside the panel inert, or reachable again. The backdrop stays clickable. */
export function coverOthers(panel, covered) {
  for (const node of panel.parentElement.children) {
    if (node !== panel && !node.classList.contains("backdrop")) node.inert = covered;
  }
}
