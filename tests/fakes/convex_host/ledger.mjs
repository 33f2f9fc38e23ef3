// Every write of a function, seen before convex-test makes it: that is where the limits are held,
// and where one reads how large the documents get.
import { AsyncLocalStorage } from "node:async_hooks";

import { getConvexSize, getDocumentSize, jsonToConvex } from "convex/values";

import { MAX_DOCUMENT, MAX_FIELDS, checkDocument, isObject } from "./limits.mjs";

/** @type {Record<string, Write>} by the names that convex/server calls them */
const WRITES = {
  "1.0/insert": insert,
  "1.0/replace": replace,
  "1.0/shallowMerge": patch,
  "1.0/remove": (syscall, _ledger, args) => syscall("1.0/remove", args),
};
const SYSTEM_FIELDS = new Set(["_id", "_creationTime"]);

/** @typedef {(operation: string, args: string) => Promise<string>} Syscall */
/** @typedef {(syscall: Syscall, ledger: Ledger, args: string) => Promise<string>} Write */
/** @typedef {{ table: string, bytes: number, fields: number }} Extent at least the document's */

/** What one deployment has written: how large its documents may be, and which was the largest. */
export class Ledger {
  /** @type {Map<string, Extent>} */
  #extents = new Map();
  /** @type {{ table: string, bytes: number } | null} */
  largest = null;
  #onWrite;

  /** @param {() => void} onWrite called at each write, which is before its commit */
  constructor(onWrite) {
    this.#onWrite = onWrite;
  }

  wrote() {
    this.#onWrite();
  }

  /**
   * An upper bound, also when the transaction is rolled back: it never shrinks.
   * @param {string} id
   * @param {Extent} extent
   */
  note(id, { table, bytes, fields }) {
    const known = this.#extents.get(id) ?? { bytes: 0, fields: 0 };
    const grown = { bytes: Math.max(known.bytes, bytes), fields: Math.max(known.fields, fields) };
    this.#extents.set(id, { table, ...grown });
    if (bytes > (this.largest?.bytes ?? 0)) this.largest = { table, bytes };
  }

  /**
   * @param {string} id
   * @returns {Extent}
   */
  extent(id) {
    return this.#extents.get(id) ?? { table: "", bytes: MAX_DOCUMENT, fields: MAX_FIELDS };
  }
}

/** @type {AsyncLocalStorage<Ledger>} */
const ledgers = new AsyncLocalStorage();

/**
 * Runs `work` with its writes held to the limits and noted in this ledger.
 * @template T
 * @param {Ledger} ledger
 * @param {() => Promise<T>} work
 */
export function limited(ledger, work) {
  return ledgers.run(ledger, work);
}

/** Through which convex/server asks for everything. */
export function convexGlobal() {
  return /** @type {any} */ (globalThis).Convex;
}

let areEnforced = false;

/** Puts the checks before every write; the first `convexTest(...)` has to be there already. */
export function enforceLimits() {
  if (areEnforced) return;
  areEnforced = true;
  const real = convexGlobal();
  const held = {
    get syscall() {
      return real.syscall;
    },
    get jsSyscall() {
      return real.jsSyscall;
    },
    get asyncSyscall() {
      return guarded(real.asyncSyscall);
    },
  };
  Object.assign(globalThis, { Convex: held });
}

/**
 * @param {Syscall} syscall convex-test's own
 * @returns {Syscall}
 */
function guarded(syscall) {
  return (operation, args) => {
    const ledger = ledgers.getStore();
    const write = WRITES[operation];
    if (ledger === undefined || write === undefined) return syscall(operation, args);
    ledger.wrote();
    return write(syscall, ledger, args);
  };
}

/** @type {Write} */
async function insert(syscall, ledger, args) {
  const { table, value } = JSON.parse(args);
  const document = jsonToConvex(value);
  checkDocument(document);
  const answer = await syscall("1.0/insert", args);
  ledger.note(JSON.parse(answer)._id, extentOf(table, document));
  return answer;
}

/** @type {Write} */
async function replace(syscall, ledger, args) {
  const { id, value } = JSON.parse(args);
  const document = jsonToConvex(value);
  checkDocument(document);
  const answer = await syscall("1.0/replace", args);
  ledger.note(id, extentOf(ledger.extent(id).table, document));
  return answer;
}

/**
 * The merged document is what counts. It is read only where it could be too large: the extra
 * read counts for convex-test's own limits, and would make them tighter than Convex's.
 * @type {Write}
 */
async function patch(syscall, ledger, args) {
  const { table, id, value } = JSON.parse(args);
  const fields = patched(value);
  checkDocument(fields);
  const before = ledger.extent(id);
  const size = {
    bytes: before.bytes + getConvexSize(fields),
    fields: countOf(fields) + before.fields,
  };
  if (size.bytes > MAX_DOCUMENT || size.fields > MAX_FIELDS) {
    const found = await syscall("1.0/get", JSON.stringify({ table, id }));
    checkDocument({ .../** @type {any} */ (jsonToConvex(JSON.parse(found)) ?? {}), ...fields });
  }
  // Nothing comes between the three: convex-test works each off before it returns its promise.
  const work = [bytesWritten(syscall), syscall("1.0/shallowMerge", args), bytesWritten(syscall)];
  const [earlier, answer, later] = await Promise.all(work);
  const extent = { bytes: later - earlier, fields: Math.min(size.fields, MAX_FIELDS) };
  ledger.note(id, { table: before.table, ...extent });
  return answer;
}

/**
 * A patch's fields; one that is to go is `{"$undefined": null}` there.
 * @param {Record<string, any>} value
 * @returns {Record<string, any>}
 */
function patched(value) {
  const decoded = Object.entries(value).map(([name, field]) => {
    const isGone = isObject(field) && "$undefined" in field;
    return [name, isGone ? undefined : jsonToConvex(field)];
  });
  return Object.fromEntries(decoded);
}

/**
 * @param {string} table
 * @param {any} document
 */
function extentOf(table, document) {
  return { table, bytes: getDocumentSize(document), fields: countOf(document) };
}

/** @param {Record<string, any>} document */
function countOf(document) {
  return Object.keys(document).filter((name) => !SYSTEM_FIELDS.has(name)).length;
}

/**
 * What the transaction has written so far: the difference over a patch is the merged size.
 * @param {Syscall} syscall
 */
async function bytesWritten(syscall) {
  const metrics = jsonToConvex(JSON.parse(await syscall("1.0/getTransactionMetrics", "{}")));
  return /** @type {any} */ (metrics).bytesWritten.used;
}
