// Convex's sync protocol: JSON over a websocket, as the official clients speak it (messages in
// convex/src/browser/sync/protocol.ts; server in get-convex/convex-backend, crates/sync/src/
// worker.rs). Every query is run again after a write, and what changed is pushed.
import { AsyncResource } from "node:async_hooks";

// @ts-expect-error: comes with convex, its types do not
import { WebSocketServer } from "ws";

import { HttpError, failureOf, report } from "./answers.mjs";
import { NOBODY } from "./deployment.mjs";
import { Cut, Silence } from "./faults.mjs";
import { route } from "./http_api.mjs";
import { jsonText, writeValue } from "./values.mjs";

const SYNC = /^\/api\/(?:[\w.-]+\/)?sync$/;
const PING_MS = 5_000; // the clients give up after 30 s without a message
const MAX_MESSAGE = 16 * 1024 * 1024;
const ENCODED = "convex_encoded_json";

/** @typedef {{ querySet: number, identity: number, ts: bigint }} Version */
/** @typedef {{ path: string, args: any, last: string }} Query `last` is what the client has */

/** @param {import("./host.mjs").Host} host */
export function serveSync(host) {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE });
  host.server.on("upgrade", (request, socket, head) => {
    const { name, target } = route(request.url ?? "/");
    if (!SYNC.test(target.split("?")[0] ?? ""))
      return void socket.end("HTTP/1.1 404 Not Found\r\n\r\n");
    host.faults.before(name, "").then(
      () =>
        sockets.handleUpgrade(
          request,
          socket,
          head,
          (/** @type {any} */ ws) => new Session(host, name, ws),
        ),
      (error) => refuse(socket, error),
    );
  });
}

/**
 * @param {import("node:stream").Duplex} socket
 * @param {unknown} error
 */
function refuse(socket, error) {
  if (error instanceof Silence) return;
  if (error instanceof HttpError)
    socket.end(`HTTP/1.1 ${error.status} Refused\r\n\r\n${error.body}`);
  else socket.destroy();
}

class Session {
  #host;
  #name;
  #ws;
  #deployment;
  #caller = /** @type {import("./deployment.mjs").Caller} */ (NOBODY);
  /** @type {Map<number, Query>} */
  #queries = new Map();
  /** @type {Version} */
  #version = { querySet: 0, identity: 0, ts: 0n };
  /** @type {Promise<void>} messages are worked off one after the other */
  #queue = Promise.resolve();
  #isStale = false;

  /**
   * @param {import("./host.mjs").Host} host
   * @param {string} name
   * @param {any} ws the websocket
   */
  constructor(host, name, ws) {
    this.#host = host;
    this.#name = name;
    this.#ws = ws;
    this.#deployment = host.deployment(name);
    // A write is noticed inside its transaction: what it sets off must not run in there.
    const changed = AsyncResource.bind(() => this.#refresh());
    const watcher = { changed, dropped: () => ws.terminate() };
    this.#deployment.watchers.add(watcher);
    const ping = setInterval(() => this.#send('{"type":"Ping"}'), PING_MS);
    ws.on("close", () => {
      clearInterval(ping);
      this.#deployment.watchers.delete(watcher);
    });
    ws.on("error", report);
    ws.on("message", (/** @type {Buffer} */ text) => this.#receive(`${text}`));
  }

  /** @param {string} text */
  #send(text) {
    if (this.#ws.readyState === this.#ws.OPEN) this.#ws.send(text);
  }

  /** @param {string} text */
  #receive(text) {
    this.#enqueue(async () => {
      const message = JSON.parse(text);
      if (message.type === "Action")
        this.#run("action", message).catch((error) => this.#end(error));
      else await this.#handle(message);
    });
  }

