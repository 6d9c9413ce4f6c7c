// One line in the list of uploads: a file (or a batch of small ones) on its way, refused, or left from an earlier visit.
import { button, el, refill } from "../lib/dom.js";
import { bytes, count, moment, sending } from "../lib/format.js";
import { pathOf } from "../lib/upload.js";

const line = (name) => el("li", { "data-testid": "upload", title: name });
const title = (name, ...below) => el("div", { class: "name" }, el("b", { dir: "auto", text: name }), below);

/** A batch is named after its first files. */
export function nameOf(files) {
  if (files.length === 1) return pathOf(files[0]);
  return `${count(files.length, "file")}: ${files.slice(0, 3).map(pathOf).join(", ")}${files.length > 3 ? ", …" : ""}`;
}

/** Waits for its turn. */
export function waitingItem(files, onCancel) {
  const name = nameOf(files);
  return refill(line(name), title(name), el("span", { class: "muted small", text: "waits for its turn" }), el("div", { class: "row" }, button("Cancel", onCancel, { "aria-label": `Cancel ${name}` })));
}

function words(transfer) {
  const { state, sent, size, speed, secondsLeft, reason } = transfer;
  if (state === "storing") return "all sent, being stored";
  if (state === "paused") return `paused at ${bytes(sent)} of ${bytes(size)}`;
  if (state === "waiting" && reason) return `${reason.message} It is tried again by itself.`;
  if (state === "waiting") return `no connection; goes on by itself from ${bytes(sent)} of ${bytes(size)}`;
  if (state === "signed-out") return "you were signed out";
  return sending({ sent, size, rate: speed.rate, secondsLeft });
}

/** A transfer that shows its progress in `item`. Returns the function that shows its newest state. */
export function showTransfer(item, transfer, files) {
  const name = nameOf(files);
  const fill_ = el("i");
  const bar = el("div", { class: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-label": `Upload of ${name}` }, fill_);
  const says = el("span", { class: "muted small" });
  const signIn = el("a", { href: "/signin", target: "_blank", rel: "noopener", text: "Sign in", hidden: true });
  const hold = button("Pause", () => (transfer.state === "paused" || transfer.state === "signed-out" ? transfer.resume() : transfer.pause()));
  const cancel = button("Cancel", () => transfer.cancel(), { "aria-label": `Cancel ${name}` });
  refill(item, title(name), el("div", { class: "sent" }, bar, says), el("div", { class: "row" }, signIn, transfer.pausable ? hold : null, cancel));
  return () => {
    const percent = transfer.size ? Math.floor((transfer.sent / transfer.size) * 100) : 100;
    const held = transfer.state === "paused" || transfer.state === "signed-out";
    fill_.style.width = `${percent}%`;
    bar.setAttribute("aria-valuenow", percent);
    says.textContent = words(transfer);
    item.dataset.state = transfer.state;
    hold.textContent = held ? "Continue" : "Pause";
    hold.setAttribute("aria-label", `${hold.textContent} ${name}`);
    hold.hidden = transfer.state === "storing";
    cancel.hidden = transfer.state === "storing";
    signIn.hidden = transfer.state !== "signed-out";
  };
}

/** Why a file was not taken, and what to do. */
export function refusedItem(item, name, sentence, { again = null } = {}) {
  item.className = "bad";
  item.dataset.told = "";
  delete item.dataset.state;
  return refill(item, title(name, el("small", { text: sentence })), el("div", { class: "row" }, again && button("Try again", again, { "aria-label": `Try again: ${name}` }), button("Dismiss", () => item.remove(), { "aria-label": `Dismiss ${name}` })));
}

export const emptyItem = (name) => line(name);

/** An upload of an earlier visit, of which the server has a beginning. */
export function leftOverItem({ name, size, received, expires_at: expires }, { choose, discard }) {
  const item = line(name);
  item.className = "wide";
  item.dataset.testid = "unfinished-upload";
  const says = `${bytes(received)} of ${bytes(size)} are here; choose the file again to go on. Kept until ${moment(expires)}.`;
  return refill(item, title(name, el("small", { text: says })), el("div", { class: "row" }, button("Choose the file", choose, { "aria-label": `Choose ${name} again` }), button("Discard", discard, { "aria-label": `Discard ${name}` })));
}

/** Files of a folder that were left out, in one line. */
export function skippedItem(paths) {
  const item = line("skipped");
  item.className = "wide";
  item.dataset.testid = "skipped-files";
  item.dataset.told = "";
  const list = el("details", {}, el("summary", { text: "Which" }), el("ul", {}, paths.slice(0, 200).map((path) => el("li", { text: path })), paths.length > 200 ? el("li", { text: "…" }) : null));
  return refill(item, title(`${count(paths.length, "file")} skipped`, el("small", { text: "Hidden, or of a kind that is not read: PDF, CSV, text, Markdown and zip are." }), list), el("div", { class: "row" }, button("Dismiss", () => item.remove(), { "aria-label": "Dismiss the list of skipped files" })));
}
