// A file whose name the model already has: replace the document, keep both, or leave the file out.
import * as api from "../lib/api.js";
import { $, button, el } from "../lib/dom.js";
import { bytes, count, when } from "../lib/format.js";
import { isLarge, pathOf } from "../lib/upload.js";
import { openDialog } from "./dialog.js";

const PAGE = 200;

/** The documents that bear these names, by name, of several with one name the newest; and the newest id of all. */
async function documentsNamed(path, names) {
  const wanted = new Set(names);
  const found = new Map();
  const take = (results) => results.forEach((one) => wanted.has(one.name) && !found.has(one.name) && found.set(one.name, one));
  const { count: total, results: [newest] } = await api.get(api.query(path, { page_size: 1 }));
  const pages = Math.ceil(total / PAGE);
  if (pages <= wanted.size) for (let page = 1; page <= pages; page += 1) take((await api.get(api.query(path, { page, page_size: PAGE }))).results);
  else for (const search of wanted) take((await api.get(api.query(path, { search, page_size: PAGE }))).results);
  return { here: found, newest: newest?.id ?? 0 };
}

function describe(document_) {
  const size = document_.page_count ? count(document_.page_count, "page") : document_.row_count ? count(document_.row_count, "row") : "";
  return [`Version ${document_.version}`, size, bytes(document_.size), `added ${when(document_.created_at)}`].filter(Boolean).join(", ");
}

/** What happens to answers until a new version is there. */
function meanwhile(document_) {
  if (!document_) return " The older version answers until the new one is complete.";
  if (!document_.serving) return "";
  return ` Version ${document_.version} answers until version ${document_.version + 1} is complete.`;
}

/**
 * Ask about one file. Esc leaves it out.
 * @param {string} name
 * @param {object|null} document_ null when only the server knows which one it is
 * @param {number} size of the new file, in bytes
 * @param {number} others how many more files have this question
 * @returns {Promise<{choice: "replace"|"keep"|"skip", all: boolean}>}
 */
async function ask(name, document_, size, others) {
  const all = el("input", { type: "checkbox", id: "same-for-all" });
  const choices = [["skip", "Skip", "btn quiet"], ["keep", "Keep both", "btn quiet"], ["replace", "Replace", "btn"]];
  const content = [
    el("dl", { class: "facts" }, document_ ? [el("dt", { text: "Here" }), el("dd", { text: `${describe(document_)}.` })] : null, el("dt", { text: "New" }), el("dd", { text: `${bytes(size)}.` })),
    el("p", { class: "muted", id: "dialog-about", text: `Replace makes the new file its next version.${meanwhile(document_)} Keep both adds a second document. Skip leaves the new file out.` }),
    others ? el("p", {}, el("label", { class: "check" }, all, ` Do the same for the other ${others === 1 ? "file" : `${others} files`}`)) : null,
  ];
  const dialog = openDialog(`${name} is already here`, [content, el("div", { class: "actions" }, choices.map(([choice, label, cls]) => button(label, () => dialog.close(choice), { class: cls })))], { testid: "same-name", about: "dialog-about" });
  $(".btn:last-child", dialog.node).focus();
  return { choice: (await dialog.closed) || "skip", all: all.checked };
}

/**
 * What to do with each file: its `same_name` for the server, or "skip". A file that nothing here bears the name of gets
 * "refuse", so that a document that came in between is not doubled unasked.
 * @param {string} path the model's documents
 * @param {File[]} files
 * @returns {Promise<{chosen: Map<File, string>, known: Set<File>, newest: number}>} `known` are probably here already;
 *   `newest` is the id of the newest document that is here now
 */
export async function chooseForNames(path, files) {
  const { here, newest } = await documentsNamed(path, files.map(pathOf));
  // a small file of the same size is sent unasked: the server compares the bytes
  const known = new Set(files.filter((file) => here.get(pathOf(file))?.size === file.size));
  const asked = files.filter((file) => here.has(pathOf(file)) && (isLarge(file) || !known.has(file)));
  const chosen = new Map(files.map((file) => [file, "refuse"]));
  let rule = null;
  for (const [at, file] of asked.entries()) {
    const answer = rule ?? (await ask(pathOf(file), here.get(pathOf(file)), file.size, asked.length - at - 1));
    if (answer.all) rule = answer;
    chosen.set(file, answer.choice);
  }
  return { chosen, known, newest };
}

/** The server refused a file for its name: ask now. */
export async function chooseForRefused(file, documentId, others = 0) {
  const document_ = documentId ? await api.get(`/api/documents/${documentId}`).catch(() => null) : null;
  return ask(pathOf(file), document_, file.size, others);
}
