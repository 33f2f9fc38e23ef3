/**
 * Which functions these are. Raised when a process of the older kind could not work with them any
 * more; `FUNCTIONS_VERSION` of `bot/store/convex.py` says what a process needs.
 */
export const VERSION = 1;
