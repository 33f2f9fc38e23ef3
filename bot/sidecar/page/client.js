/**
 * Zapdev's client for browsers: start a task, follow it wherever it runs, stop it.
 * A plain ES module without dependencies; other frontends may import it from `/client.js`.
 *
 * @typedef {{type: string, [key: string]: any}} Frame  One wire object, such as `{type: "status", …}`.
 * @typedef {{seq: number, frame: Frame}} Item          A frame and its place in the task's log.
 * @typedef {{prompt: string, projectId?: string, framework?: string, model?: string}} BuildRequest
 * @typedef {{signal?: AbortSignal, after?: number, base?: string,
 *            onConnection?: (state: "live" | "reconnecting" | "polling") => void}} Options
 *
 * Besides the server's frames a follower may yield `{type: "snapshot", progress}`: the answer of
 * `GET /api/tasks/{id}`, while no stream can be had. Frames after it go on where they stopped.
 */

const TERMINAL = new Set(["complete", "error", "cancelled"]);
const ENDED = new Set(["complete", "failed", "cancelled"]);
const SILENCE_MS = 40_000; // the server comments every 15 s, so this long means a dead line
const FIRST_RETRY_MS = 300;
const LONGEST_RETRY_MS = 5_000;
const POLL_MS = 1_500;
const POLLS_PER_ATTEMPT = 10;
const FAILURES_BEFORE_POLLING = 3;

/** An answer in the server's error shape. `code` is stable; `field` names what was wrong. */
export class ApiError extends Error {
  /** @param {number} status @param {{code?: string, message?: string, hint?: string, field?: string}} error */
  constructor(status, error) {
    super(error.message ?? `The server answered ${status}.`);
    this.name = "ApiError";
    this.status = status;
    this.code = error.code ?? "http_error";
    this.hint = error.hint ?? null;
    this.field = error.field ?? null;
  }
}

/**
 * Start a build, or change the app when `projectId` is given, and follow it to its end.
 * A lost connection never starts it twice.
 * @param {BuildRequest} request @param {Options} [options] @returns {AsyncGenerator<Item>}
 */
export async function* generate(request, options = {}) {
  yield* begin("/api/generate", request, options);
}

/**
 * Check a project's current version, mend what is broken, and follow it to its end.
 * @param {string} projectId @param {Options} [options] @returns {AsyncGenerator<Item>}
 */
export async function* fixErrors(projectId, options = {}) {
  yield* begin("/api/fix-errors", { projectId }, options);
}

/**
 * Follow a task from `options.after` (default: its start), over drops and server restarts.
 * Ends after the terminal frame. Throws `ApiError` when the server refuses for good.
 * @param {string} taskId @param {Options} [options] @returns {AsyncGenerator<Item>}
 */
export async function* follow(taskId, options = {}) {
  const { signal, base = "", onConnection = () => {} } = options;
  let seen = options.after ?? 0;
  let failures = 0;
  let ended = false;
  for (;;) {
    const url = `${base}/api/stream-progress?taskId=${encodeURIComponent(taskId)}`;
    const before = seen;
    try {
      const response = await open(url, { headers: { "Last-Event-ID": String(seen) } }, signal);
      if (response.status === 204) return;
      onConnection("live");
      for await (const item of frames(response)) {
        if (item.seq <= seen) continue;
        seen = item.seq;
        yield item;
        if (TERMINAL.has(item.frame.type)) return;
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof ApiError && error.status < 500) throw error;
    }
    if (ended) return;
    failures = seen > before ? 1 : failures + 1;
    onConnection("reconnecting");
    if (failures >= FAILURES_BEFORE_POLLING) {
      for await (const progress of poll(taskId, options)) {
        onConnection("polling");
        yield { seq: seen, frame: { type: "snapshot", progress } };
        ended = ENDED.has(progress.status); // then one last try for the frames themselves
      }
    }
    if (!ended) await pause(backoff(failures), signal);
    if (signal?.aborted) return;
  }
}

/**
 * Ask a task to stop. It ends within a moment with a `cancelled` frame.
 * @param {string} taskId @param {{base?: string}} [options] @returns {Promise<{taskId: string, status: string}>}
 */
export function cancel(taskId, { base = "" } = {}) {
  return request("POST", `${base}/api/tasks/${encodeURIComponent(taskId)}/cancel`, {});
}

/**
 * One JSON call. Throws `ApiError`.
 * @param {"GET" | "POST"} method @param {string} url @param {object} [body] @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function request(method, url, body, signal) {
  const init = { method, headers: { Accept: "application/json" } };
  if (body !== undefined) {
    init.headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  return (await checked(await fetch(url, { ...init, signal }))).json();
}

/** @returns {AsyncGenerator<Item>} */
async function* begin(path, body, options) {
  const { signal, base = "", onConnection = () => {} } = options;
  const init = {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": freshKey() },
    body: JSON.stringify(body),
  };
  let taskId = null;
  let seen = 0;
  for (let failures = 1; taskId === null; failures += 1) {
    try {
      const response = await open(`${base}${path}`, init, signal);
      onConnection("live");
      for await (const item of frames(response)) {
        taskId ??= item.frame.taskId ?? null;
        seen = item.seq;
        yield item;
        if (TERMINAL.has(item.frame.type)) return;
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof ApiError && error.status < 500) throw error;
      if (taskId === null && failures >= FAILURES_BEFORE_POLLING) throw error;
    }
    if (taskId === null) {
      onConnection("reconnecting");
      await pause(backoff(failures), signal);
      if (signal?.aborted) return;
    }
  }
  yield* follow(taskId, { ...options, after: seen });
}

/** 128 random bits; `crypto.randomUUID` is missing on plain-http addresses other than loopback. */
function freshKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Open a stream; a line that stays silent for too long is given up. */
async function open(url, init, signal) {
  const line = new AbortController();
  const stop = () => line.abort();
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted) stop();
  const response = await checked(await fetch(url, { ...init, cache: "no-store", signal: line.signal }));
  Object.defineProperty(response, "giveUp", { value: stop });
  return response;
}

async function checked(response) {
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  throw new ApiError(response.status, body.error ?? {});
}

/** The frames of one stream, in order. @returns {AsyncGenerator<Item>} */
async function* frames(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await withinSilence(reader.read(), response.giveUp);
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const item = decode(block);
        if (item !== null) yield item;
      }
    }
  } finally {
    response.giveUp();
  }
}

async function withinSilence(reading, giveUp) {
  const timer = setTimeout(giveUp, SILENCE_MS);
  try {
    return await reading;
  } finally {
    clearTimeout(timer);
  }
}

/** One SSE block, or null when it carries no data (a comment, a retry hint). */
function decode(block) {
  let seq = 0;
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("id:")) seq = Number(line.slice(3));
    else if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
  }
  return data.length ? { seq, frame: JSON.parse(data.join("\n")) } : null;
}

/** The task's state, again and again for a while, or until it has ended. */
async function* poll(taskId, { signal, base = "" }) {
  const url = `${base}/api/tasks/${encodeURIComponent(taskId)}`;
  for (let round = 0; round < POLLS_PER_ATTEMPT; round += 1) {
    let progress;
    try {
      progress = await request("GET", url, undefined, signal);
    } catch (error) {
      if (error instanceof ApiError && error.status < 500) throw error;
      return;
    }
    yield progress;
    if (ENDED.has(progress.status)) return;
    await pause(POLL_MS, signal);
    if (signal?.aborted) return;
  }
}

function backoff(failures) {
  return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1)) * (0.8 + 0.4 * Math.random());
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
