// Bytes on their way to the server: progress with speed, waiting for a lost connection, pausing, giving up.
import { ApiError, csrfToken, OFFLINE, toError } from "./api.js";

const FIRST_WAIT = 500;
const LAST_WAIT = 15_000;
const STUBBORN = 8; // refusals in a row, with nothing sent between them, after which it is a refusal
const FINAL = new Set([400, 403, 404, 410, 413, 415, 422, 507]);
const RATE_WINDOW = 8000; // ms over which the speed is measured

/** Bytes per second over the last seconds, from what was sent when. */
class Speed {
  seen = [];

  note(sent, now = performance.now()) {
    this.seen.push([now, sent]);
    while (this.seen.length > 2 && now - this.seen[0][0] > RATE_WINDOW) this.seen.shift();
  }

  /** Null until there is enough to tell. */
  get rate() {
    if (this.seen.length < 2) return null;
    const [[from, before], [to, after]] = [this.seen[0], this.seen.at(-1)];
    return to - from < 500 || after <= before ? null : ((after - before) * 1000) / (to - from);
  }

  restart() {
    this.seen = [];
  }
}

/**
 * `state` is one of: sending, waiting (the connection is away; it goes on by itself), paused, signed-out (goes on when
 * it is resumed after signing in), storing (all bytes are there). Subclasses have `attempt()`, which resolves to the
 * server's answer, and may say in `reconsider(error)` what a refusal means to them.
 */
export class Transfer {
  /** @param {number} size bytes @param {(transfer: Transfer) => void} onChange told of progress and states */
  constructor(size, onChange = () => {}) {
    Object.assign(this, { size, onChange, sent: 0, state: "sending", speed: new Speed(), failures: 0, cancelled: false });
  }

  /** Send all of it, however often the connection breaks. */
  async run() {
    for (;;) {
      try {
        return await this.attempt();
      } catch (error) {
        this.abort = null;
        if (this.cancelled) throw aborted();
        await this.recover(error);
        if (this.cancelled) throw aborted();
      }
    }
  }

  /** Stop sending until `resume`. */
  pause() {
    if (this.state === "storing") return;
    this.become("paused");
    this.abort?.();
    this.wake?.();
  }

  resume() {
    if (this.state !== "paused" && this.state !== "signed-out") return;
    this.become("sending");
    this.goOn?.();
  }

  /** Give it up. */
  async cancel() {
    this.cancelled = true;
    this.abort?.();
    this.wake?.();
    this.goOn?.();
  }

  /** Seconds until all is sent, or null. */
  get secondsLeft() {
    const { rate } = this.speed;
    return rate ? (this.size - this.sent) / rate : null;
  }

  progress(sent, complete = false) {
    this.sent = Math.min(sent, this.size);
    this.speed.note(this.sent);
    this.become(complete ? "storing" : "sending");
  }

  become(state) {
    this.state = state;
    this.onChange(this);
  }

  /** What to do after a failure: wait and go on, or throw what is final. */
  async recover(error) {
    this.reason = error.status ? error : null; // none: the server was not reached
    if (this.state === "paused") return this.untilResumed();
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401) {
      this.become("signed-out");
      return this.untilResumed();
    }
    if (await this.reconsider?.(error)) return undefined;
    if (FINAL.has(error.status) || error.code === "document_name_taken") throw error;
    this.failures += 1;
    if (error.status && error.status !== 429 && this.failures > STUBBORN) throw error;
    return this.wait(error.retryAfter);
  }

  async wait(retryAfter) {
    const delay = retryAfter ? retryAfter * 1000 : Math.min(LAST_WAIT, FIRST_WAIT * 2 ** (this.failures - 1)) * (0.75 + Math.random() / 2);
    const before = this.state;
    this.become("waiting");
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, delay);
      this.wake = () => (clearTimeout(timer), resolve());
      window.addEventListener("online", this.wake, { once: true });
    });
    window.removeEventListener("online", this.wake);
    this.wake = null;
    if (this.state === "paused") await this.untilResumed();
    else this.state = before; // shown when the server has answered
  }

  untilResumed() {
    return new Promise((resolve) => {
      this.goOn = resolve;
      if (this.cancelled || this.state === "sending") resolve();
    });
  }

  /** One request; rejects with the server's refusal. */
  request(method, address, { headers = {}, body = null, onProgress = null, abortable = true } = {}) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      if (method !== "DELETE") this.abort = abortable ? () => request.abort() : null;
      if (onProgress) request.upload.addEventListener("progress", (event) => onProgress(event.loaded, event.total));
      request.addEventListener("load", () => {
        const data = parse(request.responseText);
        if (request.status >= 200 && request.status < 300) resolve({ status: request.status, data, header: (name) => request.getResponseHeader(name) });
        else reject(toError(request.status, data, Number(request.getResponseHeader("Retry-After")) || null));
      });
      request.addEventListener("error", () => reject(new ApiError(OFFLINE)));
      request.addEventListener("abort", () => reject(aborted()));
      request.open(method, address);
      for (const [name, value] of Object.entries({ "X-CSRFToken": csrfToken(), Accept: "application/json", ...headers })) request.setRequestHeader(name, value);
      request.send(body);
    });
  }
}

export const aborted = () => new ApiError({ code: "aborted", message: "The upload was cancelled." });

/** A file that was moved or changed since it was chosen looks like a broken connection. */
export async function checkReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw new ApiError({ code: "file_unreadable", message: "The file was moved or changed meanwhile.", details: { next_step: "Choose it again." } });
  }
}

function parse(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}
