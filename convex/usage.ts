/** What owners have used, and the plans they are on. */
import { v } from "convex/values";

import { ownerQuery, serviceMutation, serviceQuery } from "./lib/access";
import { findPlan, spentOf, spentView } from "./lib/usage";

const MAX_OPEN = 1_000;

/** `PLAN_HOLDS` and `PLAN_RENEWED` of `bot/store/usage_port.py`. */
const PLAN_HOLDS_MS = 35 * 24 * 3_600 * 1_000;
const PLAN_RENEWED_MS = 24 * 3_600 * 1_000;

/** An owner's use: the credits that count now, the last day, and since a time. */
export const spent = serviceQuery({
  args: { owner: v.string(), since: v.number() },
  returns: spentView,
  handler: async (ctx, { owner, since }) => await spentOf(ctx, owner, since, Date.now()),
});

/** The same for the owner's own frontend, which asks again as time passes. */
export const mine = ownerQuery({
  args: { since: v.number() },
  returns: spentView,
  handler: async (ctx, { since }, owner) => await spentOf(ctx, owner, since, Date.now()),
});

/** The owner's tasks that wait or run, oldest first. */
export const openTasks = serviceQuery({
  args: { owner: v.string() },
  returns: v.array(v.string()),
  handler: async (ctx, { owner }) => {
    const lines = await ctx.db
      .query("usage")
      .withIndex("by_state", (q) => q.eq("owner", owner).eq("state", "reserved"))
      .take(MAX_OPEN);
    return lines.map(({ taskId }) => taskId);
  },
});

/** The plan that was kept last; null when none was, or too long ago. */
export const plan = serviceQuery({
  args: { owner: v.string() },
  returns: v.union(v.string(), v.null()),
  handler: async (ctx, { owner }) => {
    const kept = await findPlan(ctx, owner);
    return kept !== null && kept.updatedAt > Date.now() - PLAN_HOLDS_MS ? kept.plan : null;
  },
});

/** The owner is on this plan, whoever asks for work next. Often called, rarely written. */
export const keepPlan = serviceMutation({
  args: { owner: v.string(), plan: v.string() },
  returns: v.null(),
  handler: async (ctx, kept) => {
    const row = { ...kept, updatedAt: Date.now() };
    const there = await findPlan(ctx, kept.owner);
    if (there === null) await ctx.db.insert("plans", row);
    else if (there.plan !== kept.plan || there.updatedAt <= row.updatedAt - PLAN_RENEWED_MS)
      await ctx.db.replace(there._id, row);
    return null;
  },
});
