// Building pages without markup in strings: text is always text. `serverHtml` is the one exception.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element.
 * @param {string} tag
 * @param {object} props attributes; `class`, `text`, `on` ({event: handler}), `data` ({key: value}) are understood,
 *   booleans set or omit an attribute, null and undefined are skipped.
 * @param {...(Node|string|null|undefined|false)} children
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") node.textContent = value;
    else if (key === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else if (key === "data") Object.assign(node.dataset, value);
    else if (key === "value") node.value = value;
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  append(node, ...children);
  return node;
}

/** Append children; strings become text, empty values are skipped. */
export function append(node, ...children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    node.append(child);
  }
  return node;
}

/** Replace what a node holds. */
export function fill(node, ...children) {
  node.replaceChildren();
  return append(node, ...children);
}

/** Replace what a node holds; a focus that was in it stays in it, on the control of the same name or else on the first. */
export function refill(node, ...children) {
  const had = node.contains(document.activeElement) && nameOf(document.activeElement);
  fill(node, ...children);
  if (had === false || node.contains(document.activeElement)) return node;
  const controls = [...node.querySelectorAll("a[href], button, summary, input")].filter((one) => !one.disabled && !one.hidden);
  (controls.find((one) => nameOf(one) === had) ?? controls[0])?.focus({ preventScroll: true });
  return node;
}

const nameOf = (node) => node.getAttribute("aria-label") || node.textContent;

/** Text with `<mark>`s: `marks` are [start, end] in code points, in order, as the server counts them. */
export function marked(text, marks) {
  const points = [...text];
  const piece = (from, to) => points.slice(from, to).join("");
  const parts = [];
  let at = 0;
  for (const [start, end] of marks) {
    parts.push(piece(at, start), el("mark", { text: piece(start, end) }));
    at = end;
  }
  return [...parts, piece(at)];
}

/** One of the symbols in templates/parts/icons.html. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** A button; `label` is its visible text, or with `iconOnly` its accessible name. */
export function button(label, onClick, { class: cls = "word", iconName = "", iconOnly = false, ...rest } = {}) {
  const node = el("button", { type: "button", class: cls, on: { click: onClick }, ...rest });
  if (iconName) node.append(icon(iconName));
  if (iconOnly) {
    node.setAttribute("aria-label", label);
    node.title = label;
  } else node.append(label);
  return node;
}

/**
 * Show HTML that the server rendered and sanitised (`chat.rendering`): the only place that parses markup.
 * The page's policy forbids inline scripts and handlers besides.
 */
export function serverHtml(node, html) {
  node.innerHTML = html;
  return node;
}

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/** JSON that a template wrote with `json_script`. */
export function pageData(id) {
  const node = document.getElementById(id);
  return node ? JSON.parse(node.textContent) : null;
}

/** Call `fn` once the calls have paused for `ms`. */
export function debounce(fn, ms = 200) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => fn(...args), ms);
  };
}
