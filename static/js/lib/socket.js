// A WebSocket that comes back: backoff with jitter, pings, and a state that pages can show.

const FIRST_DELAY = 400;
const LAST_DELAY = 15_000;
const PING_EVERY = 25_000;
const PONG_WITHIN = 10_000;
const SIGNED_OUT = 4401; // or what was signed in with has run out, and something newer is there
const NO_ACCESS = 4403;
const TOO_MANY = 4429;

/**
 * Events: `state` (detail: "connecting" | "connected" | "waiting" | "refused" | "crowded", retryAt), `frame` (detail: the
 * frame). "refused" is signed out or without access; "crowded" is one of too many, which `open` tries again.
 */
export class LiveSocket extends EventTarget {
  constructor(path, { pings = true } = {}) {
    super();
    this.path = path;
    this.pings = pings;
    this.state = "connecting";
    this.attempts = 0;
    this.closed = false;
    window.addEventListener("online", () => this.state === "waiting" && this.open());
    // whoever was signed out may have signed in again in another tab
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && ["waiting", "refused"].includes(this.state) && this.open());
    // a page kept in the back/forward cache loses its socket
    window.addEventListener("pagehide", () => this.socket?.close());
    window.addEventListener("pageshow", (event) => event.persisted && this.open());
  }

  get connected() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  open() {
    clearTimeout(this.timer);
    if (this.connected || this.socket?.readyState === WebSocket.CONNECTING) return;
    this.setState("connecting");
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}${this.path}`);
    this.socket = socket;
    socket.addEventListener("open", () => {
      this.setState("connected");
      this.watch();
    });
    socket.addEventListener("message", (event) => this.receive(event.data));
    socket.addEventListener("close", (event) => this.socket === socket && this.lost(event.code));
  }

  /** Send a frame; false when there is no connection. */
  send(frame) {
    if (!this.connected) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.socket?.close();
  }

  receive(text) {
    clearTimeout(this.pongTimer);
    const frame = JSON.parse(text);
    if (frame.type !== "error") this.attempts = 0; // only a server that serves counts as reached
    if (frame.type !== "pong") this.dispatchEvent(new CustomEvent("frame", { detail: frame }));
  }

  watch() {
    clearInterval(this.pingTimer);
    if (!this.pings) return;
    this.pingTimer = setInterval(() => {
      if (!this.send({ type: "ping" })) return;
      clearTimeout(this.pongTimer);
      this.pongTimer = setTimeout(() => this.socket?.close(), PONG_WITHIN);
    }, PING_EVERY);
  }

  lost(code) {
    clearInterval(this.pingTimer);
    clearTimeout(this.pongTimer);
    if (this.closed) return;
    if (code === NO_ACCESS) this.setState("refused");
    else if (code === TOO_MANY) this.setState("crowded");
    else if (code === SIGNED_OUT) this.lookWhetherSignedIn();
    else this.comeBack();
  }

  /** Closed for want of credentials: the page's session may still be good, or be a new one. */
  async lookWhetherSignedIn() {
    const answer = await fetch("/api/auth/me", { credentials: "same-origin" }).catch(() => null);
    if (answer?.status === 401) this.setState("refused");
    else this.comeBack();
  }

  comeBack() {
    const delay = Math.min(LAST_DELAY, FIRST_DELAY * 2 ** this.attempts) * (0.75 + Math.random() / 2);
    this.attempts += 1;
    this.setState("waiting", Date.now() + delay);
    this.timer = setTimeout(() => this.open(), delay);
  }

  setState(state, retryAt = null) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, retryAt } }));
  }
}
