/** What the page knows about one task: a fold of its frames, like the server's own. No DOM. */

/** The plan as a person reads it. `lint`, `build` and `preview` come from the checks. */
const STEPS = [
  ["framework", "Choose the framework"],
  ["sandbox", "Prepare the sandbox"],
  ["write", "Write the app"],
  ["lint", "Lint"],
  ["build", "Build"],
  ["fix", "Fix what was found"],
  ["preview", "Start it"],
];

const FILE_VERB = { created: "Wrote", updated: "Changed", deleted: "Deleted" };
const TOOL_VERB = {
  createOrUpdateFiles: "Write",
  editFile: "Edit",
  readFiles: "Read",
  listFiles: "List",
  searchFiles: "Search",
  deleteFiles: "Delete",
  terminal: "Run",
};

/** Tools whose work is seen file by file. */
const SAID_BY_FILES = new Set(["createOrUpdateFiles", "editFile", "deleteFiles"]);

/** The state before the first frame. @param {string | null} taskId */
export function initial(taskId = null) {
  return {
    taskId,
    projectId: null,
    kind: "generate",
    status: "pending",
    stage: "queued",
    message: "Waiting for a worker",
    framework: null,
    reason: "",
    sandbox: null,
    text: "",
    mark: { text: 0, files: new Map(), activity: 0 },
    files: new Map(),
    activity: [],
    checks: new Map(),
    notices: [],
    fixing: false,
    preview: null,
    screenshot: null,
    usage: { promptTokens: 0, completionTokens: 0, costUsd: 0 },
    title: "",
    suggestions: [],
    error: null,
    complete: null,
    snapshot: null,
    wroteAt: 0,
  };
}

/** Whether the task can still change. */
export function running(state) {
  return state.status === "pending" || state.status === "running";
}

/** Take one frame in. @param {ReturnType<typeof initial>} state @param {{type: string, [key: string]: any}} frame */
export function take(state, frame) {
  if (frame.type === "snapshot") return snapshot(state, frame.progress);
  state.snapshot = null;
  HANDLERS[frame.type]?.(state, frame);
}

const HANDLERS = {
  task(state, { taskId, projectId, kind }) {
    Object.assign(state, { taskId, projectId, kind });
  },
  status(state, { message, stage }) {
    state.status = "running";
    if (!stage) return state.notices.push(message);
    if (stage === "fixing") state.fixing = true;
    if (stage === "validating") expectChecks(state);
    return Object.assign(state, { message, stage });
  },
  step(state) {
    state.mark = {
      text: state.text.length,
      files: new Map(state.files),
      activity: state.activity.length,
    };
  },
  stream(state, { content }) {
    state.text += content;
  },
  reset(state, { reason }) {
    state.text = state.text.slice(0, state.mark.text);
    state.files = new Map(state.mark.files);
    state.activity.length = Math.min(state.activity.length, state.mark.activity);
    state.wroteAt += 1;
    state.notices.push(reason);
  },
  framework(state, { framework, reason }) {
    Object.assign(state, { framework, reason });
  },
  sandbox(state, { state: sandbox }) {
    state.sandbox = sandbox;
  },
  file(state, { filePath, action, bytes }) {
    const before = state.files.get(filePath);
    const kept = before?.action === "created" && action === "updated" ? "created" : action;
    state.files.delete(filePath);
    state.files.set(filePath, { action: kept, bytes });
    state.activity.push({ verb: FILE_VERB[action] ?? action, summary: filePath, mark: "done" });
    state.wroteAt += 1;
  },
  tool(state, { name, summary, state: phase, ok }) {
    const begun = state.activity.findLastIndex((one) => one.tool === name && one.mark === "now");
    const mark = phase === "started" ? "now" : ok ? "done" : "failed";
    const entry = { tool: name, verb: TOOL_VERB[name] ?? name, summary, mark };
    if (begun >= 0) state.activity.splice(begun, 1);
    if (mark !== "done" || !SAID_BY_FILES.has(name)) state.activity.push(entry);
  },
  validation(state, { step, ok, skipped, diagnostics }) {
    state.checks.set(step, {
      verdict: skipped ? "skipped" : ok ? "passed" : "failed",
      diagnostics,
    });
  },
  design(state, { origin, frame, name }) {
    state.activity.push({
      verb: "Read",
      summary: `“${frame}” of ${name}, ${origin}`,
      mark: "done",
    });
  },
  likeness(state, { likeness }) {
    state.likeness = likeness;
  },
  preview(state, { url, checks, screenshotUrl }) {
    state.preview = { url, checks: checks ?? [] };
    state.screenshot = screenshotUrl ?? null;
  },
  usage(state, { promptTokens, completionTokens, costUsd }) {
    state.usage.promptTokens += promptTokens;
    state.usage.completionTokens += completionTokens;
    state.usage.costUsd += costUsd;
  },
  complete(state, frame) {
    state.status = "complete";
    state.complete = frame;
    state.message = frame.message;
    state.title = frame.title ?? state.title;
    state.suggestions = frame.suggestions ?? [];
    if (frame.usage) state.usage = frame.usage;
    if (frame.previewUrl)
      state.preview = { url: frame.previewUrl, checks: state.preview?.checks ?? [] };
  },
  error(state, frame) {
    state.status = "failed";
    state.error = {
      message: frame.error,
      code: frame.code,
      hint: frame.hint,
      retryable: frame.retryable,
    };
    state.message = frame.error;
    state.suggestions = frame.options ?? [];
  },
  cancelled(state) {
    state.status = "cancelled";
    state.message = "Stopped";
  },
};

