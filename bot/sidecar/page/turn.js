/** One task as it happens: the plan with its ticks, what the model says, what came of it. */

import {
  count,
  dollars,
  duration,
  frameworkName,
  h,
  icon,
  reconcile,
  setText,
  show,
} from "/page/dom.js";
import { findings, plan, prose, running } from "/page/state.js";
import { picture } from "/page/wire.js";

const MARK_ICON = { done: "check", failed: "cross", skipped: "dash" };
const MARK_WORD = {
  todo: "to do",
  now: "in progress",
  done: "done",
  failed: "failed",
  skipped: "skipped",
};
const CONNECTION = {
  reconnecting: "Reconnecting…",
  polling: "The live line is down; asking again every moment",
};
const FINDINGS_SHOWN = 8;

/**
 * @param {{onStop: () => void, onRetry: () => void, onFix: () => void, onSuggestion: (text: string) => void}} actions
 */
export function turnView({ onStop, onRetry, onFix, onSuggestion }) {
  const at = parts(onStop, onRetry, onFix);
  let wasRunning = null;

  function render(state, { prompt, connection }) {
    const live = running(state);
    setText(at.prompt, prompt);
    show(at.prompt, Boolean(prompt));
    at.element.dataset.status = state.status;
    at.element.dataset.warned = String(state.status === "complete" && findings(state).length > 0);
    const [headed, ...more] = headline(state).split(/(?<=\.) /);
    setText(at.headline, more.length ? headed.replace(/\.$/, "") : headed);
    setText(at.more, more.join(" "));
    setText(at.connection, live ? (CONNECTION[connection] ?? "") : "");
    show(at.stop, live);
    if (wasRunning !== live) at.details.open = live;
    wasRunning = live;
    renderPlan(at.plan, state);
    renderActivity(at.activity, state.activity);
    renderText(at, state, live);
    renderNotes(at.notes, [...new Set(state.notices)]);
    renderFindings(at.findings, state);
    renderProblem(at, state);
    reconcile(at.suggestions, live ? [] : state.suggestions, String, (text) =>
      h("button", { type: "button", class: "chip", onclick: () => onSuggestion(text) }, text),
    );
    show(at.suggestionArea, !live && state.suggestions.length > 0);
    renderPicture(at, state);
  }

  /** @param {any} state @param {number} seconds */
  function tick(state, seconds) {
    setText(at.meter, [duration(seconds), ...spent(state.usage)].join(" · "));
  }

  return { element: at.element, render, tick };
}

function parts(onStop, onRetry, onFix) {
  const at = {
    prompt: h("p", { class: "said user" }),
    headline: h("span", { class: "headline" }),
    more: h("span", { class: "headline-more" }),
    meter: h("span", { class: "meter" }),
    connection: h("p", { class: "connection" }),
    stop: h(
      "button",
      { type: "button", class: "button small", onclick: onStop },
      icon("stop"),
      "Stop",
    ),
    plan: h("ol", { class: "plan" }),
    activity: h("ol", { class: "activity", tabindex: 0, "aria-label": "What was done" }),
    answer: h("p", { class: "answer" }),
    text: h("div", { class: "prose" }),
    wordsTitle: h("summary", {}, "What the model said"),
    notes: h("ul", { class: "notes" }),
    findings: h("ul", { class: "findings" }),
    problem: h("div", { class: "trouble", role: "alert" }),
    problemText: h("p", {}),
    problemHint: h("p", { class: "trouble-hint" }),
    retry: h(
      "button",
      { type: "button", class: "button small", onclick: onRetry },
      icon("reload"),
      "Try again",
    ),
    fix: h("button", { type: "button", class: "button small", onclick: onFix }, "Fix errors"),
    suggestions: h("div", { class: "chips" }),
  };
  const pulse = h("span", { class: "pulse", "aria-hidden": "true" });
  at.details = h(
    "details",
    { class: "steps", open: true },
    h("summary", {}, pulse, at.headline, at.more, at.meter),
    at.plan,
    at.activity,
  );
  at.words = h("details", { class: "words", open: true }, at.wordsTitle, at.text);
  at.problem.append(
    at.problemText,
    at.problemHint,
    h("div", { class: "actions" }, at.retry, at.fix),
  );
  at.figure = h("figure", {});
  at.shot = h(
    "details",
    { class: "shot", hidden: true },
    h("summary", {}, "Picture of the app as it was checked"),
    at.figure,
  );
  at.suggestionArea = h("div", { class: "next" }, h("h3", {}, "Next"), at.suggestions);
  at.element = h(
    "article",
    { class: "turn", "aria-label": "Progress" },
    at.prompt,
    h(
      "div",
      { class: "card" },
      at.details,
      at.stop,
      at.connection,
      at.notes,
      at.findings,
      at.problem,
    ),
    at.answer,
    at.words,
    at.suggestionArea,
    at.shot,
  );
  return at;
}

