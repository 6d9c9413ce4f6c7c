// The chat's frames over HTTP, where no WebSocket gets through: each is a request, answers are event streams.
import * as api from "./api.js";

const of = (id, what) => `/api/chat/messages/${id}/${what}`;
const REQUESTS = {
  chat: ({ type, ...asked }) => api.stream("POST", "/api/chat/stream", asked),
  edit: ({ message_id: id, message, client_id }) => api.stream("POST", of(id, "edit"), { message, client_id, stream: true }),
  regenerate: ({ message_id: id }) => api.stream("POST", of(id, "regenerate"), { stream: true }),
  continue: ({ message_id: id }) => api.stream("POST", of(id, "continue"), { stream: true }),
  resume: ({ message_id: id, after_seq: after }, signal) => api.stream("GET", `${of(id, "stream")}?after_seq=${after}`, undefined, { signal }),
  stop: ({ message_id: id }) => api.post(of(id, "stop")),
};
const LAST = new Set(["stream_end", "message_saved", "error"]);
const AGAIN = new Set(["session_busy", "message_rate_exceeded", "throttled", "too_many_sockets", "service_unavailable", "server_error"]);
const SILENT_FOR = 15_000; // of a stream that is open the server says `: waiting` every four seconds

/** A request that the server itself has not answered: the network, or a proxy whose server is away. */
const isBroken = ({ code, status }) => code === api.OFFLINE.code || (code === "server_error" && [502, 503, 504].includes(status));

/** The events of a stream, as far as it goes; one on which no byte comes any more is left. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const silent = setTimeout(() => reader.cancel(), SILENT_FOR);
    const { value, done } = await reader.read().catch(() => ({ done: true })); // cut or left: the last frame is missing
    clearTimeout(silent);
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const data = part.split("\n").find((line) => line.startsWith("data: "));
      if (data) yield JSON.parse(data.slice(6));
    }
  }
}

export class HttpDoor {
  /** @param {{frame: (frame: object) => void, broken: () => void, signedOut: () => void}} on */
  constructor(on) {
    this.on = on;
  }

  /** Send a frame; what the server says to it arrives as frames, its refusal as an `error`. */
  async send(frame) {
    if (frame.type === "resume") this.reading?.abort(); // one answer is followed, once
    const leaving = new AbortController();
    if (frame.type === "resume") this.reading = leaving;
    try {
      const body = await REQUESTS[frame.type](frame, leaving.signal);
      if (body && !(await this.read(body)) && !leaving.signal.aborted) this.on.broken();
    } catch (error) {
      if (error.name !== "AbortError") this.failed(error, frame);
    }
  }

  /** Hand the frames on. @returns {Promise<boolean>} whether the last one came */
  async read(body) {
    let isWhole = false;
    for await (const frame of events(body)) {
      isWhole ||= LAST.has(frame.type);
      this.on.frame(frame);
    }
    return isWhole;
  }

  failed(error, { type, message_id, client_id }) {
    if (!(error instanceof api.ApiError)) throw error;
    if (isBroken(error) || (type === "resume" && AGAIN.has(error.code))) this.on.broken(); // and again after a while
    else if (error.status === 401) this.on.signedOut();
    else this.on.frame({ type: "error", code: error.code, message: error.message, details: error.details, retryable: AGAIN.has(error.code), refused: type, message_id, client_id });
  }
}
