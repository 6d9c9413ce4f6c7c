// Files to the server: large ones in slices that go on where they stopped, small ones as forms.
import { ApiError } from "./api.js";
import { aborted, checkReadable, Transfer } from "./transfer.js";

export const SLICE = 8 * 1024 * 1024; // bytes a request carries
const DELETE_TRIES = 10;
const ZIP = /\.zip$/i;

const paths = new WeakMap();

/** A file of a folder is called by its way from there: "reports/annual.pdf". */
export const withPath = (file, path) => (paths.set(file, path), file);

/** What the server is to call a file. */
export const pathOf = (file) => paths.get(file) ?? file.name;

/** Whether a file goes in slices. */
export const isLarge = (file) => file.size > SLICE || ZIP.test(file.name);

/** `filename <base64>,model_id <base64>`, as the protocol writes it. */
function metadata(fields) {
  const encode = (value) => btoa(String.fromCharCode(...new TextEncoder().encode(String(value))));
  return Object.entries(fields).filter(([, value]) => value !== null && value !== undefined && value !== "").map(([key, value]) => `${key} ${encode(value)}`).join(",");
}

/** The tus 1.0 protocol: https://tus.io/protocols/resumable-upload */
export class ResumableUpload extends Transfer {
  pausable = true;

  /**
   * @param {File} file
   * @param {object} about what the server has to know: model_id; session_id, same_name, document_id where they apply
   * @param {{address?: string|null, onChange?: Function}} options `address` of an upload that was begun before
   */
  constructor(file, about, { address = null, onChange } = {}) {
    super(file.size, onChange);
    Object.assign(this, { file, about, address });
  }

  async attempt() {
    if (this.address) await this.askOffset();
    else await this.create();
    for (;;) {
      const answer = await this.sendSlice();
      if (answer) return answer;
    }
  }

  async cancel() {
    await super.cancel();
    await this.creating; // its address is needed to delete it
    for (let tries = 0; this.address && tries < DELETE_TRIES; tries += 1) {
      try {
        await this.send("DELETE", this.address);
        return;
      } catch (error) {
        if (error.status !== 423 && error.status !== 0) return; // gone already, or it expires by itself
        await new Promise((resolve) => setTimeout(resolve, 1000)); // the slice that was cut off is still being stored
      }
    }
  }

  send(method, address, { headers = {}, ...rest } = {}) {
    return this.request(method, address, { headers: { "Tus-Resumable": "1.0.0", ...headers }, ...rest });
  }

  /** Never cut off by pausing or cancelling: the server would keep an upload whose address nobody knows. */
  async create() {
    const created = this.send("POST", "/api/uploads", { headers: { "Upload-Length": this.size, "Upload-Metadata": metadata({ filename: pathOf(this.file), ...this.about }) }, abortable: false });
    this.creating = created.then((answer) => {
      this.address = new URL(answer.header("Location"), location.href).pathname;
      this.offset = 0;
    }).catch(() => {}); // told by `created`
    await created;
    await this.creating;
    if (this.cancelled || this.state === "paused") throw aborted();
  }

  async askOffset() {
    const answer = await this.send("HEAD", this.address);
    this.offset = Number(answer.header("Upload-Offset"));
    this.speed.restart();
    this.progress(this.offset);
  }

  /** Resolves to the server's answer about the finished file, or to null when there is more to send. */
  async sendSlice() {
    const from = this.offset;
    const body = this.file.slice(from, Math.min(this.size, from + SLICE));
    const end = from + body.size;
    const headers = { "Content-Type": "application/offset+octet-stream", "Upload-Offset": from };
    const answer = await this.send("PATCH", this.address, { headers, body, onProgress: (sent) => this.progress(from + sent, from + sent >= this.size) });
    this.failures = 0;
    if (answer.status === 200) return answer.data ?? {};
    this.offset = Number(answer.header("Upload-Offset") ?? end);
    this.progress(this.offset);
    return null;
  }

  async reconsider(error) {
    if (error.status === 0) await checkReadable(this.file);
    if (error.status !== 404 && error.status !== 410) return false;
    if (!this.address || this.begunAgain) return false;
    if (this.state === "storing") throw new ApiError({ code: "answer_lost", message: "The connection broke just when the file was complete.", status: error.status });
    this.begunAgain = true; // it expired on the server: from the beginning, once
    this.address = null;
    this.speed.restart();
    this.progress(0);
    return true;
  }
}

/** One or several small files as a form; after a broken connection it is sent again. */
export class FormUpload extends Transfer {
  pausable = false;

  /** @param {string} path @param {object} fields with a File or several among them */
  constructor(path, fields, { onChange } = {}) {
    const files = Object.values(fields).flat().filter((value) => value instanceof File);
    super(files.reduce((sum, file) => sum + file.size, 0), onChange);
    Object.assign(this, { path, fields, files });
  }

  async attempt() {
    const form = new FormData();
    for (const [key, value] of Object.entries(this.fields)) for (const one of [value].flat()) {
      if (one instanceof File) form.append(key, one, pathOf(one));
      else if (one !== null && one !== undefined) form.append(key, one);
    }
    this.speed.restart();
    const answer = await this.request("POST", this.path, { body: form, onProgress: (sent, total) => this.progress((sent / total) * this.size, sent >= total) });
    return answer.data ?? {};
  }

  async reconsider(error) {
    if (error.status === 0) for (const file of this.files) await checkReadable(file);
    return false;
  }
}
