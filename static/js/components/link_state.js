// Whether the server is reached; where waiting does not help (signed out, too many tabs), what does.
import { $, button, el, fill } from "../lib/dom.js";

const WORDS = { connected: "connected", http: "connected without WebSocket", connecting: "connecting", waiting: "connection lost, trying again", refused: "signed out", crowded: "too many tabs" };

const SERVED = new Set(["connected", "http"]);

export class LinkState {
  /** @param {() => void} tryAgain opens the connection */
  constructor(tryAgain) {
    this.node = $("#link-state");
    this.notice = $("#link-notice");
    this.tryAgain = tryAgain;
    // also when a request of the page is the first to notice; the page stays, and what is written in it
    window.addEventListener("verbatim:signed-out", (event) => {
      event.preventDefault();
      this.show("refused");
    });
  }

  show(state) {
    this.node.textContent = WORDS[state];
    this.node.className = `link-state ${SERVED.has(state) ? "ok" : state === "connecting" ? "" : "warn"}`;
    if (state === "refused") this.signedOut();
    else if (state === "crowded") this.tell("Verbatim is open in too many tabs.", "Close some of them, here or on other devices, then try again.", button("Try again", this.tryAgain, { class: "btn small" }));
    else if (SERVED.has(state)) this.notice.hidden = true;
  }

  signedOut() {
    const here = encodeURIComponent(location.pathname + location.search);
    this.tell("You have been signed out.", "What you wrote is kept. Sign in, and you come back to this chat.", el("a", { class: "btn small", href: `/signin?next=${here}`, text: "Sign in" }));
  }

  tell(what, help, action) {
    fill(this.notice, el("p", {}, el("strong", { text: what }), ` ${help}`), action);
    this.notice.hidden = false;
  }
}
