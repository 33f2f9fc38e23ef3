/** Deletes rows whose time is over. */
import { v } from "convex/values";

import { internal } from "./_generated/api";
import { internalMutation } from "./_generated/server";

/** The tables that have `expiresAt` and its index. */
const EXPIRING = [
  "linkRequests",
  "waitingRequests",
  "oauthStates",
  "deliveries",
  "rateLimits",
  "seenEvents",
  "audit",
] as const;

const PAGE_ROWS = 200;

/** One page of each table; comes back at once while there is more. Answers how many it deleted. */
export const sweep = internalMutation({
  args: {},
  returns: v.number(),
  handler: async (ctx) => {
    const now = Date.now();
    let deleted = 0;
    let more = false;
    for (const table of EXPIRING) {
      const over = await ctx.db
        .query(table)
        .withIndex("by_expiry", (q) => q.gt("expiresAt", 0).lte("expiresAt", now))
        .take(PAGE_ROWS);
      for (const row of over) await ctx.db.delete(row._id);
      deleted += over.length;
      more ||= over.length === PAGE_ROWS;
    }
    if (more) await ctx.scheduler.runAfter(0, internal.retention.sweep, {});
    return deleted;
  },
});
