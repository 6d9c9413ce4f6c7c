// The one door to /api: session cookie, CSRF header, and the contract's errors as exceptions.
import { nextStep } from "./format.js";

/** A refusal: `code`, `message` for a person, `nextStep`, `details` with one entry per field, `status`. */
export class ApiError extends Error {
  constructor({ code, message, details = {}, status = 0, retryAfter = null }) {
    super(message);
    this.code = code;
    this.details = details;
    this.status = status;
    this.retryAfter = retryAfter;
    this.nextStep = details.next_step || "";
  }

  /** The message with its next step, as one text. */
  get sentence() {
    const wait = this.retryAfter ? ` Try again in ${this.retryAfter} s.` : "";
    return this.message + nextStep(this.message, this.nextStep) + wait;
  }
}

export const OFFLINE = { code: "offline", message: "The server does not answer.", details: { next_step: "Check your connection and try again." } };

/** Django's token: from the cookie (it changes when somebody signs in elsewhere), else from the page. */
export function csrfToken() {
  const cookie = document.cookie.split("; ").find((part) => part.startsWith("csrftoken="));
  return cookie ? cookie.slice("csrftoken=".length) : document.querySelector('meta[name="csrf-token"]')?.content || "";
}

/** To the sign-in page, and back here afterwards; unless the page holds unsaved work and says so itself. */
function signedOut() {
  if (!window.dispatchEvent(new CustomEvent("verbatim:signed-out", { cancelable: true }))) return;
  const here = location.pathname + location.search;
  location.assign(`/signin?next=${encodeURIComponent(here)}`);
}

/** The server's refusal, or that there was none that could be read. */
export function toError(status, body, retryAfter) {
  const error = body?.error;
  if (error?.code) return new ApiError({ ...error, status, retryAfter });
  return new ApiError({ code: "server_error", message: `The server answered ${status}, which was not expected.`, status, retryAfter });
}

async function ask(method, path, body, { signal } = {}) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRFToken"] = csrfToken();
  const form = body instanceof FormData;
  if (body !== undefined && !form) headers["Content-Type"] = "application/json";
  try {
    return await fetch(path, { method, headers, signal, credentials: "same-origin", body: body === undefined ? undefined : form ? body : JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(OFFLINE);
  }
}

async function read(response) {
  if (response.status === 204) return null;
  const text = await response.text();
  let data = null;
  try {
    data = text ? JSON.parse(text) : null;
  } catch {
    data = null;
  }
  if (response.status === 401) signedOut();
  if (!response.ok) throw toError(response.status, data, Number(response.headers.get("Retry-After")) || null);
  return data;
}

const send = async (...asked) => read(await ask(...asked));

/** Ask for an event stream: its body. */
export async function stream(method, path, body, options) {
  const response = await ask(method, path, body, options);
  return response.ok ? response.body : read(response);
}

export const get = (path, options) => send("GET", path, undefined, options);
export const post = (path, body = {}, options) => send("POST", path, body, options);
export const patch = (path, body, options) => send("PATCH", path, body, options);
export const put = (path, body, options) => send("PUT", path, body, options);
export const del = (path, options) => send("DELETE", path, undefined, options);

/** `/path?with=parameters`; empty values are left out. */
export function query(path, params) {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) if (value !== "" && value !== null && value !== undefined) search.set(key, value);
  const text = search.toString();
  return text ? `${path}${path.includes("?") ? "&" : "?"}${text}` : path;
}
