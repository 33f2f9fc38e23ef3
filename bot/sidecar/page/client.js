/**
 * Zapdev's client for browsers: start a task, follow it wherever it runs, stop it.
 * A plain ES module without dependencies; other frontends may import it from `/client.js`.
 *
 * @typedef {{type: string, [key: string]: any}} Frame  One wire object, such as `{type: "status", …}`.
 * @typedef {{seq: number, frame: Frame}} Item          A frame and its place in the task's log.
 * @typedef {{prompt: string, projectId?: string, framework?: string, model?: string}} BuildRequest
 * @typedef {"live" | "reconnecting" | "polling"} Connection
 *
 * @typedef {object} Options
 * @property {string} [base]        The server's origin, for pages of another one.
 * @property {(refused: boolean) => Promise<string | null>} [token]
 *   Asked before every request for the session token. After a 401 it is asked once more, with
 *   true: it may let the person sign in again and answer then; what was asked for goes on.
 * @property {AbortSignal} [signal] Ends it, quietly.
 *
 * @typedef {object} Following
 * @property {number} [after]       Go on behind this frame; 0 is the start.
 * @property {(state: Connection) => void} [onConnection]
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
  /**
   * @param {number} status
   * @param {{code?: string, message?: string, hint?: string, field?: string}} error
   */
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
 * A lost connection never starts it twice. Throws `ApiError`.
 * @param {BuildRequest} request
 * @param {Options & Following} [options]
 * @returns {AsyncGenerator<Item>}
 */
export async function* generate(request, options = {}) {
  yield* begin("/api/generate", request, options);
}

/**
 * Check a project's current version, mend what is broken, and follow it to its end.
 * @param {string} projectId
 * @param {Options & Following} [options]
 * @returns {AsyncGenerator<Item>}
 */
export async function* fixErrors(projectId, options = {}) {
  yield* begin("/api/fix-errors", { projectId }, options);
}

/**
 * Begin a project with a repository of GitHub, or a folder of it, and follow it to its end.
 * @param {string} url Such as `owner/repo@branch/folder`, or an address that GitHub shows.
 * @param {Options & Following} [options]
 * @returns {AsyncGenerator<Item>}
 */
export async function* importGithub(url, options = {}) {
  yield* begin("/api/import/github/process", { url }, options);
}

/**
 * Begin a project with a frame of a design in Figma, and follow it to its end.
 * @param {string} url The link to the frame, as Figma copies it.
 * @param {Options & Following} [options]
 * @returns {AsyncGenerator<Item>}
 */
export async function* importFigma(url, options = {}) {
  yield* begin("/api/import/figma/process", { url }, options);
}

/**
 * Follow a task from `options.after` (default: its start), over drops and server restarts.
 * Ends after the terminal frame. Throws `ApiError` when the server refuses for good.
 * @param {string} taskId
 * @param {Options & Following} [options]
 * @returns {AsyncGenerator<Item>}
 */
