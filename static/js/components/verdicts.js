// Marks in an answer's rendered text what its citations do not carry, and what comes from no document.
import { el } from "../lib/dom.js";

const WHY = {
  number: "The passage does not hold this number.",
  name: "The passage does not hold this name.",
  negation: "One of the two says “not” where the other does not.",
  direction: "The passage tells of the other direction (more or less, before or after).",
  quote: "The quoted words do not stand in the passage like this.",
  words: "The passage speaks of something else.",
};
const LETTER = /[\p{L}\p{N}]/u;
const LEADS = /\]\((?:[^\s()]|\([^\s()]*\))*(?:\s+"[^"]*")?\)/g; // where links lead: not shown
let notes = 0;

/**
 * Underline the sentences that their passages do not support; each gets a button that tells why.
 * `onCite` gets each of their citations that does not carry its sentence.
 */
export function markUnsupported(body, content, sentences, onCite) {
  const found = places(body, content, sentences);
  for (const { stretch, range } of found.reverse()) {
    if (!range || stretch.supported) continue;
    const [first, last] = wrap(range, "unsupported-text");
    const end = afterCites(last);
    const sentence = document.createRange();
    sentence.setStartBefore(first);
    sentence.setEndAfter(end);
    const cites = [...body.querySelectorAll(".cite")].filter((cite) => sentence.intersectsNode(cite));
    const bad = stretch.unsupported_markers ?? stretch.markers;
    for (const cite of cites) if (bad.includes(Number(cite.dataset.marker))) onCite(cite);
    end.after(...doubt(stretch));
  }
  return sentences.filter((one) => !one.supported).length;
}

/** Mark the sentences that are general knowledge. */
export function markGeneral(body, content, parts) {
  for (const { range } of places(body, content, parts).reverse()) if (range) wrap(range, "general-text");
  return parts.length;
}

function doubt({ why, missing = [] }) {
  const lacking = missing.length ? ` Not in it: ${missing.join(", ")}.` : "";
  const text = `Not supported. ${WHY[why] ?? "The passage does not carry this sentence."}${lacking}`;
  const id = `doubt-${(notes += 1)}`;
  const note = el("span", { class: "doubt-why", id, role: "note", hidden: true, text });
  const toggle = () => {
    note.hidden = !note.hidden;
    button.setAttribute("aria-expanded", String(!note.hidden));
  };
  const button = el("button", { type: "button", class: "doubt", text: "?", title: text, "aria-label": "This sentence is not supported by its passage. Why?", "aria-expanded": "false", "aria-controls": id, "data-testid": "doubt", on: { click: toggle } });
  return [button, note];
}

/** The last node of the sentence: its citations and the full stop behind them belong to it. */
function afterCites(node) {
  let last = node;
  for (;;) {
    const next = last.nextSibling;
    if (next?.classList?.contains("cite")) last = next;
    else if (next?.nodeType === Node.TEXT_NODE) {
      const stop = next.data.match(/^[\s]*[.,;:!?…)”"'’。！？]+|^\s+(?=$)/)?.[0].length ?? 0;
      if (!stop || (stop === next.data.length && !next.nextSibling && !next.data.trim())) return last;
      if (stop < next.data.length) next.splitText(stop);
      last = next;
    } else return last;
  }
}

const lettersOf = (text) => [...text.toLowerCase()].filter((char) => LETTER.test(char)).join("");

/** Where the stretches stand in the rendered text: compared by letters and digits, one after another. */
function places(body, content, stretches) {
  const page = lettersIn(body);
  const points = [...content]; // the server counts code points
  let at = 0;
  return [...stretches]
    .sort((one, other) => one.start - other.start)
    .map((stretch) => {
      const wanted = lettersOf(points.slice(stretch.start, stretch.end).join("").replace(LEADS, " "));
      const start = wanted ? page.text.indexOf(wanted, at) : -1;
      if (start < 0) return { stretch, range: null };
      at = start + wanted.length;
      const range = page.places.slice(start, at).filter(({ node }) => !node.parentElement.closest(".cite"));
      return { stretch, range: range.length ? range : null };
    });
}

function lettersIn(body) {
  const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT, (node) => (node.parentElement.closest(".doubt, .doubt-why") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT));
  const letters = [];
  const found = [];
  while (walker.nextNode()) {
    let offset = 0;
    for (const char of walker.currentNode.data) {
      for (const letter of char.toLowerCase()) {
        if (!LETTER.test(letter)) continue;
        for (let unit = 0; unit < letter.length; unit += 1) found.push({ node: walker.currentNode, start: offset, end: offset + char.length });
        letters.push(letter);
      }
      offset += char.length;
    }
  }
  return { text: letters.join(""), places: found };
}

/** Put the letters of a range, node by node, into spans; returns the first and the last. */
function wrap(range, cls) {
  const byNode = new Map();
  for (const { node, start, end } of range) byNode.set(node, { start: byNode.get(node)?.start ?? start, end });
  const spans = [];
  for (const [node, { start, end }] of byNode) {
    const tail = node.data.slice(end).match(/^[.,;:!?…)”"'’]+/)?.[0].length ?? 0;
    const middle = node.splitText(start);
    middle.splitText(end + tail - start);
    const span = el("span", { class: cls });
    middle.replaceWith(span);
    span.append(middle);
    spans.push(span);
  }
  return [spans[0], spans.at(-1)];
}
