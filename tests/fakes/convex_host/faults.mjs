// Faults that a test sets over the control port: what a Convex that is away, slow or cut off in
// the middle does to its clients.
import { HttpError } from "./answers.mjs";

/**
 * @typedef {object} Fault
 * @property {"none" | "unavailable" | "rate_limited" | "slow" | "hang" | "reset" | "lossy"} kind
 * @property {number} [ms] slow: how long before executing
 * @property {number} [every] lossy: which mutation loses its answer; 1 is each of them
 * @property {number} [most] lossy: how often the same call, sent again, loses it; without it, ever
 * @property {number} [times] for how many calls; without it, until another one is set
 * @property {string[]} [only] functions by name; without it, all of them
 */
/** @typedef {{ fault: Fault, seen: number, met: number, lost: Map<string, number> }} Plan */

/** The connection is to be cut, before the function ran or after. */
export class Cut extends Error {}

/** No answer is to come, ever. */
export class Silence extends Error {}

const KINDS = new Set(["none", "unavailable", "rate_limited", "slow", "hang", "reset", "lossy"]);

export class Faults {
  /** @type {Map<string | null, Plan>} by deployment; null is for all of them */
  #plans = new Map();

  /**
   * @param {string | null} deployment null: every deployment, and what was set for one is gone
   * @param {Fault} fault
   */
  set(deployment, fault) {
    if (!KINDS.has(fault.kind)) throw new TypeError(`There is no fault '${fault.kind}'.`);
    if (deployment === null) this.#plans.clear();
    this.#plans.set(deployment, { fault, seen: 0, met: 0, lost: new Map() });
  }

  /**
   * Waits, throws, or lets the call through: before it is executed.
   * @param {string} deployment
   * @param {string} path the function; "" where none is called
   */
  async before(deployment, path) {
    const plan = this.#planFor(deployment, path);
    if (plan === null || plan.fault.kind === "none" || plan.fault.kind === "lossy") return;
    plan.met += 1;
    const { kind, ms = 0 } = plan.fault;
    if (kind === "slow") await new Promise((resolve) => setTimeout(resolve, ms));
    if (kind === "hang") throw new Silence();
    if (kind === "reset") throw new Cut();
    if (kind === "unavailable") throw unavailable();
    if (kind === "rate_limited") throw rateLimited();
  }

  /**
   * Cuts the connection of every n-th mutation, now that it is committed.
   * @param {string} deployment
   * @param {string} path
   * @param {unknown} args what it was called with, as it came
   */
  afterMutation(deployment, path, args) {
    const plan = this.#planFor(deployment, path);
    if (plan?.fault.kind !== "lossy") return;
    const { every = 1, most = Number.POSITIVE_INFINITY } = plan.fault;
    plan.seen += 1;
    if (plan.seen % every !== 0) return;
    const call = JSON.stringify([path, args], (_, v) => (typeof v === "bigint" ? `${v}n` : v));
    const lost = plan.lost.get(call) ?? 0;
    if (lost >= most) return;
    plan.lost.set(call, lost + 1);
    plan.met += 1;
    throw new Cut();
  }

  /**
   * @param {string} deployment
   * @param {string} path
   * @returns {Plan | null}
   */
  #planFor(deployment, path) {
    const plan = this.#plans.get(deployment) ?? this.#plans.get(null);
    if (plan === undefined) return null;
    const { times = Number.POSITIVE_INFINITY, only } = plan.fault;
    return plan.met < times && (only?.includes(path) ?? true) ? plan : null;
  }
}

/**
 * `ErrorMetadata::overloaded`, which is a 503 and says that nothing was executed
 * (get-convex/convex-backend, crates/errors/src/lib.rs).
 */
function unavailable() {
  const code = "ExpiredInQueue";
  return new HttpError(503, code, "Too many concurrent requests, backoff and try again.");
}

/** `ErrorMetadata::rate_limited` of crates/application/src/application_function_runner. */
function rateLimited() {
  const message =
    "Too many concurrent requests. Your backend is limited to 16 concurrent mutations. " +
    "To get more resources, upgrade to Convex Pro.";
  return new HttpError(429, "TooManyConcurrentRequests", message);
}
