// Uploads in progress: several at once, each with its bar; a refusal stays with its reason and can be repeated.
import * as api from "../lib/api.js";
import { button, el, fill } from "../lib/dom.js";
import { bytes } from "../lib/format.js";

const AT_ONCE = 2;

export class Uploads {
  /** @param {HTMLElement} list @param {string} path @param {(document: object) => void} onStored */
  constructor(list, path, { maxBytes, onStored }) {
    Object.assign(this, { list, path, maxBytes, onStored });
    this.waiting = [];
    this.running = 0;
    window.addEventListener("beforeunload", (event) => (this.running || this.waiting.length) && event.preventDefault());
  }

  add(files) {
    for (const file of files) this.waiting.push({ file, item: this.list.appendChild(el("li", { "data-testid": "upload" }, el("span", { class: "name", text: file.name }), el("span", { class: "muted small", text: "waits" }))) });
    this.next();
  }

  next() {
    while (this.running < AT_ONCE && this.waiting.length) {
      const { file, item } = this.waiting.shift();
      this.running += 1;
      this.run(file, item).finally(() => {
        this.running -= 1;
        this.next();
      });
    }
  }

  async run(file, item) {
    if (file.size > this.maxBytes) {
      this.refuse(file, item, `It is larger than ${bytes(this.maxBytes)}, which is the most that this server accepts.`, false);
      return;
    }
    const bar = el("i");
    const words = el("span", { class: "muted small num" });
    const sending = api.upload(this.path, { file }, (share) => {
      bar.style.width = `${share * 100}%`;
      words.textContent = share < 1 ? `${Math.floor(share * 100)} % of ${bytes(file.size)}` : "being stored";
    });
    fill(item, el("span", { class: "name", text: file.name }), el("span", {}, el("span", { class: "bar" }, bar), words), button("Cancel", sending.cancel));
    try {
      this.onStored(await sending.done);
      item.remove();
    } catch (error) {
      if (error.code === "aborted") item.remove();
      else this.refuse(file, item, error.sentence, error.status === 0 || error.status >= 429);
    }
  }

  refuse(file, item, sentence, again) {
    item.className = "bad";
    const repeat = () => {
      item.remove();
      this.add([file]);
    };
    fill(item, el("span", { class: "name" }, file.name, el("small", { text: sentence })), el("span", { class: "row" }, again ? button("Try again", repeat) : null, button("Dismiss", () => item.remove())));
    item.setAttribute("role", "alert");
  }
}

/** Files dropped on (or chosen for) an area. */
export function acceptFiles({ area, opener, input }, onFiles) {
  opener.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    onFiles([...input.files]);
    input.value = "";
  });
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault(); // a file dropped beside the area must not replace the page
    area.classList.toggle("over", area.contains(event.target));
  });
  document.addEventListener("dragleave", (event) => !event.relatedTarget && area.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    area.classList.remove("over");
    onFiles([...event.dataTransfer.files]);
  });
}
