/** Logs and progress: what happens in a task while it runs. */
import { v } from "convex/values";

import { ownerQuery, serviceMutation, serviceQuery } from "./lib/access";
import { insertEvents, logPage, readEvents } from "./lib/log";
import { findProgress, progressView, viewProgress, writeProgress } from "./lib/progress";
import { LEASE_MS, requireHeld, requireSeq, requireTask, requireWritable } from "./lib/queue";
import { eventLine, lease, progressPatch } from "./lib/validators";

/**
 * Adds to the log of a held task, keeps its lease, and brings its progress row up to date, all in
 * one transaction.
 * Idempotent by `key`. Answers the new last seq, and who asked to stop, if anybody did.
 */
export const append = serviceMutation({
  args: {
    lease,
    key: v.string(),
    expectedSeq: v.number(),
    events: v.array(eventLine),
    progress: v.optional(progressPatch),
  },
  returns: v.object({ lastSeq: v.number(), cancelBy: v.optional(v.string()) }),
  handler: async (ctx, args) => {
    const { task, written } = await requireWritable(ctx, args.lease, args.key);
    if (written) return { lastSeq: task.lastSeq, cancelBy: task.cancelBy };
    requireSeq(task, args.expectedSeq);
    const now = Date.now();
    const lastSeq = await insertEvents(ctx, task.taskId, task.lastSeq, args.events, now);
    await ctx.db.patch(task._id, {
      lastSeq,
      lastKey: args.key,
      leaseUntil: now + LEASE_MS,
      updatedAt: now,
    });
    if (args.progress !== undefined) {
      await writeProgress(ctx, task.taskId, args.progress, now);
    }
    return { lastSeq, cancelBy: task.cancelBy };
  },
});

/** Events behind a cursor, at most `limit`; a task that is not there has none. */
export const list = serviceQuery({
  args: { taskId: v.string(), after: v.number(), limit: v.number() },
  returns: logPage,
  handler: async (ctx, { taskId, after, limit }) => await readEvents(ctx, taskId, after, limit),
});

/** Sets parts of a held task's progress row; what is left out stays. Its status is the queue's. */
export const updateProgress = serviceMutation({
  args: { lease, ...progressPatch.fields },
  returns: v.null(),
  handler: async (ctx, { lease, ...patch }) => {
    const task = await requireHeld(ctx, lease);
    await writeProgress(ctx, task.taskId, patch, Date.now());
    return null;
  },
});

/** How far a task is, for its owner's frontend; null when there is no such task of theirs. */
export const getProgress = ownerQuery({
  args: { taskId: v.string() },
  returns: v.union(progressView, v.null()),
  handler: async (ctx, { taskId }, owner) => {
    const row = await findProgress(ctx, taskId);
    return row === null || row.owner !== owner ? null : viewProgress(row);
  },
});

/** The log itself, for its owner's frontend: events behind a cursor. */
export const events = ownerQuery({
  args: { taskId: v.string(), after: v.number() },
  returns: logPage,
  handler: async (ctx, { taskId, after }, owner) => {
    await requireTask(ctx, owner, taskId);
    return await readEvents(ctx, taskId, after, 500);
  },
});
