// Convex's public HTTP API (docs.convex.dev/http-api; get-convex/convex-backend, crates/
// local_backend/src/{router,public_api}.rs), and HTTP actions below /http/.
import {
  FunctionNotFound,
  HttpError,
  errorText,
  failureOf,
  report,
  successText,
} from "./answers.mjs";
import { at, momentOf } from "./clock.mjs";
import { NOBODY } from "./deployment.mjs";
import { Cut, Silence } from "./faults.mjs";
import { ROOT } from "./host.mjs";

const MAX_BODY = 16 * 1024 * 1024;
const ENDPOINT = /^\/api(?:\/[\d.]+)?\/(query_batch|query|mutation|action|function|run)(\/.+)?$/;
const FORMATS = new Set(["json", "convex_encoded_json"]);

/** @typedef {import("node:http").IncomingMessage} Request */
/** @typedef {import("node:http").ServerResponse} Response */
/** @typedef {import("./host.mjs").Host} Host */
/** @typedef {{ status: number, body: string | Buffer, headers?: Record<string, string> }} Answer */
/** @typedef {{ path: string, args: any, format: import("./values.mjs").Format }} Call */
/** @typedef {{ host: Host, name: string, caller: import("./deployment.mjs").Caller }} Scope */

/** @param {Host} host */
export function serveHttp(host) {
  host.server.on("request", (/** @type {Request} */ request, /** @type {Response} */ response) => {
    void handle(host, request, response);
  });
}

/**
 * "/d1/api/query" is the deployment "d1"; without a prefix it is the root one.
 * @param {string} url
 * @returns {{ name: string, target: string }}
 */
export function route(url) {
  const [, name = ROOT, target = url] = /^\/([\w-]+)(\/(?:api|http)\/.*)$/.exec(url) ?? [];
  return name === "api" || name === "http" ? { name: ROOT, target: url } : { name, target };
}

/** @type {(host: Host, request: Request, response: Response) => Promise<void>} */
async function handle(host, request, response) {
  try {
    const answer = await at(momentOf(request.headers), () => answerTo(host, request));
    response.writeHead(answer.status, answer.headers ?? { "content-type": "application/json" });
    response.end(answer.body);
  } catch (error) {
    if (error instanceof Silence) return;
    if (error instanceof Cut) return void request.socket.destroy();
    report(error);
    const known = error instanceof HttpError ? error : internal();
    response.writeHead(known.status, { "content-type": "application/json" });
    response.end(known.body);
  }
}

function internal() {
  const message = "Your request couldn't be completed. Try again later.";
  return new HttpError(500, "InternalServerError", message);
}

/**
 * @param {Host} host
 * @param {Request} request
 * @returns {Promise<Answer>}
 */
async function answerTo(host, request) {
  const { name, target } = route(request.url ?? "/");
  const [pathname = ""] = target.split("?");
  if (pathname === "/version") return text("convex-host");
  if (pathname === "/instance_name") return text(name || "root");
  if (pathname.startsWith("/http/"))
    return httpAction(host, name, target.slice("/http".length), request);
  const [, endpoint, rest = ""] = ENDPOINT.exec(pathname) ?? [];
  if (endpoint === undefined || request.method !== "POST") throw notFound();
  const content = await readBody(request);
  const body = parseBody(request, content);
  const caller = await host.doorkeeper.fromHeader(request.headers.authorization);
  const scope = { host, name, caller };
  return { status: 200, body: await dispatch(scope, endpoint, rest, body) };
}

/** @param {string} body */
function text(body) {
  return { status: 200, body, headers: { "content-type": "text/plain" } };
}

function notFound() {
  return new HttpError(404, "NotFound", "There is no such endpoint.");
}

/**
 * @param {Request} request
 * @returns {Promise<Buffer>}
 */
async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size <= MAX_BODY) chunks.push(chunk); // the rest is read, so that the answer is
  }
  if (size > MAX_BODY) throw new HttpError(413, "PayloadTooLarge", "length limit exceeded");
  return Buffer.concat(chunks);
}

/**
 * Convex reads JSON with serde_json, which takes no half of a surrogate pair; Node would.
 * @param {string} _
 * @param {any} value
 */
function whole(_, value) {
  if (typeof value === "string" && !value.isWellFormed()) {
    throw new SyntaxError("lone leading surrogate in hex escape");
  }
  return value;
}

/**
 * As `common::http::extract::Json`: the content type is required.
 * @param {Request} request
 * @param {Buffer} content
 * @returns {any}
 */
