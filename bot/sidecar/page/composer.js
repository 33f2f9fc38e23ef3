/** The box a person types into: on the start page with pickers, under an app for the next change. */

import { frameworkName, h, icon, show } from "/page/dom.js";
import { keepDraft, keptDraft } from "/page/draft.js";

const PROMPT_MAX = 20_000;

/**
 * `draft` is what its words are kept as; a box that learns that later is told by `keepAs`.
 * @param {{label: string, placeholder: string, submit: string, info?: any, draft?: string,
 *          onSubmit: (request: {prompt: string, framework?: string, model?: string}) => void}} options
 */
export function composer({ label, placeholder, submit, info, draft = "", onSubmit }) {
  const box = h("textarea", {
    id: "prompt",
    name: "prompt",
    rows: info ? 3 : 1,
    placeholder,
    "aria-label": label,
    "aria-describedby": "prompt-problem",
    autocomplete: "off",
  });
  const problem = h("p", { id: "prompt-problem", class: "problem", role: "alert", hidden: true });
  const framework =
    info &&
    picker("Framework", "framework", [
      ["", "Any framework"],
      ...info.frameworks.map((key) => [key, frameworkName(key)]),
    ]);
  const model =
    info &&
    info.models.length > 1 &&
    picker(
      "Model",
      "model",
      info.models.map((key) => [key, key === "auto" ? "Automatic model" : key]),
    );
  const button = h(
    "button",
    { type: "submit", class: "primary button", disabled: true },
    submit,
    icon("arrow"),
  );
  const form = h(
    "form",
    { class: info ? "composer" : "composer compact", novalidate: true },
    box,
    h(
      "div",
      { class: "composer-row" },
      framework,
      model,
      info && h("span", { class: "grow" }),
      button,
    ),
  );

  const say = (text) => {
    problem.textContent = text;
    show(problem, Boolean(text));
  };
  const refresh = () => {
    button.disabled = !box.value.trim() || form.dataset.busy === "true";
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, 320)}px`;
  };
  const send = () => {
    const prompt = box.value.trim();
    if (!prompt || form.dataset.busy === "true") return;
    if (prompt.length > PROMPT_MAX) {
      say(
        `That is ${prompt.length.toLocaleString()} characters; at most ${PROMPT_MAX.toLocaleString()} are allowed.`,
      );
      return;
    }
    say("");
    onSubmit({ prompt, framework: value(framework), model: value(model) });
  };
  const keep = () => draft && keepDraft(draft, box.value);
  box.addEventListener("input", () => (say(""), refresh(), keep()));
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  });
  form.addEventListener("submit", (event) => (event.preventDefault(), send()));
  if (draft) box.value = keptDraft(draft);
  requestAnimationFrame(refresh);

  return {
    element: h("div", { class: "composer-area" }, form, problem),
    say,
    focus: () => box.focus(),
    fill(text) {
      box.value = text;
      keep();
      refresh();
      box.focus();
    },
    /** These words are on their way; the draft is kept until they are accepted. */
    sent(words) {
      if (box.value.trim() === words.trim()) box.value = "";
      refresh();
    },
    /** From now on its words are this draft. One of before comes back into an empty box. */
    keepAs(of) {
      if (draft === of) return;
      draft = of;
      if (box.value) keep();
      else box.value = keptDraft(draft);
      refresh();
    },
    /** While a request is on its way, or a task runs, nothing can be sent. */
    busy(busy) {
      form.dataset.busy = String(busy);
      refresh();
    },
  };
}

function picker(label, name, options) {
  return h(
    "select",
    { class: "picker", name, "aria-label": label },
    options.map(([value, text]) => h("option", { value }, text)),
  );
}

function value(select) {
  return (select && select.value) || undefined;
}
