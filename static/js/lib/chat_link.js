// The chat's socket, what stands in for it, and the order of their frames, as one thing to talk to.
import { FrameOrder } from "./frames.js";
import { HttpDoor } from "./http_door.js";
import { LiveSocket } from "./socket.js";

export class ChatLink {
  /** @param {{frame: (frame: object) => void, state: (state: object) => void}} on */
  constructor(on) {
    this.socket = new LiveSocket("/api/chat/ws", { elseHttp: true });
    this.order = new FrameOrder(on.frame, (sessionId, messageId, after) => this.follow(sessionId, messageId, after));
    this.http = new HttpDoor({
      frame: (frame) => (this.socket.reached(frame), this.order.accept(frame)),
      broken: () => this.overHttp && this.socket.comeBack(), // a socket that has opened meanwhile follows by itself
      signedOut: () => this.overHttp && this.socket.setState("refused"),
    });
    this.socket.addEventListener("frame", (event) => this.order.accept(event.detail));
    this.socket.addEventListener("state", (event) => on.state(event.detail));
  }

  get overHttp() {
    return this.socket.state === "http";
  }

  open() {
    this.socket.open();
  }

  /** Send a frame, one way or the other; false when there is no connection. */
  send(frame) {
    if (this.socket.send(frame)) return true;
    if (this.overHttp) this.http.send(frame);
    return this.overHttp;
  }

  /** Ask for an answer's frames from where we are. Before there is a connection, its opening does it. */
  follow(sessionId, messageId, after = this.order.last(messageId)) {
    return this.send({ type: "resume", session_id: sessionId, message_id: messageId, after_seq: after });
  }

  /** Ask for all frames of an answer that is shown anew. */
  followAnew(sessionId, messageId) {
    this.order.forget(messageId);
    return this.follow(sessionId, messageId);
  }
}