  /** @param {() => Promise<void>} work */
  #enqueue(work) {
    this.#queue = this.#queue.then(work).catch((error) => this.#end(error));
  }

  /** @param {unknown} error */
  #end(error) {
    if (error instanceof Silence) return;
    if (error instanceof Cut) return this.#ws.terminate();
    report(error);
    // An overloaded server ends the session and lets the client come back (errors/src/lib.rs).
    if (error instanceof HttpError) return this.#ws.close(1013, error.code);
    this.#send(JSON.stringify({ type: "FatalError", error: "Internal server error" }));
    this.#ws.close();
  }

  #refresh() {
    if (this.#isStale || this.#queries.size === 0) return;
    this.#isStale = true;
    this.#enqueue(async () => {
      this.#isStale = false;
      await this.#transition({}, [], false);
    });
  }

  /** @param {any} message */
  async #handle(message) {
    if (message.type === "ModifyQuerySet") await this.#modify(message);
    if (message.type === "Authenticate") await this.#authenticate(message);
    if (message.type === "Mutation") {
      await this.#run("mutation", message);
      await this.#transition({}, [], true); // the client waits for one at or behind its commit
    }
  }

  /** @param {any} message */
  async #modify({ baseVersion, newVersion, modifications }) {
    if (baseVersion !== this.#version.querySet) throw new Error("BaseVersionMismatch");
    const changes = [];
    for (const { type, queryId, udfPath, args } of modifications) {
      if (type === "Add") this.#queries.set(queryId, { path: udfPath, args, last: "" });
      else if (this.#queries.delete(queryId))
        changes.push(`{"type":"QueryRemoved","queryId":${queryId}}`);
    }
    await this.#transition({ querySet: newVersion }, changes, true);
  }

  /** @param {any} message */
  async #authenticate({ baseVersion, tokenType, value }) {
    const { doorkeeper } = this.#host;
    try {
      if (tokenType === "None") this.#caller = NOBODY;
      else if (tokenType === "Admin") this.#caller = doorkeeper.fromKey(value);
      else this.#caller = await doorkeeper.fromToken(value);
    } catch (error) {
      const text = /** @type {Error} */ (error).message;
      const told = { type: "AuthError", error: text, baseVersion, authUpdateAttempted: true };
      return this.#send(JSON.stringify(told));
    }
    await this.#transition({ identity: baseVersion + 1 }, [], true);
  }

  /**
   * @param {"mutation" | "action"} kind
   * @param {any} message
   */
  async #run(kind, { requestId, udfPath, args }) {
    const type = kind === "mutation" ? "MutationResponse" : "ActionResponse";
    const head = `"type":"${type}","requestId":${requestId},"logLines":[]`;
    let answer;
    try {
      const value = await this.#host.call(this.#name, kind, udfPath, args, this.#caller);
      answer = `"success":true,"result":${writeValue(value, ENCODED)}`;
    } catch (error) {
      answer = `"success":false,"result":${this.#failure(error)}`;
    }
    const ts = kind === "mutation" ? `,"ts":"${u64(await this.#deployment.snapshot())}"` : "";
    this.#send(`{${head},${answer}${ts}}`);
  }

  /**
   * The message and what comes behind it; faults go on to where the session ends.
   * @param {unknown} error
   */
  #failure(error) {
    if (error instanceof HttpError || error instanceof Cut || error instanceof Silence) throw error;
    const { message, data, hasData } = failureOf(error);
    return `${jsonText(message)}${hasData ? `,"errorData":${writeValue(data, ENCODED)}` : ""}`;
  }

  /**
   * Brings the client from one version to the next, with every query whose result is another.
   * @param {Partial<Version>} to
   * @param {string[]} changes
   * @param {boolean} isDue even when nothing changed
   */
  async #transition(to, changes, isDue) {
    const start = this.#version;
    const ts = await this.#deployment.snapshot();
    for (const [queryId, query] of this.#queries) {
      const { shown, compared } = await this.#result(query);
      if (compared === query.last) continue;
      query.last = compared;
      changes.push(`{${shown},"queryId":${queryId},"logLines":[],"journal":null}`);
    }
    if (changes.length === 0 && !isDue) return;
    this.#version = { ...start, ...to, ts: ts > start.ts ? ts : start.ts };
    const versions = [`"startVersion":${text(start)}`, `"endVersion":${text(this.#version)}`];
    this.#send(`{"type":"Transition",${versions},"modifications":[${changes.join(",")}]}`);
  }

  /**
   * Two failures are one when they differ in their request ids only (`deduplication_hash`).
   * @param {Query} query
   */
  async #result({ path, args }) {
    try {
      const value = await this.#deployment.call("query", path, args, this.#caller);
      const shown = `"type":"QueryUpdated","value":${writeValue(value, ENCODED)}`;
      return { shown, compared: shown };
    } catch (error) {
      const shown = `"type":"QueryFailed","errorMessage":${this.#failure(error)}`;
      return { shown, compared: shown.replace(/\[Request ID: \w+\]/, "") };
    }
  }
}

/** @param {bigint} value little-endian, as the protocol writes timestamps */
function u64(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes.toString("base64");
}

/** @param {Version} version */
function text({ querySet, identity, ts }) {
  return JSON.stringify({ querySet, identity, ts: u64(ts) });
}
