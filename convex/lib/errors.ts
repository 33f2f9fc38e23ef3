/** Refusals that a caller can tell apart. The codes are the keys of `agents/errors.py`. */
import { ConvexError } from "convex/values";

export type Code =
  | "lease_lost" // another worker has the task, or it has ended
  | "not_found" // no such row, or one of another owner
  | "seq_conflict" // somebody wrote there first
  | "store_error" // a value that cannot be stored
  | "unauthenticated" // no token, or not the one this function is for
  | "bad_request" // a limit that a person can keep; the text is for them
  | "quota_exceeded"; // a limit of the owner's; the details say which

/** The error to throw; every other error reaches clients of a production deployment as "Server Error". */
export function refusal(
  code: Code,
  message: string,
  details: Record<string, string | number> = {},
): ConvexError<{ code: Code; message: string }> {
  return new ConvexError({ code, message, ...details });
}
