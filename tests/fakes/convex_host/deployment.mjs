// One deployment: the program's functions over a database of its own, in memory.
import { makeFunctionReference } from "convex/server";
import { convexTest } from "convex-test";

import { FunctionNotFound } from "./answers.mjs";
import { at } from "./clock.mjs";
import { Ledger, convexGlobal, enforceLimits, limited } from "./ledger.mjs";
import { checkCall } from "./limits.mjs";
import { readArgs } from "./values.mjs";

/** @typedef {"query" | "mutation" | "action"} Kind */
/** @typedef {{ isAdmin: boolean, identity: Record<string, any> | null }} Caller */

/** @type {[Kind, string][]} how a registered function says what it is */
const MARKS = [
  ["query", "isQuery"],
  ["mutation", "isMutation"],
  ["action", "isAction"],
];

export const NOBODY = Object.freeze({ isAdmin: false, identity: null });
export const ADMIN = Object.freeze({ isAdmin: true, identity: null });

export class Deployment {
  #program;
  /** @type {any} its methods are chosen by name */
  #database;
  #ledger = new Ledger(() => this.#changed());
  /** @type {Map<string, number>} */
  #calls = new Map();
  /** @type {Set<{ changed: () => void, dropped: () => void }>} */
  watchers = new Set();
  /** How far its functions' clock is ahead of the real one. */
  aheadMs = 0;

  /** @param {import("./program.mjs").Program} program */
  constructor(program) {
    const { schema, modules } = program;
    this.#program = program;
    this.#database = convexTest({ schema, modules, transactionLimits: true });
    enforceLimits();
  }

  /**
   * Runs one function. Answers its value, or throws what it threw.
   * @param {Kind | "any"} wanted
   * @param {string} path "tasks:claim", "folder/tasks:claim" or "tasks.js:claim"
   * @param {any} args as they came over the wire
   * @param {Caller} caller
   * @returns {Promise<any>}
   */
  async call(wanted, path, args, caller) {
    const name = canonical(path);
    const kind = this.#kindFor(wanted, path, name, caller);
    this.#calls.set(name, (this.#calls.get(name) ?? 0) + 1);
    const read = readArgs(args);
    checkCall(`Arguments of ${name}`, read);
    const now = this.aheadMs === 0 ? undefined : Date.now() + this.aheadMs;
    const value = await at(now, () =>
      limited(this.#ledger, () => this.#as(caller)[kind](makeFunctionReference(name), read)),
    );
    checkCall(`Function ${name} return value`, value);
    return value;
  }

  /**
   * Whether this is a mutation, wherever it is called from; null when there is no such function.
   * @param {string} path
   * @returns {Kind | null}
   */
  kindOf(path) {
    const registered = this.#registered(canonical(path));
    return MARKS.find(([, mark]) => registered?.[mark])?.[0] ?? null;
  }

  /**
   * An HTTP action, as `*.convex.site` serves it; null when the program has none.
   * @param {string} target path and query
   * @param {RequestInit} request
   * @param {Caller} caller
   * @returns {Promise<Response | null>}
   */
  async fetch(target, request, caller) {
    if (!this.#program.loaded.has("http")) return null;
    return limited(this.#ledger, () => this.#as(caller).fetch(target, request));
  }

  /**
   * @param {string} name a cron's, of crons.ts
   * @returns {Promise<any>}
   */
  async runCron(name) {
    const cron = this.#program.crons[name];
    if (cron === undefined) throw new Error(`There is no cron ${JSON.stringify(name)}.`);
    return this.call("any", cron.name, cron.args, ADMIN);
  }

  /** @returns {Promise<bigint>} the newest commit's timestamp */
  snapshot() {
    return this.#database.query((/** @type {any} */ context) => context.meta.getSnapshotTs());
  }

  /** What has been called and what is stored; the largest document is the largest ever written. */
  async stats() {
    const tables = Object.keys(this.#program.schema?.tables ?? {});
    const documents = await this.#database.query(() => counts([...tables, "_scheduled_functions"]));
    const calls = Object.fromEntries(this.#calls);
    return { calls, documents, largestDocument: this.#ledger.largest };
  }

  /** Tells those who follow it that it is no longer there. */
  close() {
    for (const watcher of this.watchers) watcher.dropped();
  }

  #changed() {
    for (const watcher of this.watchers) watcher.changed();
  }

  /** @param {Caller} caller */
  #as(caller) {
    return caller.identity ? this.#database.withIdentity(caller.identity) : this.#database;
  }

  /** @param {string} name */
  #registered(name) {
    const [module = "", exported = ""] = name.split(":");
    const exports = this.#program.loaded.get(module);
    return exports && Object.hasOwn(exports, exported) ? exports[exported] : undefined;
  }

  /**
   * @param {Kind | "any"} wanted
   * @param {string} path
   * @param {string} name
   * @param {Caller} caller
   * @returns {Kind}
   */
  #kindFor(wanted, path, name, caller) {
    const registered = this.#registered(name);
    const kind = this.kindOf(name);
    if (kind === null || !(registered.isPublic || caller.isAdmin)) throw new FunctionNotFound(path);
    if (wanted === "any" || wanted === kind) return kind;
    throw new Error(`Trying to execute ${name} as ${wanted}, but it is defined as ${kind}.`);
  }
}

/**
 * "tasks.js:claim" -> "tasks:claim", "tasks" -> "tasks:default" (`parse_udf_path`).
 * @param {string} path
 */
function canonical(path) {
  const [module = "", exported = "default"] = path.split(":");
  return `${module.replace(/\.[jt]s$/, "")}:${exported}`;
}

/**
 * By the one system call that counts without reading, so that no limit stands in the way.
 * @param {string[]} tables
 */
async function counts(tables) {
  /** @type {Record<string, number>} */
  const found = {};
  for (const table of tables) {
    const count = await convexGlobal().asyncSyscall("1.0/count", JSON.stringify({ table }));
    if (count !== "0" || !table.startsWith("_")) found[table] = JSON.parse(count);
  }
  return found;
}
