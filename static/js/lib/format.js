// Numbers, sizes and times as people read them.

const NUMBER = new Intl.NumberFormat("en");
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const MOMENT_DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const WEEKDAY = new Intl.DateTimeFormat("en", { weekday: "long" });
const DAY = 86_400_000;

export const number = (value) => NUMBER.format(value ?? 0);

/** "1 page", "12 pages" */
export const count = (value, one, many = `${one}s`) => `${number(value)} ${value === 1 ? one : many}`;

const LEFT_OUT = { history: ["earlier message"], neighbours: ["passage's surrounding text", "passages' surrounding text"], passages: ["passage"], answer: ["character of the answer so far", "characters of the answer so far"] };

/** What did not fit into an LLM's window, in words; empty for nothing. */
export const leftOut = (trimmed) => Object.entries(trimmed ?? {}).filter(([, many]) => many).map(([what, many]) => count(many, ...(LEFT_OUT[what] ?? [what, what]))).join(", ");

/** Bytes as "1.6 MB". */
export function bytes(value) {
  const units = ["B", "kB", "MB", "GB"];
  let step = 0;
  let rest = value || 0;
  while (rest >= 1000 && step < units.length - 1) {
    rest /= 1000;
    step += 1;
  }
  return `${rest < 10 && step ? rest.toFixed(1) : Math.round(rest)} ${units[step]}`;
}

/** "50 s", "6 min", "7 hours", "2 days": as exactly as an estimate deserves. */
export function duration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return count(Math.round(seconds / 3600), "hour");
  return count(Math.round(seconds / 86_400), "day");
}

/** How far an upload is: "312 MB of 900 MB · 11 MB/s · 50 s left". */
export function sending({ sent, size, rate = null, secondsLeft = null }) {
  const speed = rate ? `${bytes(rate)}/s` : "";
  return [`${bytes(sent)} of ${bytes(size)}`, speed, secondsLeft === null ? "" : `${duration(secondsLeft)} left`].filter(Boolean).join(" · ");
}

const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

/** The heading under which a chat of that time stands. */
export function dayName(iso, now = new Date()) {
  const date = new Date(iso);
  const days = Math.round((midnight(now) - midnight(date)) / DAY);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days < 7) return WEEKDAY.format(date);
  if (date.getFullYear() === now.getFullYear() && date.getMonth() === now.getMonth()) return "Earlier this month";
  return new Intl.DateTimeFormat("en", { month: "long", year: "numeric" }).format(date);
}

/** "just now", "12 min ago", "14:05", "3 Mar 2026" */
export function when(iso, now = new Date()) {
  if (!iso) return "";
  const date = new Date(iso);
  const seconds = (now - date) / 1000;
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  if (midnight(now) === midnight(date)) return CLOCK.format(date);
  return DATE.format(date);
}

/** "3 Mar 2026" */
export const fullDate = (iso) => DATE.format(new Date(iso));

/** "14:05" */
export const clock = (iso) => CLOCK.format(new Date(iso));

/** A day and its hour: "9 Mar, 14:05". */
export const moment = (iso) => `${MOMENT_DAY.format(new Date(iso))}, ${CLOCK.format(new Date(iso))}`;

/** The next step, unless the message says it already; with a space before it. */
export const nextStep = (message, step) => (step && !message.includes(step) ? ` ${step}` : "");

/** Where in its document a source stands: "page 5", "rows 12–14", "lines 3–9". */
export function place(source) {
  const range = (word, from, to) => (to && to !== from ? `${word}s ${number(from)}–${number(to)}` : `${word} ${number(from)}`);
  if (source.page) return range("page", source.page, source.page_to);
  if (source.rows) return range("row", source.rows[0], source.rows[1]);
  if (source.lines) return range("line", source.lines[0], source.lines[1]);
  return "";
}
