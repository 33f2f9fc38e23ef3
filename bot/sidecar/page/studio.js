/** One app on screen: follows a task, keeps the views in step, and passes on what is asked. */

import { cancel, fixErrors, follow, generate, request } from "/client.js";
import { composer } from "/page/composer.js";
import { h, reconcile, setText, show } from "/page/dom.js";
import { initial, running, take } from "/page/state.js";
import { turnView } from "/page/turn.js";
import { workspace } from "/page/workspace.js";

const NO_PROJECT = { messages: [], tasks: [], head: null, previewUrl: null, title: "", files: [], versions: [] };

/**
 * @param {{say: (text: string) => void, onTask: (taskId: string) => void, onTitle: (title: string) => void}} page
 */
export function studio({ say, onTask, onTitle }) {
  let state = initial();
  let project = NO_PROJECT;
  let prompt = "";
  let connection = "live";
  let startedAt = Date.now();
  let endedAt = null;
  let painting = false;
  let settled = false; // the task has ended and `project` is what it left behind
  const line = new AbortController();

  const turn = turnView({
    onStop: () => attempt(() => cancel(state.taskId)),
    onRetry: () => send({ prompt }),
    onFix: fix,
    onSuggestion: (text) => send({ prompt: text }),
  });
  const app = workspace({ readFile, onRestore, onStart: fix });
  const box = composer({
    label: "What to change",
    placeholder: "Ask for a change…",
    submit: "Send",
    onSubmit: (wanted) => send(wanted),
  });
  const past = h("div", { class: "past" });
  const title = h("h1", { class: "title", tabindex: "-1" });
  const scroll = h("div", { class: "scroll" }, title, past, turn.element);
  const column = h("div", { class: "conversation" }, scroll, box.element);
  const element = h("div", { class: "studio" }, column, app.element);
  const clock = setInterval(() => tick(), 1000);

  /** Options of every call that follows a task: one switch ends them all. */
  function options() {
    return { signal: line.signal, onConnection: (next) => ((connection = next), paint()) };
  }

  /** Take in a task's frames until it ends. */
  async function run(items, words, taskId = null) {
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
        const stage = state.message;
        take(state, frame);
        if (frame.type === "task" || (frame.type === "snapshot" && !state.projectId)) opened();
        if (state.message !== stage) say(state.message);
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
    loadProject().then(paint);
  }

  async function ended() {
    if (!running(state)) endedAt ??= Date.now();
    await loadProject();
    settled = !running(state);
    paint();
  }

  function send({ prompt: text }) {
    box.clear();
    const wanted = { prompt: text };
    if (state.projectId) wanted.projectId = state.projectId;
    run(generate(wanted, options()), text);
  }

  /** Check the current version, mend what is broken, and start it. */
  function fix() {
    run(fixErrors(state.projectId, options()), "Check and fix the app");
  }

  function refused(error) {
    if (state.taskId) {
      say(error.message);
      state.error = { message: error.message, hint: error.hint };
      state.status = "failed";
      return;
    }
    state.status = "failed";
    state.error = { message: error.message ?? "The server cannot be reached.", hint: error.hint ?? "Check that it is running, then try again." };
    box.fill(prompt);
  }

  async function loadProject() {
    state.projectId ??= await findProject();
    if (!state.projectId) return;
    const at = `/api/projects/${encodeURIComponent(state.projectId)}`;
    const [detail, files, versions] = await Promise.all(
      [at, `${at}/files`, `${at}/fragments`].map((url) => request("GET", url, undefined, line.signal).catch(() => null)),
    );
    if (!detail) return;
    project = { ...detail, files: files?.files ?? project.files, versions: versions?.fragments ?? project.versions };
    const task = detail.tasks.find((row) => row.taskId === state.taskId);
    if (task) {
      prompt = task.prompt;
      startedAt = Date.parse(task.createdAt);
      if (task.status !== "pending" && task.status !== "running") endedAt = Date.parse(task.updatedAt);
    }
  }

  /** Whose task this is, when no frame has said so: only polling works. */
  async function findProject() {
    if (!state.taskId) return null;
    const { projects } = await request("GET", "/api/projects", undefined, line.signal).catch(() => ({ projects: [] }));
    return projects.find((one) => one.taskId === state.taskId)?.projectId ?? null;
  }

  async function readFile(path) {
    const written = state.files.get(path);
    if (written && !settled) {
      const progress = await request("GET", `/api/tasks/${encodeURIComponent(state.taskId)}`, undefined, line.signal);
      if (path in progress.files) return progress.files[path];
    }
    const known = project.files.find((file) => file.path === path);
    if (known && !known.text) return "This file is not text.";
    const address = path.split("/").map(encodeURIComponent).join("/");
    const response = await fetch(`/api/projects/${encodeURIComponent(state.projectId)}/files/${address}`, { signal: line.signal });
    if (!response.ok) throw new Error("it is not in this version");
    return response.text();
  }

  async function onRestore(fragmentId) {
    await attempt(() => request("POST", `/api/projects/${encodeURIComponent(state.projectId)}/restore`, { fragmentId }));
    await loadProject();
    say("Version restored");
    paint();
  }

  async function attempt(action) {
    try {
      await action();
    } catch (error) {
      box.say([error.message, error.hint].filter(Boolean).join(" "));
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
      draw();
    });
  }

  function draw() {
    const live = running(state);
    const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60;
    state.hasHead = project.head !== null;
    const name = state.title || project.title || "New app";
    setText(title, name);
    onTitle(name);
    drawPast();
    turn.render(state, { prompt, connection });
    tick();
    drawPreview(live);
    app.files(fileList(), {
      follow: live ? [...state.files.keys()].at(-1) : null,
      token: settled ? project.head : `${state.taskId} ${state.wroteAt}`,
    });
    app.versions(project.versions, project.head, live);
    app.download(project.head ? `/api/projects/${encodeURIComponent(state.projectId)}/archive.zip` : null);
    box.busy(live);
    if (atEnd) scroll.scrollTop = scroll.scrollHeight;
  }

  /** This task's own preview once it is verified; until then the one of the version before. */
  function drawPreview(live) {
    const elsewhere = settled && project.head !== state.complete?.fragmentId;
    const own = elsewhere ? null : state.preview;
    const startable = !live && project.head !== null;
    app.preview({
      url: own?.url ?? project.previewUrl,
      version: own ? state.taskId : project.head,
      message: waitingText(live, startable),
      live,
      startable,
    });
  }

  function drawPast() {
    const earlier = project.messages.filter((message) => message.taskId !== state.taskId && message.content);
    reconcile(
      past,
      earlier,
      (message) => message.id,
      (message) => h("p", { class: `said ${message.role === "USER" ? "user" : "assistant"} ${message.type === "ERROR" ? "failed" : ""}` }, message.content),
    );
    show(past, earlier.length > 0);
  }

  function waitingText(live, startable) {
    if (live) return state.files.size ? `${state.message}…` : "The app appears here as soon as it runs.";
    return startable ? "This version is not running." : "Nothing to show: this run left no app.";
  }

  /** The version's files with what the running task did to them on top. */
  function fileList() {
    const list = new Map(project.files.map((file) => [file.path, { path: file.path, bytes: file.bytes, action: null }]));
    if (settled && project.head !== state.complete?.fragmentId) return [...list.values()];
    for (const [path, { action, bytes }] of state.files) {
      if (!settled || list.has(path)) list.set(path, { path, bytes, action });
    }
    return [...list.values()];
  }

  return {
    element,
    start: (wanted) => run(generate(wanted, options()), wanted.prompt),
    resume: (taskId) => run(follow(taskId, options()), "", taskId),
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
