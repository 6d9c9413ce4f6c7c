// The chat's socket and the order of its frames, as one thing to talk to.
import { FrameOrder } from "./frames.js";
import { LiveSocket } from "./socket.js";

export class ChatLink {
  /** @param {{frame: (frame: object) => void, state: (state: object) => void}} on */
  constructor(on) {
    this.socket = new LiveSocket("/api/chat/ws");
    this.order = new FrameOrder(on.frame, (sessionId, messageId, after) => this.follow(sessionId, messageId, after));
    this.socket.addEventListener("frame", (event) => this.order.accept(event.detail));
    this.socket.addEventListener("state", (event) => on.state(event.detail));
  }

  open() {
    this.socket.open();
  }

  send(frame) {
    return this.socket.send(frame);
  }

  /** Ask for an answer's frames from where we are. Before the socket is open, its opening does it. */
  follow(sessionId, messageId, after = this.order.last(messageId)) {
    return this.send({ type: "resume", session_id: sessionId, message_id: messageId, after_seq: after });
  }
}
