// Panels that cover the page on narrow screens: what lies behind cannot be reached while one is open.

/** Whether panels cover the page now (the width at which the style sheets make sheets of them). */
export const NARROW = matchMedia("(max-width: 56rem)");

/** Make everything beside the panel inert, or reachable again. The backdrop stays clickable. */
export function coverOthers(panel, covered) {
  for (const node of panel.parentElement.children) {
    if (node !== panel && !node.classList.contains("backdrop")) node.inert = covered;
  }
}

/**
 * While a panel covers the page, "back" closes it instead of leaving: an entry of the history stands for the open panel.
 */
export class BackCloses {
  /** @param {string} name of the panel @param {() => void} close */
  constructor(name, close) {
    this.name = name;
    if (this.isOnTop) history.replaceState(null, ""); // of the page before it was loaded again
    window.addEventListener("popstate", () => !this.isOnTop && close());
  }

  get isOnTop() {
    return history.state?.sheet === this.name;
  }

  opened() {
    if (NARROW.matches && !this.isOnTop) history.pushState({ sheet: this.name }, "");
  }

  /** Closed by other means: the entry goes, so that the next "back" leaves. */
  closed() {
    if (this.isOnTop) history.back();
  }
}
