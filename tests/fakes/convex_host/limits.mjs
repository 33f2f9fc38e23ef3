// Limits of the real backend that convex-test 0.0.60 does not hold: docs.convex.dev/production/
// state/limits, with the words of get-convex/convex-backend's crates/value/src/{array,object,
// size,field_name}.rs. What convex-test does hold (`transactionLimits`) is left to it.
import { getConvexSize, getDocumentSize } from "convex/values";

const MIB = 1 << 20;
export const MAX_DOCUMENT = MIB;
const MAX_CALL = 16 * MIB;
const MAX_ARRAY = 8192;
export const MAX_FIELDS = 1024;
const MAX_DOCUMENT_NESTING = 16;
const MAX_NESTING = 64; // of arguments and return values, which are no documents

/**
 * Arguments or a return value: neither too large nor of a form that Convex cannot hold.
 * @param {string} what "Arguments of tasks:claim", for the message
 * @param {any} value
 */
export function checkCall(what, value) {
  try {
    checkForm(value, MAX_NESTING, (name) => !name.startsWith("$"));
    checkSize(getConvexSize(value), MAX_CALL);
  } catch (error) {
    throw new Error(`${what} invalid: ${/** @type {Error} */ (error).message}`);
  }
}

/**
 * A document as it is going to be stored. docs.convex.dev/database/types: field names are not
 * empty and start with neither `$` nor `_`; but for the two that Convex itself adds.
 * @param {any} document
 */
export function checkDocument(document) {
  const { _id, _creationTime, ...fields } = document;
  checkForm(fields, MAX_DOCUMENT_NESTING, (name) => !/^[$_]/.test(name));
  checkSize(getDocumentSize(document), MAX_DOCUMENT);
}

/**
 * @param {number} size
 * @param {number} limit
 */
function checkSize(size, limit) {
  if (size <= limit) return;
  const found = (size / MIB).toFixed(2);
  throw new Error(`Value is too large (${found} MiB > maximum size ${limit / MIB} MiB)`);
}

/**
 * @param {any} value
 * @param {number} maxNesting
 * @param {(name: string) => boolean} isAllowed
 */
function checkForm(value, maxNesting, isAllowed) {
  const depth = nesting(value, isAllowed);
  if (depth <= maxNesting) return;
  throw new Error(
    `Value is too nested (nested ${depth} levels deep > maximum nesting ${maxNesting})`,
  );
}

/**
 * A plain value has nesting 0, a list of plain values 1 (size.rs).
 * @param {any} value
 * @param {(name: string) => boolean} isAllowed
 * @returns {number}
 */
function nesting(value, isAllowed) {
  if (Array.isArray(value)) {
    if (value.length > MAX_ARRAY) {
      throw new Error(`Array length is too long (${value.length} > maximum length ${MAX_ARRAY})`);
    }
    return 1 + value.reduce((deepest, item) => Math.max(deepest, nesting(item, isAllowed)), 0);
  }
  if (!isObject(value)) return 0;
  const names = Object.keys(value).filter((name) => value[name] !== undefined);
  checkNames(names, isAllowed);
  return names.reduce((deepest, name) => Math.max(deepest, nesting(value[name], isAllowed)), 0) + 1;
}

/**
 * @param {string[]} names
 * @param {(name: string) => boolean} isAllowed
 */
function checkNames(names, isAllowed) {
  if (names.length > MAX_FIELDS) {
    throw new Error(`Object has too many fields (${names.length} > maximum number ${MAX_FIELDS})`);
  }
  for (const name of names) {
    if (name === "") throw new Error("Field name cannot be empty");
    if (!/^[ -~]+$/.test(name)) {
      throw new Error(
        `Field name ${JSON.stringify(name)} has a character other than printable ASCII`,
      );
    }
    if (!isAllowed(name)) throw new Error(`Field name ${JSON.stringify(name)} is reserved`);
  }
}

/**
 * Neither a list nor bytes nor a placeholder.
 * @param {any} value
 */
export function isObject(value) {
  return value !== null && typeof value === "object" && value.constructor === Object;
}