export async function* follow(taskId, options = {}) {
  const { signal, onConnection = () => {} } = options;
  const path = `/api/stream-progress?taskId=${encodeURIComponent(taskId)}`;
  let seen = options.after ?? 0;
  let failures = 0;
  let renewing = false; // the server wants a newer token: no failure, and nothing to tell
  let ended = false;
  for (;;) {
    const before = seen;
    const renew = renewing;
    renewing = false;
    try {
      const headers = { "Last-Event-ID": String(seen) };
      const line = await open(path, { headers }, renew ? renewed(options) : options);
      if (line.response.status === 204) return;
      onConnection("live");
      for await (const item of frames(line)) {
        renewing = item.frame.type === "reauth";
        if (item.seq <= seen) continue;
        seen = item.seq;
        yield item;
        if (TERMINAL.has(item.frame.type)) return;
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (refusedForGood(error) && !isTooOften(error)) throw error;
    }
    if (ended) return;
    failures = renewing || seen > before ? 1 : failures + 1;
    if (!renewing) onConnection("reconnecting");
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
 * @param {string} taskId
 * @param {Options} [options]
 * @returns {Promise<{taskId: string, status: string}>}
 */
export function cancel(taskId, options = {}) {
  return request("POST", `/api/tasks/${encodeURIComponent(taskId)}/cancel`, {
    ...options,
    body: {},
  });
}

/**
 * One JSON call. Throws `ApiError`.
 * @param {"GET" | "POST"} method
 * @param {string} path
 * @param {Options & {body?: object}} [options]
 * @returns {Promise<any>}
 */
export async function request(method, path, options = {}) {
  const { body } = options;
  const headers = { Accept: "application/json" };
  const init = body === undefined ? { method, headers } : json(method, body, headers);
  return (await send(path, init, options)).json();
}

/**
 * One request with the token on it; asked again, after a 401, with a newer one. Throws `ApiError`,
 * and `Error` when the server takes too long to begin its answer.
 * @param {string} path
 * @param {RequestInit} init
 * @param {Options} [options]
 * @returns {Promise<Response>}
 */
export async function send(path, init, { base = "", token, signal } = {}) {
  for (let refused = false; ; refused = true) {
    const headers = new Headers(init.headers);
    const key = token && (await token(refused));
    if (key) headers.set("Authorization", `Bearer ${key}`);
    const response = await answered(base + path, { ...init, headers }, init.signal ?? signal);
    if (response.ok) return response;
    if (response.status === 401 && token && !refused) continue;
    const body = await response.json().catch(() => ({}));
    throw new ApiError(response.status, body.error ?? {});
  }
}

/**
 * `fetch`, given up when no headers come for too long.
 * @param {string} url
 * @param {RequestInit} init
 * @param {AbortSignal | null} [signal]
 * @returns {Promise<Response>}
 */
function answered(url, init, signal) {
  const limit = new AbortController();
  const signals = signal ? [signal, limit.signal] : [limit.signal];
  const answering = fetch(url, { ...init, signal: AbortSignal.any(signals) });
  return withinSilence(answering, () => limit.abort(new Error("The server does not answer.")));
}

/**
 * @param {string} path
 * @param {object} body
 * @param {Options & Following} options
 * @returns {AsyncGenerator<Item>}
 */
async function* begin(path, body, options) {
  const { signal, onConnection = () => {} } = options;
  const init = json("POST", body, { "Idempotency-Key": freshKey() });
  let taskId = null;
  let seen = 0;
  for (let failures = 1; taskId === null; failures += 1) {
    try {
      const line = await open(path, init, options);
      onConnection("live");
      for await (const item of frames(line)) {
        if (item.seq <= seen) continue;
        taskId ??= item.frame.taskId ?? null;
        seen = item.seq;
        yield item;
        if (TERMINAL.has(item.frame.type)) return;
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (refusedForGood(error)) throw error;
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

/**
 * @param {string} method
 * @param {object} body
 * @param {Record<string, string>} headers
 * @returns {RequestInit}
 */
function json(method, body, headers) {
  const type = { "Content-Type": "application/json" };
  return { method, headers: { ...headers, ...type }, body: JSON.stringify(body) };
}

/**
 * The same options, with a token that is newer than what the server knows.
 * @param {Options & Following} options
 * @returns {Options & Following}
 */
function renewed({ token, ...rest }) {
  return token ? { ...rest, token: () => token(true) } : rest;
}

/** @param {unknown} error */
function refusedForGood(error) {
  return error instanceof ApiError && error.status < 500;
}

/** @param {unknown} error */
function isTooOften(error) {
  return error instanceof ApiError && error.status === 429;
}

/** 128 random bits; `crypto.randomUUID` is missing on plain-http addresses other than loopback. */
function freshKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Open a stream; a line that stays silent for too long is given up.
 * @param {string} path
 * @param {RequestInit} init
 * @param {Options} options
 * @returns {Promise<{response: Response, giveUp: () => void}>}
 */
async function open(path, init, options) {
  const line = new AbortController();
  const signals = options.signal ? [options.signal, line.signal] : [line.signal];
  const streaming = {
    ...init,
    cache: /** @type {RequestCache} */ ("no-store"),
    signal: AbortSignal.any(signals),
  };
  return { response: await send(path, streaming, options), giveUp: () => line.abort() };
}

/**
 * The frames of one stream, in order. It ends early when the server wants a newer token.
 * @param {{response: Response, giveUp: () => void}} line
 * @returns {AsyncGenerator<Item>}
 */
async function* frames({ response, giveUp }) {
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await withinSilence(reader.read(), giveUp);
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const item = decode(block);
        if (item !== null) yield item;
      }
    }
  } finally {
    giveUp();
  }
}

/**
 * @template T
 * @param {Promise<T>} reading
 * @param {() => void} giveUp
 * @returns {Promise<T>}
 */
async function withinSilence(reading, giveUp) {
  const timer = setTimeout(giveUp, SILENCE_MS);
  try {
    return await reading;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * One SSE block, or null when it carries no data. Its seq is 0 when it is not of the task's log.
 * @param {string} block
 * @returns {Item | null}
 */
function decode(block) {
  let seq = 0;
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("id:")) seq = Number(line.slice(3));
    else if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
  }
  return data.length ? { seq, frame: JSON.parse(data.join("\n")) } : null;
}

/**
 * The task's state, again and again for a while, or until it has ended.
 * @param {string} taskId
 * @param {Options} options
 */
async function* poll(taskId, options) {
  const path = `/api/tasks/${encodeURIComponent(taskId)}`;
  for (let round = 0; round < POLLS_PER_ATTEMPT; round += 1) {
    let progress;
    try {
      progress = await request("GET", path, options);
    } catch (error) {
      if (refusedForGood(error) && !isTooOften(error)) throw error;
      return;
    }
    yield progress;
    if (ENDED.has(progress.status)) return;
    await pause(POLL_MS, options.signal);
    if (options.signal?.aborted) return;
  }
}

/** How long to wait after so many failures, in ms. @param {number} failures */
export function backoff(failures) {
  const ms = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
  return ms * (0.8 + 0.4 * Math.random());
}

/**
 * Wait; being stopped, or online again, ends it early.
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
export function pause(ms, signal) {
  return new Promise((resolve) => {
    const over = new AbortController();
    const end = () => (clearTimeout(timer), over.abort(), resolve());
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end, { signal: over.signal });
    globalThis.addEventListener?.("online", end, { signal: over.signal });
  });
}
