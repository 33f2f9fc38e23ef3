/** One app on screen: follows a task, keeps the views in step, and passes on what is asked. */

import { composer } from "/page/composer.js";
import { h, setText } from "/page/dom.js";
import { NEW, acceptDraft } from "/page/draft.js";
import { pastView } from "/page/past.js";
import { NO_PROJECT, fileList, openProject } from "/page/project.js";
import { initial, running, take } from "/page/state.js";
import { turnView } from "/page/turn.js";
import {
  cancel,
  download,
  fixErrors,
  follow,
  generate,
  get,
  importFigma,
  importGithub,
  later,
  post,
  projectPath,
  text,
} from "/page/wire.js";
import { workspace } from "/page/workspace.js";

const REPOSITORY = /^https:\/\/github\.com\/\S+$/;
const DESIGN = /^https:\/\/(?:www\.)?figma\.com\/\S+$/;

/**
 * @param {{say: (text: string) => void, onTask: (taskId: string) => void, onTitle: (title: string) => void,
 *          onUnknown: () => void}} page  `onUnknown`: there is no task of the address.
 */
export function studio({ say, onTask, onTitle, onUnknown }) {
  let state = initial();
  let project = NO_PROJECT;
  let prompt = "";
  let connection = "live";
  let startedAt = Date.now();
  let endedAt = null;
  let painting = false;
  let settled = false; // the task has ended and `project` is what it left behind
  let loads = 0;
  let loaded = 0; // the number of the load that `project` is from
  const line = new AbortController();

  const turn = turnView({
    onStop: () => attempt(() => cancel(state.taskId)),
    onRetry: () => send({ prompt }),
    onFix: fix,
    onSuggestion: (words) => send({ prompt: words }),
  });
  const app = workspace({
    readFile,
    readChanges: (from, to) =>
      get(`${at("diff")}?${new URLSearchParams(from ? { from, to } : { to })}`, line.signal),
    onRestore,
    onStart: fix,
    onRenew,
    onDownload: () => attempt(() => download(at("archive.zip"))),
    say,
  });
  const box = composer({
    label: "What to change",
    placeholder: "Ask for a change…",
    submit: "Send",
    onSubmit: (wanted) => send(wanted),
  });
  const past = pastView();
  const title = h("h1", { class: "title", tabindex: "-1" });
  const scroll = h("div", { class: "scroll" }, title, past.element, turn.element, past.since);
  const column = h(
    "section",
    { class: "conversation", "aria-label": "Conversation" },
    scroll,
    box.element,
  );
  const element = h("div", { class: "studio" }, column, app.element);
  const clock = setInterval(() => tick(), 1000);

  /** An address below the project on screen. */
  function at(...parts) {
    return projectPath(state.projectId, ...parts);
  }

  /** Options of every call that follows a task: one switch ends them all. */
  function following() {
    return { signal: line.signal, onConnection: (next) => ((connection = next), paint()) };
  }

  /** Take in a task's frames until it ends. */
  async function run(items, words, taskId = null) {
    const draft = state.projectId ?? NEW;
    state = { ...initial(taskId), projectId: state.projectId };
    prompt = words;
    startedAt = Date.now();
    endedAt = null;
    settled = false;
    box.say("");
    app.select("preview");
    paint();
    try {
      for await (const { frame } of items) {
        if (line.signal.aborted) return;
        const said = state.message;
        take(state, frame);
        if (frame.type === "task") acceptDraft(draft, words);
        if (frame.type === "task" || (frame.type === "snapshot" && !state.projectId)) opened();
        if (state.message !== said) say(state.message);
        paint();
      }
    } catch (error) {
      refused(error);
    }
    if (!line.signal.aborted) await ended();
  }

  /** The task is known: put it into the address, and show what was said before it. */
  function opened() {
    onTask(state.taskId);
    if (state.projectId) box.keepAs(state.projectId);
    loadProject().then(paint);
  }

  /** Nothing is said of what the task left before it is known. */
  async function ended() {
    const task = state;
    if (!running(task)) endedAt ??= Date.now();
    for (let failures = 1; ; failures += 1) {
      const known = await loadProject();
      if (line.signal.aborted || state !== task) return;
      settled = known && !running(task);
      paint();
      if (known) return;
      await later(failures, line.signal);
    }
  }

  /** A prompt that is nothing but the address of a repository or a design begins with that. */
  function begin(wanted) {
    const address = wanted.prompt.trim();
    if (REPOSITORY.test(address)) return importGithub(address, following());
    if (DESIGN.test(address)) return importFigma(address, following());
    return generate(wanted, following());
  }

  function send({ prompt: words }) {
    box.sent(words);
    const wanted = { prompt: words };
    if (state.projectId) wanted.projectId = state.projectId;
    run(generate(wanted, following()), words);
  }

  /** Check the current version, mend what is broken, and start it. */
  function fix() {
    run(fixErrors(state.projectId, following()), "Check and fix the app");
  }

  function refused(error) {
    if (error.status === 404 && state.taskId && !state.projectId) return onUnknown();
    state.status = "failed";
    if (state.taskId) {
      say(error.message);
      state.error = { message: error.message, hint: error.hint };
      return undefined;
    }
    state.error = {
      message: error.status ? error.message : "The server cannot be reached.",
      hint:
        error.hint ??
        (error.status
          ? ""
          : "Check that it is running, then try again. Your words are still there."),
    };
    return box.fill(prompt);
  }

  /** Answers whether all there is to know is known now: asking again would change nothing. */
  async function loadProject() {
    const number = (loads += 1);
    try {
      const found = await openProject(state, project, line.signal);
      if (!found) return true;
      if (number < loaded) return false;
      loaded = number;
      adopt(found);
      return found.whole;
    } catch (error) {
      return error.status < 500 && error.status !== 429;
    }
  }

  function adopt(found) {
    project = found;
    state.projectId = found.projectId;
    box.keepAs(found.projectId);
    const task = project.tasks.find((row) => row.taskId === state.taskId);
    if (!task) return;
    prompt = task.kind === "fix" ? "Check and fix the app" : task.prompt;
    startedAt = Date.parse(task.createdAt);
    if (task.status !== "pending" && task.status !== "running")
      endedAt = Date.parse(task.updatedAt);
  }

  async function readFile(path) {
    if (state.files.has(path) && !settled) {
      const progress = await get(`/api/tasks/${encodeURIComponent(state.taskId)}`, line.signal);
      if (path in progress.files) return progress.files[path];
    }
    const known = project.files.find((file) => file.path === path);
    if (known && !known.text) throw new Error("it is not text. Download the zip to have it.");
    return text(at("files", ...path.split("/")), line.signal);
  }

  async function onRestore(fragmentId) {
    const done = await attempt(() => post(at("restore"), { fragmentId }, line.signal));
    await loadProject();
    if (done) say("Version restored");
    paint();
  }

  async function onRenew() {
    const done = await attempt(() => post(at("preview-link"), {}, line.signal));
    await loadProject();
    if (done) say("The app has a new link; the old one opens nothing any more");
    paint();
  }

  /** Do something whose failure is told below the conversation; answers whether it worked. */
  async function attempt(action) {
    try {
      await action();
      return true;
    } catch (error) {
      box.say([error.message, error.hint].filter(Boolean).join(" "));
      return false;
    }
  }

  function tick() {
    const end = running(state) ? Date.now() : (endedAt ?? Date.now());
    turn.tick(state, (end - startedAt) / 1000);
  }

  /** Draw at most once per frame, however many events arrive. */
  function paint() {
    if (painting) return;
    painting = true;
    requestAnimationFrame(() => {
      painting = false;
      if (!line.signal.aborted) keepingFocus(draw);
    });
  }

  /** What has the focus may be hidden, locked or taken away by this: then it goes next to it. */
  function keepingFocus(work) {
    const held = document.activeElement;
    const near = [app, box].find((part) => part.element.contains(held));
    const inside = element.contains(held);
    work();
    if (inside && (held.disabled || !held.checkVisibility()))
      near ? near.focus() : title.focus({ preventScroll: true });
  }

  function draw() {
    const live = running(state);
    const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60;
    state.hasHead = project.head !== null;
    const name = state.title || project.title || "New app";
    setText(title, name);
    onTitle(name);
    past.render(project, state.taskId);
    turn.render(state, { prompt, connection });
    tick();
    drawPreview(live);
    app.files(fileList(project, state, settled), {
      follow: live ? [...state.files.keys()].at(-1) : null,
      token: settled ? project.head : `${state.taskId} ${state.wroteAt}`,
    });
    app.versions(project.versions, project.head, live);
    app.download(project.head !== null);
    box.busy(live);
    if (atEnd) scroll.scrollTop = scroll.scrollHeight;
  }

  /** This task's own preview once it is verified; until then the one of the version before. */
  function drawPreview(live) {
    const elsewhere = settled && project.head !== state.complete?.fragmentId;
    const own = elsewhere ? null : state.preview;
    const startable = !live && project.head !== null;
    const url = own?.url ?? project.previewUrl;
    app.preview({
      url,
      kept: project.previewUrl !== null && /\/p\/[^/]+$/.test(project.previewUrl),
      link: project.previewUrl ?? url,
      version: own ? state.taskId : project.head,
      message: waitingText(live, startable),
      live,
      startable,
    });
  }

  function waitingText(live, startable) {
    if (live)
      return state.files.size ? `${state.message}…` : "The app appears here as soon as it runs.";
    if (!settled) return "Looking at what this run left…";
    return startable ? "This version is not running." : "Nothing to show: this run left no app.";
  }

  return {
    element,
    start: (wanted) => run(begin(wanted), wanted.prompt),
    resume: (taskId) => run(follow(taskId, following()), "", taskId),
    focus: () => title.focus(),
    get taskId() {
      return state.taskId;
    },
    close() {
      clearInterval(clock);
      line.abort();
    },
  };
}
