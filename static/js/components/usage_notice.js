// Above the question box: that a day's tokens are nearly used, or used.
import * as api from "../lib/api.js";
import { el, fill } from "../lib/dom.js";
import { clock, number } from "../lib/format.js";

export class UsageNotice {
  /** @param {HTMLElement} node @param {boolean} limited whether a limit on tokens binds at all */
  constructor(node, limited) {
    this.node = node;
    this.limited = limited;
    this.refresh();
  }

  /** Ask how much is used. What cannot be told is not shown: the server refuses by itself. */
  async refresh() {
    if (!this.limited) return;
    try {
      const { limits } = await api.get("/api/usage?days=1");
      this.show(limits.filter((one) => one.warning).sort((a, b) => b.used / b.limit - a.used / a.limit)[0]);
    } catch {
      // said elsewhere, if it lasts
    }
  }

  show(limit) {
    const text = limit ? sentence(limit) : "";
    if (text === this.text) return; // said once, not after every answer
    this.text = text;
    this.node.hidden = !limit;
    this.node.classList.toggle("bad", Boolean(limit?.reached));
    fill(this.node, limit ? [`${text} `, el("a", { href: "/usage/", text: "My usage" })] : []);
  }
}

function sentence(limit) {
  const whose = limit.source === "group_together" ? `The group “${limit.group}” has` : "You have";
  const share = limit.reached ? `used all ${number(limit.limit)} tokens` : `used ${Math.floor((limit.used * 100) / limit.limit)} % of ${number(limit.limit)} tokens`;
  return `${whose} ${share} for today. They start anew at ${clock(limit.resets_at)}.`;
}
