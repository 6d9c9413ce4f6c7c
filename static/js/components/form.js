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

/** Mark a control as wrong for this reason, or no longer; its help text goes on describing it. */
function mark(control, id, wrong) {
  const ids = (control.getAttribute("aria-describedby") ?? "").split(" ").filter((one) => one && one !== id);
  if (wrong) ids.unshift(id);
  if (ids.length) control.setAttribute("aria-describedby", ids.join(" "));
  else control.removeAttribute("aria-describedby");
  if (wrong) control.setAttribute("aria-invalid", "true");
  else control.removeAttribute("aria-invalid");
}

/** Take all messages away. */
export function clearErrors(form) {
  $$(".error", form).forEach((node) => node.remove());
  $$("[aria-invalid]", form).forEach((node) => mark(node, `error-${node.name}`, false));
  const summary = $("[data-summary]", form);
  if (summary) summary.hidden = true;
}

/** What is being corrected is no longer marked as wrong. */
function clearError(form, control, id) {
  document.getElementById(id)?.remove();
  mark(control, id, false);
  const summary = $("[data-summary]", form);
  if (summary && !$(".error", form)) summary.hidden = true;
}

const asText = (value) => (Array.isArray(value) ? value.map(asText).join(" ") : typeof value === "object" ? Object.values(value).map(asText).join(" ") : String(value));

/** Put each error beside its field and focus the topmost; the rest goes into the summary. */
export function showErrors(form, error) {
  clearErrors(form);
  const rest = [];
  for (const [name, detail] of Object.entries(error.details || {})) {
    const input = form.elements[name];
    if (!input || input.type === "hidden") {
      if (name !== "next_step") rest.push(asText(detail));
      continue;
    }
    const control = input instanceof RadioNodeList ? input[0] : input;
    const id = `error-${name}`;
    control.closest(".field")?.append(el("p", { class: "error", id, text: asText(detail) }));
    mark(control, id, true);
    control.addEventListener("input", () => clearError(form, control, id), { once: true });
  }
  const first = $("[aria-invalid]", form);
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