function parseBody(request, content) {
  const bad = (/** @type {string} */ message) => new HttpError(400, "BadJsonBody", message);
  if (!/^application\/(json|[\w.-]+\+json)\s*(;|$)/i.test(request.headers["content-type"] ?? "")) {
    throw bad("Expected request with `Content-Type: application/json`");
  }
  try {
    const body = JSON.parse(content.toString(), whole);
    if (body instanceof Object) return body;
  } catch (error) {
    throw bad(`Failed to parse the request body as JSON: ${/** @type {Error} */ (error).message}`);
  }
  throw bad("Failed to deserialize the JSON body into the target type: expected an object");
}

/**
 * @param {Scope} scope
 * @param {string} endpoint
 * @param {string} rest
 * @param {any} body
 * @returns {Promise<string>}
 */
async function dispatch(scope, endpoint, rest, body) {
  if (endpoint === "run") return run(scope, "any", readCall({ ...body, path: runPath(rest) }));
  if (rest !== "") throw notFound();
  if (endpoint === "query_batch") {
    const results = [];
    for (const query of body.queries ?? [])
      results.push(await run(scope, "query", readCall(query)));
    return `{"results":[${results.join(",")}]}`;
  }
  if (endpoint !== "function") return run(scope, /** @type {any} */ (endpoint), readCall(body));
  if (scope.caller.isAdmin) return run(scope, "any", readCall(body));
  throw new HttpError(
    403,
    "BadDeployKey",
    "The provided deploy key was invalid for this deployment.",
  );
}

/**
 * "/folder/tasks/claim" -> "folder/tasks:claim" (`public_function_post_with_path`).
 * @param {string} rest
 */
function runPath(rest) {
  const parts = rest.slice(1).split("/").map(decodeURIComponent);
  const exported = parts.pop();
  if (parts.length > 0) return `${parts.join("/")}:${exported}`;
  const message = "Path or function name not provided in path, e.g. /api/run/messages/list";
  throw new HttpError(400, "MissingIdentifier", message);
}

/**
 * @param {any} body
 * @returns {Call}
 */
function readCall({ path, args, format = "json" }) {
  const shape = "Failed to deserialize the JSON body into the target type";
  const missing = typeof path !== "string" ? "path" : args instanceof Object ? "" : "args";
  if (missing) throw new HttpError(400, "BadJsonBody", `${shape}: missing field \`${missing}\``);
  if (FORMATS.has(format)) return { path, args, format };
  throw new HttpError(400, "BadFormat", `Unknown value format '${format}'`);
}

/**
 * A function that throws is no HTTP error: its answer is a 200 like every other.
 * @param {Scope} scope
 * @param {import("./deployment.mjs").Kind | "any"} kind
 * @param {Call} call
 * @returns {Promise<string>}
 */
async function run({ host, name, caller }, kind, { path, args, format }) {
  let value;
  try {
    value = await host.call(name, kind, path, args, caller);
  } catch (error) {
    if (error instanceof HttpError || error instanceof Cut || error instanceof Silence) throw error;
    return errorText(failureOf(error), format);
  }
  return successText(value, format);
}

/**
 * What `*.convex.site` serves. A token that is not good makes nobody of the caller there, not
 * an error (crates/local_backend/src/http_actions.rs).
 * @param {Host} host
 * @param {string} name
 * @param {string} target
 * @param {Request} request
 * @returns {Promise<Answer>}
 */
async function httpAction(host, name, target, request) {
  const content = await readBody(request);
  const caller = await host.doorkeeper
    .fromHeader(request.headers.authorization)
    .catch(() => NOBODY);
  await host.faults.before(name, "");
  const headers = /** @type {[string, string][]} */ (pairs(request.rawHeaders));
  /** @type {any} */
  const init = { method: request.method ?? "GET", headers };
  if (content.length > 0) init.body = content;
  try {
    const answer = await host.deployment(name).fetch(target, init, caller);
    if (answer === null) throw new FunctionNotFound("http");
    const body = Buffer.from(await answer.arrayBuffer());
    return { status: answer.status, body, headers: Object.fromEntries(answer.headers) };
  } catch (error) {
    if (error instanceof FunctionNotFound) {
      return { ...text("This Convex deployment does not have HTTP actions enabled."), status: 404 };
    }
    return { status: 500, body: JSON.stringify({ code: failureOf(error).message }) };
  }
}

/** @param {string[]} flat */
function pairs(flat) {
  return flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1]]] : []));
}
