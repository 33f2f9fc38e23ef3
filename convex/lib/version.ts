/**
 * Which functions these are. Raised when a process needs what older ones do not have;
 * `FUNCTIONS_VERSION` of `bot/store/convex.py` says which it needs at least.
 */
export const VERSION = 4;
