// What a client is told of an error. As in production: nothing of its text, only what the
// function has put into a ConvexError (get-convex/convex-backend, crates/application/src/
// redaction.rs, with `block_logging`). The text itself goes to this host's stderr, on request.
import { randomBytes } from "node:crypto";

import { jsonText, writeValue } from "./values.mjs";

/** @typedef {{ message: string, data: any, hasData: boolean }} Failure */

/** A call of a function that is not there, or not for this caller. Its text is told. */
export class FunctionNotFound extends Error {
  /** @param {string} path */
  constructor(path) {
    super(
      `Could not find public function for '${path}'. ` +
        "Did you forget to run `npx convex dev` or `npx convex deploy`?",
    );
  }
}

/** An answer that is not about a function: `{"code", "message"}` with a status of its own. */
export class HttpError extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} message
   */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }

  get body() {
    return JSON.stringify({ code: this.code, message: this.message });
  }
}

/** @returns {string} as `RequestId` there: 8 bytes in hex */
export function requestId() {
  return randomBytes(8).toString("hex");
}

/**
 * @param {unknown} error what a function threw
 * @returns {Failure}
 */
export function failureOf(error) {
  report(error);
  const told = error instanceof FunctionNotFound ? `\n${error.message}` : "";
  const hasData = error instanceof Object && Symbol.for("ConvexError") in error;
  const data = hasData ? /** @type {any} */ (error).data : undefined;
  return { message: `[Request ID: ${requestId()}] Server Error${told}`, data, hasData };
}

/** @param {unknown} error */
export function report(error) {
  if (process.env.CONVEX_HOST_DEBUG) console.error(error);
}

/**
 * `UdfResponse` of crates/local_backend/src/public_api.rs; without log lines, which production
 * never sends.
 * @param {any} value
 * @param {import("./values.mjs").Format} format
 */
export function successText(value, format) {
  return `{"status":"success","value":${writeValue(value, format)}}`;
}

/**
 * @param {Failure} failure
 * @param {import("./values.mjs").Format} format
 */
export function errorText(failure, format) {
  const fields = [`"status":"error","errorMessage":${jsonText(failure.message)}`];
  if (failure.hasData) fields.push(`"errorData":${writeValue(failure.data, format)}`);
  return `{${fields.join(",")}}`;
}
