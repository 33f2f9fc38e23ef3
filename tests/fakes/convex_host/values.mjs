// Convex's values on the wire: how they are read from JSON and how they leave as JSON.
import { convexToJson, jsonToConvex } from "convex/values";

/** @typedef {import("convex/values").Value} Value */
/** @typedef {"json" | "convex_encoded_json"} Format */

/**
 * A function's arguments. They always come in the encoded form, as an object or as an array of
 * one (`UdfArgsJson` in get-convex/convex-backend, crates/local_backend/src/public_api.rs).
 * @param {any} args
 * @returns {Record<string, Value>}
 */
export function readArgs(args) {
  return /** @type {any} */ (jsonToConvex((Array.isArray(args) ? args[0] : args) ?? {}));
}

/**
 * A value as the JSON text of an answer.
 * @param {Value | undefined} value
 * @param {Format} format `json` is the documented one, the clients use `convex_encoded_json`
 */
export function writeValue(value, format) {
  const known = value ?? null;
  return jsonText(format === "json" ? plain(known) : convexToJson(known));
}

/**
 * JSON whose numbers have a point: a Convex number is a float, and the PyPI client's
 * `json_to_convex` refuses a JSON integer.
 * @param {any} value
 * @returns {string}
 */
export function jsonText(value) {
  if (typeof value === "number") return Number.isSafeInteger(value) ? `${value}.0` : `${value}`;
  if (Array.isArray(value)) return `[${value.map(jsonText).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const fields = [];
  for (const [name, field] of Object.entries(value)) {
    if (field !== undefined) fields.push(`${JSON.stringify(name)}:${jsonText(field)}`);
  }
  return `{${fields.join(",")}}`;
}

/**
 * The `json` format ("ConvexCleanJSON", docs.convex.dev/http-api): int64 as decimal text, bytes
 * as base64, numbers that JSON has no word for as text.
 * @param {any} value
 * @returns {any}
 */
function plain(value) {
  if (typeof value === "bigint") return `${value}`;
  if (typeof value === "number") return Number.isFinite(value) ? value : `${value}`;
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
}
