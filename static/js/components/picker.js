// A searchable list of check boxes over a paginated API list; remembers what is chosen beyond the page shown.
import * as api from "../lib/api.js";
import { debounce, el, fill } from "../lib/dom.js";

const SHOWN = 50;

export class Picker {
  /**
   * @param {{list: HTMLElement, search: HTMLInputElement, path: string, chosen: Iterable<number>,
   *   label: (item) => [string, string], empty: string, onChange: () => void}} options `label` gives title and detail
   */
  constructor({ list, search, path, chosen, label, empty, onChange = () => {} }) {
    Object.assign(this, { list, search, path, label, empty, onChange });
    this.chosen = new Set(chosen);
    search.addEventListener("input", debounce(() => this.load()));
  }

  async load() {
    const asked = this.search.value.trim();
    const answer = await api.get(api.query(this.path, { search: asked, page_size: SHOWN }));
    if (asked !== this.search.value.trim()) return;
    const items = answer.results.toSorted((a, b) => this.chosen.has(b.id) - this.chosen.has(a.id));
    const rest = answer.count - items.length;
    fill(this.list, items.map((item) => this.entry(item)), items.length ? null : el("li", { class: "none", text: asked ? "Nobody and nothing fits." : this.empty }), rest > 0 ? el("li", { class: "none", text: `${rest} more: search for them` }) : null);
  }

  entry(item) {
    const [title, detail] = this.label(item);
    const box = el("input", { type: "checkbox", checked: this.chosen.has(item.id) });
    box.addEventListener("change", () => {
      if (box.checked) this.chosen.add(item.id);
      else this.chosen.delete(item.id);
      this.onChange();
    });
    return el("li", {}, el("label", {}, box, el("span", {}, title, detail ? el("small", { text: detail }) : null)));
  }

  get ids() {
    return [...this.chosen].sort((a, b) => a - b);
  }
}
