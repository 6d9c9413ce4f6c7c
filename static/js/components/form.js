// Forms that speak JSON to the API: values out, the contract's field errors back to their fields.
import { $, $$, el } from "../lib/dom.js";

const NUMBERS = new Set(["number", "range"]);

/** The form's values by name; numbers as numbers, check boxes as booleans, `data-list` text as lines. */
export function values(form) {
  const found = {};
  for (const input of form.elements) {
    if (!input.name || input.disabled || input.name === "csrfmiddlewaretoken") continue;
    if (input.type === "radio" && !input.checked) continue;
    if (input.type === "checkbox") found[input.name] = input.checked;
    else if (NUMBERS.has(input.type)) found[input.name] = input.value === "" ? null : Number(input.value);
    else if (input.dataset.list !== undefined) found[input.name] = input.value.split("\n").map((line) => line.trim()).filter(Boolean);
    else found[input.name] = input.value;
  }
  return found;
}

/** Take all messages away. */
export function clearErrors(form) {
  $$(".error", form).forEach((node) => node.remove());
  $$("[aria-invalid]", form).forEach((node) => {
    node.removeAttribute("aria-invalid");
    node.removeAttribute("aria-describedby");
  });
  const summary = $("[data-summary]", form);
  if (summary) summary.hidden = true;
}

/** What is being corrected is no longer marked as wrong. */
function clearError(form, control, id) {
  document.getElementById(id)?.remove();
  control.removeAttribute("aria-invalid");
  const summary = $("[data-summary]", form);
  if (summary && !$(".error", form)) summary.hidden = true;
}

const asText = (value) => (Array.isArray(value) ? value.map(asText).join(" ") : typeof value === "object" ? Object.values(value).map(asText).join(" ") : String(value));

/** Put each error beside its field and focus the first; the rest goes into the summary. */
export function showErrors(form, error) {
  clearErrors(form);
  const rest = [];
  let first = null;
  for (const [name, detail] of Object.entries(error.details || {})) {
    const input = form.elements[name];
    if (!input || input.type === "hidden") {
      if (name !== "next_step") rest.push(asText(detail));
      continue;
    }
    const control = input instanceof RadioNodeList ? input[0] : input;
    const id = `error-${name}`;
    control.closest(".field")?.append(el("p", { class: "error", id, text: asText(detail) }));
    control.setAttribute("aria-invalid", "true");
    control.setAttribute("aria-describedby", id);
    control.addEventListener("input", () => clearError(form, control, id), { once: true });
    first ??= control;
  }
  const summary = $("[data-summary]", form);
  if (summary) {
    const text = first && !rest.length ? error.message : [error.message, ...rest, first ? "" : error.nextStep].filter(Boolean).join(" ");
    summary.textContent = text;
    summary.hidden = false;
  }
  first?.focus();
}

/**
 * Disable the form's buttons while `work` runs; errors go to their fields. Resolves to the result or undefined.
 * After success they stay disabled: the form is left, and a second click must not send it again.
 */
export async function submitting(form, work) {
  const buttons = $$("button", form).filter((node) => !node.disabled);
  const enable = () => buttons.forEach((node) => (node.disabled = false));
  buttons.forEach((node) => (node.disabled = true));
  clearErrors(form);
  try {
    const result = await work();
    window.addEventListener("pageshow", enable, { once: true }); // somebody went back to it
    return result;
  } catch (error) {
    enable();
    showErrors(form, error);
    if (!error.code) throw error;
    return undefined;
  }
}
