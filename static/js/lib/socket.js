// A WebSocket that comes back: backoff with jitter, pings, and a state that pages can show. Where none gets
// through, as behind a proxy that passes no upgrades on, it says so, and tries again now and then.

const FIRST_DELAY = 400;
const LAST_DELAY = 15_000;
const PING_EVERY = 25_000;
const PONG_WITHIN = 10_000;
const SIGNED_OUT = 4401; // or what was signed in with has run out, and something newer is there
const NO_ACCESS = 4403;
const TOO_MANY = 4429;
const OPENS_WITHIN = 10_000;
const ANSWERS_WITHIN = 10_000;
const TRUSTED_OPENINGS = 3; // so many in a row that fail say that none will succeed
const FIRST_RETURN = 5_000; // it may have been a restart of the server
const LAST_RETURN = 60_000;
const KEY = "no-websocket"; // the tab's next page need not find out anew

const addressOf = (path) => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;

/** A WebSocket that is closed when it does not open in time. */
function opening(path) {
  const socket = new WebSocket(addressOf(path));
  const late = setTimeout(() => socket.close(), OPENS_WITHIN);
  for (const event of ["open", "close"]) socket.addEventListener(event, () => clearTimeout(late));
  return socket;
}

/** Whether a WebSocket from this browser reaches the server; a promise. */
export function socketsGetThrough(path) {
  return new Promise((resolve) => {
    const socket = opening(path);
    socket.addEventListener("open", () => (resolve(true), socket.close()));
    socket.addEventListener("close", () => resolve(false));
  });
}

/**
 * Events: `state` (detail: "connecting" | "connected" | "waiting" | "refused" | "crowded" | "http", retryAt), `frame`
 * (detail: the frame). "refused" is signed out or without access; "crowded" is one of too many, which `open` tries again.
 * "http", for pages that can do without (`elseHttp`), is a server that answers requests while sockets do not open.
 */
export class LiveSocket extends EventTarget {
  constructor(path, { pings = true, elseHttp = false } = {}) {
    super();
    this.path = path;
    this.pings = pings;
    this.state = "connecting";
    this.elseHttp = elseHttp;
    this.attempts = 0;
    this.neverOpened = sessionStorage.getItem(KEY) ? TRUSTED_OPENINGS - 1 : 0; // in a row
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
    if (this.state !== "http") this.setState("connecting");
    const socket = opening(this.path);
    this.socket = socket;
    this.neverOpened += 1;
    socket.addEventListener("open", () => {
      this.neverOpened = 0;
      sessionStorage.removeItem(KEY);
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
    this.reached(frame);
    if (frame.type !== "pong") this.dispatchEvent(new CustomEvent("frame", { detail: frame }));
  }

  /** A frame came, over the socket or what stands in for it: only a server that serves counts as reached. */
  reached(frame) {
    if (frame.type !== "error") this.attempts = 0;
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
    else if (code === SIGNED_OUT || this.isHopeless) this.askOverHttp();
    else this.comeBack();
  }

  get isHopeless() {
    return this.elseHttp && this.neverOpened >= TRUSTED_OPENINGS;
  }

  /** The page's session may have ended, or be good, or a new one; and the server may answer without sockets. */
  async askOverHttp() {
    const answer = await fetch("/api/auth/me", { credentials: "same-origin", signal: AbortSignal.timeout(ANSWERS_WITHIN) }).catch(() => null);
    if (this.connected || this.closed) return; // meanwhile
    if (answer?.status === 401) this.setState("refused");
    else if (answer?.ok && this.isHopeless) this.doWithout();
    else this.comeBack();
  }

  doWithout() {
    sessionStorage.setItem(KEY, "1");
    const delay = Math.min(LAST_RETURN, FIRST_RETURN * 2 ** (this.neverOpened - TRUSTED_OPENINGS));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), delay);
    if (this.state !== "http") this.setState("http");
  }

  /** Try again after a while, which grows until a frame comes. */
  comeBack() {
    if (this.connected) return;
    clearTimeout(this.timer);
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
