// The time that a request brings along. A test drives leases with a clock of its own: it sends
// `X-Host-Now: <ms since 1970>`, and everything that runs for this request reads that.
import { AsyncLocalStorage } from "node:async_hooks";

import { HttpError } from "./answers.mjs";

/**
 * @typedef {object} Moment
 * @property {number} now what `Date.now()` answers while the request runs
 * @property {number} began the real time at which it began
 * @property {boolean} over whether it has been answered
 */

/** @type {AsyncLocalStorage<Moment>} */
const moments = new AsyncLocalStorage();
const realNow = Date.now.bind(Date);

// Inside a function the clock stands still, as Convex's does. What the function has scheduled
// inherits the moment and runs later: by then the moment has moved on with the real time.
Date.now = () => {
  const moment = moments.getStore();
  if (moment === undefined) return realNow();
  return moment.over ? moment.now + realNow() - moment.began : moment.now;
};

/**
 * Runs `work` at this time; `undefined` means the real one.
 * @template T
 * @param {number | undefined} now
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function at(now, work) {
  if (now === undefined) return work();
  const moment = { now, began: realNow(), over: false };
  try {
    return await moments.run(moment, work);
  } finally {
    moment.over = true;
  }
}

/**
 * What a request's headers say about the time.
 * @param {import("node:http").IncomingHttpHeaders} headers
 * @returns {number | undefined}
 */
export function momentOf(headers) {
  const text = headers["x-host-now"];
  if (text === undefined) return undefined;
  const now = Number(text);
  if (Number.isFinite(now)) return Math.round(now); // as Date.now() is
  throw new HttpError(400, "BadHostNow", `X-Host-Now is not a number: ${text}`);
}