function headline(state) {
  if (running(state)) return state.message;
  if (state.status === "failed") return "It did not work out";
  if (state.status === "cancelled") return "Stopped";
  if ([...state.checks.values()].some((check) => check.verdict === "failed"))
    return "Built, with warnings";
  return state.files.size ? "Built and checked" : "Done";
}

function renderPlan(list, state) {
  reconcile(
    list,
    plan(state),
    (step) => step.key,
    (step) =>
      h(
        "li",
        {},
        h("span", { class: "mark" }),
        h("span", { class: "step-label" }, step.label),
        h("span", { class: "unseen" }),
        h("span", { class: "step-detail" }),
      ),
    (element, step) => {
      const [mark, label, word, detail] = element.children;
      if (element.dataset.mark !== step.mark) {
        element.dataset.mark = step.mark;
        mark.replaceChildren(...(MARK_ICON[step.mark] ? [icon(MARK_ICON[step.mark])] : []));
      }
      setText(label, step.label);
      setText(word, `: ${MARK_WORD[step.mark]}`);
      setText(detail, step.key === "framework" ? frameworkName(step.detail) : step.detail);
    },
  );
}

/** What was done so far, the newest in sight. */
function renderActivity(list, activity) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 24;
  reconcile(
    list,
    activity.map((entry, index) => ({ ...entry, index })),
    ({ index, verb, summary }) => `${index} ${verb} ${summary}`,
    ({ verb, summary }) =>
      h(
        "li",
        {},
        h("span", { class: "activity-verb" }, verb),
        h("bdi", { class: "activity-what" }, summary),
        h("span", { class: "unseen" }),
      ),
    (element, { mark }) => {
      element.dataset.mark = mark;
      setText(element.lastElementChild, mark === "done" ? "" : `: ${MARK_WORD[mark]}`);
    },
  );
  show(list, activity.length > 0);
  if (atEnd) list.scrollTop = list.scrollHeight;
}

/** The picture of the app that the task's own check took. */
function renderPicture(at, state) {
  const wanted = state.status === "complete" ? (state.screenshot ?? "") : "";
  if (at.shot.dataset.of === wanted) return;
  at.shot.dataset.of = wanted;
  show(at.shot, false);
  const before = at.figure.firstElementChild;
  if (before) URL.revokeObjectURL(before.src);
  at.figure.replaceChildren();
  if (!wanted) return;
  picture(wanted).then((src) => {
    if (src === null || at.shot.dataset.of !== wanted) return;
    const onload = () => show(at.shot, true);
    at.figure.append(
      h("img", { src, alt: "The app in a browser", width: 1280, height: 800, onload }),
    );
  });
}

/** While it runs, what the model says; after that its answer, and the rest folded away. */
function renderText(at, state, live) {
  const answer = state.complete?.message ?? "";
  const text = prose(state);
  const paragraphs = text === answer ? [] : text.split(/\n{2,}/).filter(Boolean);
  setText(at.answer, answer);
  show(at.answer, Boolean(answer));
  show(at.words, paragraphs.length > 0);
  show(at.wordsTitle, Boolean(answer));
  if (at.words.dataset.answered !== String(Boolean(answer))) at.words.open = !answer;
  at.words.dataset.answered = String(Boolean(answer));
  at.text.classList.toggle("streaming", live);
  reconcile(
    at.text,
    paragraphs.map((content, index) => ({ content, index })),
    ({ index }) => String(index),
    () => h("p", {}),
    (element, { content }) => setText(element, content),
  );
}

function renderNotes(list, notes) {
  reconcile(list, notes, String, (note) => h("li", {}, note));
  show(list, notes.length > 0);
}

function renderFindings(list, state) {
  const found = findings(state);
  reconcile(
    list,
    found.slice(0, FINDINGS_SHOWN),
    (one) => `${one.step} ${one.file} ${one.line} ${one.message}`,
    (one) =>
      h(
        "li",
        {},
        one.file && h("code", {}, one.line ? `${one.file}:${one.line}` : one.file),
        h("span", {}, one.message),
      ),
  );
  show(list, found.length > 0);
}

function renderProblem(at, state) {
  const { error } = state;
  show(at.problem, state.status === "failed" && error !== null);
  if (!error) return;
  setText(at.problemText, error.message ?? "");
  setText(at.problemHint, error.hint ?? "");
  show(at.problemHint, Boolean(error.hint));
  show(at.fix, Boolean(state.hasHead));
}

function spent(usage) {
  const tokens = (usage.promptTokens ?? 0) + (usage.completionTokens ?? 0);
  if (!tokens) return [];
  const used = `${count(tokens)} tokens`;
  return usage.costUsd ? [used, dollars(usage.costUsd)] : [used];
}
