// The order of an answer's frames: `seq` counts from 1 without gaps per assistant message.
// What came twice is dropped; after a gap everything behind it is asked for again.

const RESUME_AGAIN_AFTER = 3000;

export class FrameOrder {
  /**
   * @param {(frame: object) => void} deliver gets each frame once, in order
   * @param {(sessionId: string, messageId: number, afterSeq: number) => void} resume asks the server for a replay
   */
  constructor(deliver, resume) {
    this.deliver = deliver;
    this.resume = resume;
    this.seen = new Map(); // message id -> last seq
    this.askedAt = new Map();
  }

  accept(frame) {
    if (frame.seq === undefined || frame.message_id === undefined) {
      this.deliver(frame);
      return;
    }
    const id = frame.message_id;
    const last = this.seen.get(id) ?? 0;
    if (frame.seq <= last) return;
    if (frame.seq > last + 1) {
      this.ask(frame.session_id, id, last);
      return;
    }
    this.seen.set(id, frame.seq);
    this.askedAt.delete(id);
    this.deliver(frame);
  }

  /** The last number seen of a message. */
  last(messageId) {
    return this.seen.get(messageId) ?? 0;
  }

  /** A message's frames are wanted from the first one on; who calls this asks for them. */
  forget(messageId) {
    this.seen.delete(messageId);
    this.askedAt.set(messageId, Date.now()); // what comes before them is no reason to ask twice
  }

  ask(sessionId, messageId, after) {
    const asked = this.askedAt.get(messageId) ?? 0;
    if (Date.now() - asked < RESUME_AGAIN_AFTER) return;
    this.askedAt.set(messageId, Date.now());
    this.resume(sessionId, messageId, after);
  }
}
