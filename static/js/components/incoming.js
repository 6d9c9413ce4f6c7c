// Files that are chosen or dropped, one by one or as whole folders.
import { withPath } from "../lib/upload.js";

const READ = /\.(pdf|csv|tsv|txt|text|log|md|markdown|zip)$/i;

/** What of a folder can be read, and the rest: hidden files and kinds that are not read. */
function sorted(found) {
  const isFit = ({ path, file }) => file && READ.test(path) && !path.split("/").some((part) => part.startsWith(".") || part === "__MACOSX");
  return { files: found.filter(isFit).map(({ file, path }) => withPath(file, path)), skipped: found.filter((one) => !isFit(one)).map(({ path }) => path) };
}

async function entriesOf(directory) {
  const reader = directory.createReader();
  const all = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a hundred at a time
    if (!some.length) return all;
    all.push(...some);
  }
}

async function walk(entry) {
  if (entry.isFile) return [{ path: entry.fullPath.slice(1), file: await new Promise((resolve) => entry.file(resolve, () => resolve(null))) }];
  const found = [];
  for (const inner of await entriesOf(entry)) found.push(...(await walk(inner)));
  return found;
}

/** Files dropped by themselves are taken as they are: the server says what is wrong with one. */
async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean); // gone after this event
  const loose = [...transfer.files];
  const folders = entries.filter((entry) => entry.isDirectory);
  if (!folders.length) return { files: loose, skipped: [] };
  const names = new Set(folders.map((folder) => folder.name));
  const found = [];
  for (const folder of folders) found.push(...(await walk(folder)));
  const { files, skipped } = sorted(found);
  return { files: [...loose.filter((file) => !names.has(file.name)), ...files], skipped };
}

/**
 * Take files by button, by folder button and by dropping.
 * @param {{area: HTMLElement, opener: HTMLElement, input: HTMLInputElement, folderOpener: HTMLElement, folderInput: HTMLInputElement}} nodes
 * @param {(found: {files: File[], skipped: string[]}) => void} onFiles
 */
export function acceptFiles({ area, opener, input, folderOpener, folderInput }, onFiles) {
  opener.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    onFiles({ files: [...input.files], skipped: [] });
    input.value = "";
  });
  folderOpener.hidden = !("webkitdirectory" in folderInput); // phones choose no folders
  folderOpener.addEventListener("click", () => folderInput.click());
  folderInput.addEventListener("change", () => {
    onFiles(sorted([...folderInput.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }))));
    folderInput.value = "";
  });
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault(); // a file dropped beside the area must not replace the page
    area.classList.toggle("over", area.contains(event.target));
  });
  document.addEventListener("dragleave", (event) => !event.relatedTarget && area.classList.remove("over"));
  document.addEventListener("drop", async (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    area.classList.remove("over");
    onFiles(await dropped(event.dataTransfer));
  });
}

/** Let somebody choose one file. */
export function chooseOne(onFile) {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = ".pdf,.csv,.tsv,.txt,.md,application/pdf,text/csv,text/plain,text/markdown";
  input.addEventListener("change", () => input.files[0] && onFile(input.files[0]));
  input.click();
}