/** Lint and build are about to run, for the first time or again after a fix. */
function expectChecks(state) {
  if (state.stage === "validating") return;
  for (const name of ["lint", "build"])
    state.checks.set(name, { verdict: "running", diagnostics: [] });
}

/** The polling answer: shown instead of the frames until they come again. */
function snapshot(state, progress) {
  state.snapshot = progress;
  state.status = progress.status;
  state.stage = progress.stage;
  state.message = progress.message;
  if (progress.error) state.error = { ...progress.error };
}

/** The model's text without the tags that are meant for the program. */
export function prose(state) {
  const text = state.snapshot?.streamedContent ?? state.text;
  return text.replace(/<\/?task_summary>?/g, "").trim();
}

/**
 * The plan: each step with its mark and what is known of it.
 * @returns {{key: string, label: string, mark: "todo"|"now"|"done"|"failed"|"skipped", detail: string}[]}
 */
export function plan(state) {
  const over = !running(state);
  const steps = STEPS.filter(([key]) => key !== "fix" || state.fixing);
  return steps.map(([key, label]) => {
    const { mark, detail = "" } = stepState(state, key);
    const settled =
      over && mark === "now" ? (state.status === "complete" ? "skipped" : "todo") : mark;
    return {
      key,
      label: key === "write" && state.kind === "fix" ? "Read the app" : label,
      mark: settled,
      detail,
    };
  });
}

function stepState(state, key) {
  switch (key) {
    case "framework":
      return state.framework
        ? { mark: "done", detail: state.framework }
        : { mark: state.stage === "framework" ? "now" : "todo" };
    case "sandbox":
      if (state.sandbox === "ready" || state.sandbox === "restored") return { mark: "done" };
      return {
        mark:
          state.sandbox === "creating" || ["sandbox", "generating"].includes(state.stage)
            ? "now"
            : "todo",
      };
    case "write":
      return writing(state);
    case "fix":
      return { mark: state.stage === "fixing" ? "now" : "done" };
    case "preview":
      if (state.preview) return { mark: "done", detail: looked(state) };
      return check(state, "preview", state.stage === "preview");
    default:
      return check(state, key, false);
  }
}

function looked({ preview, likeness }) {
  const like = likeness === undefined ? [] : [`${likeness} % like the design`];
  return [...preview.checks, ...like].join(", ");
}

function writing(state) {
  const count = state.files.size;
  const detail = count ? `${count} ${count === 1 ? "file" : "files"}` : "";
  if (state.stage === "generating") return { mark: "now", detail };
  const later = ["validating", "fixing", "preview", "finishing"].includes(state.stage);
  return { mark: later || count ? "done" : "todo", detail };
}

const MARKS = { running: "now", passed: "done", failed: "failed", skipped: "skipped" };

function check(state, name, entered) {
  const found = state.checks.get(name);
  if (!found) return { mark: entered ? "now" : "todo" };
  const errors = found.diagnostics.length;
  const detail =
    found.verdict === "skipped"
      ? (found.diagnostics[0]?.message ?? "nothing to run")
      : errors
        ? `${errors} ${errors === 1 ? "finding" : "findings"}`
        : "";
  return { mark: MARKS[found.verdict], detail };
}

/** The findings of checks that failed, newest verdict of each. */
export function findings(state) {
  return [...state.checks.entries()].flatMap(([step, { verdict, diagnostics }]) =>
    verdict === "failed" ? diagnostics.map((finding) => ({ step, ...finding })) : [],
  );
}
