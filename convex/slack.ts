/** Slack's side of the store, for our own processes. */
import { v } from "convex/values";

import { serviceMutation, serviceQuery } from "./lib/access";
import {
  bindThread,
  deliveryView,
  findDelivery,
  findInstallation,
  findState,
  findThread,
  listOpenWorkspaces,
  viewDelivery,
  workspacePage,
} from "./lib/slack";
import { deliveryEnd, slackThread } from "./lib/validators";

const KEPT_MS = 30 * 24 * 3_600_000;

/** Whose project a thread is about; null when it is about none. */
export const threadProject = serviceQuery({
  args: { thread: slackThread },
  returns: v.union(v.object({ projectId: v.string(), owner: v.string() }), v.null()),
  handler: async (ctx, { thread }) => {
    const project = await findThread(ctx, thread);
    return project === null ? null : { projectId: project.projectId, owner: project.owner };
  },
});

/** The workspaces that have live messages without a delivered end, in order, behind `after`. */
export const openWorkspaces = serviceQuery({
  args: { after: v.optional(v.string()) },
  returns: workspacePage,
  handler: async (ctx, { after }) => await listOpenWorkspaces(ctx, after ?? ""),
});

/** A workspace's live messages without a delivered end, oldest first. */
export const openDeliveries = serviceQuery({
  args: { teamId: v.string() },
  returns: v.array(deliveryView),
  handler: async (ctx, { teamId }) => {
    const open = await ctx.db
      .query("deliveries")
      .withIndex("by_ended", (q) => q.eq("ended", undefined).eq("teamId", teamId))
      .take(1_000);
    return open.map(viewDelivery);
  },
});

/** One task's message; null for a task that Slack did not ask for. */
export const delivery = serviceQuery({
  args: { taskId: v.string() },
  returns: v.union(deliveryView, v.null()),
  handler: async (ctx, { taskId }) => {
    const row = await findDelivery(ctx, taskId);
    return row === null ? null : viewDelivery(row);
  },
});

/** The task's message is now this one; it begins the thread, if there was none. */
export const noteMessage = serviceMutation({
  args: { taskId: v.string(), messageTs: v.string() },
  returns: v.null(),
  handler: async (ctx, { taskId, messageTs }) => {
    const row = await findDelivery(ctx, taskId);
    if (row === null) return null;
    const threadTs = row.threadTs || messageTs;
    await ctx.db.patch(row._id, { messageTs, threadTs });
    const { teamId, channelId } = row;
    if (row.threadTs === "") {
      await bindThread(ctx, row.projectId, { teamId, channelId, threadTs });
    }
    return null;
  },
});

/** Nothing more is to be delivered; an ended delivery stays as it is. */
export const endDelivery = serviceMutation({
  args: { taskId: v.string(), end: deliveryEnd },
  returns: v.null(),
  handler: async (ctx, { taskId, end }) => {
    const row = await findDelivery(ctx, taskId);
    if (row !== null && row.ended === undefined) {
      await ctx.db.patch(row._id, { ended: end, expiresAt: Date.now() + KEPT_MS });
    }
    return null;
  },
});

/** Whether a key is new; it is remembered for a while. `by` makes a second try the same call. */
export const firstTime = serviceMutation({
  args: { key: v.string(), by: v.string(), keepMs: v.number() },
  returns: v.boolean(),
  handler: async (ctx, { key, by, keepMs }) => {
    const now = Date.now();
    const seen = await ctx.db
      .query("seenEvents")
      .withIndex("by_key", (q) => q.eq("key", key))
      .unique();
    if (seen !== null && seen.expiresAt > now) return seen.by === by;
    if (seen !== null) await ctx.db.delete(seen._id);
    await ctx.db.insert("seenEvents", { key, by, expiresAt: now + keepMs });
    return true;
  },
});

/** Which of these keys are remembered now. */
export const seen = serviceQuery({
  args: { keys: v.array(v.string()) },
  returns: v.array(v.string()),
  handler: async (ctx, { keys }) => {
    const now = Date.now();
    const found = await Promise.all(
      keys.map((key) =>
        ctx.db
          .query("seenEvents")
          .withIndex("by_key", (q) => q.eq("key", key))
          .unique(),
      ),
    );
    return found.flatMap((row) => (row !== null && row.expiresAt > now ? [row.key] : []));
  },
});

/** Takes or keeps what one process holds at a time; false when another has it. */
export const hold = serviceMutation({
  args: { name: v.string(), holder: v.string(), forMs: v.number() },
  returns: v.boolean(),
  handler: async (ctx, { name, holder, forMs }) => {
    const now = Date.now();
    const lock = await ctx.db
      .query("locks")
      .withIndex("by_name", (q) => q.eq("name", name))
      .unique();
    if (lock === null) {
      await ctx.db.insert("locks", { name, holder, until: now + forMs });
      return true;
    }
    if (lock.holder !== holder && lock.until > now) return false;
    await ctx.db.patch(lock._id, { holder, until: now + forMs });
    return true;
  },
});

/** Lets go of what this holder has. */
export const release = serviceMutation({
  args: { name: v.string(), holder: v.string() },
  returns: v.null(),
  handler: async (ctx, { name, holder }) => {
    const lock = await ctx.db
      .query("locks")
      .withIndex("by_name", (q) => q.eq("name", name))
      .unique();
    if (lock?.holder === holder) await ctx.db.delete(lock._id);
    return null;
  },
});

const installKey = { enterpriseId: v.string(), teamId: v.string() };

/** Keeps an installation in place of an older one; its tokens are sealed before they come here. */
export const saveInstallation = serviceMutation({
  args: { ...installKey, sealed: v.string() },
  returns: v.null(),
  handler: async (ctx, { sealed, ...key }) => {
    const there = await findInstallation(ctx, key.enterpriseId, key.teamId);
    const row = { ...key, sealed, updatedAt: Date.now() };
    if (there === null) await ctx.db.insert("installations", row);
    else await ctx.db.patch(there._id, row);
    return null;
  },
});

/** What was kept for a place, or null. */
export const installation = serviceQuery({
  args: installKey,
  returns: v.union(v.string(), v.null()),
  handler: async (ctx, { enterpriseId, teamId }) =>
    (await findInstallation(ctx, enterpriseId, teamId))?.sealed ?? null,
});

/** Every place where the app is installed, oldest first. */
export const installations = serviceQuery({
  args: {},
  returns: v.array(v.object(installKey)),
  handler: async (ctx) => {
    const rows = await ctx.db.query("installations").withIndex("by_creation_time").take(5_000);
    return rows.map(({ enterpriseId, teamId }) => ({ enterpriseId, teamId }));
  },
});

/** Puts this in place of exactly that one, or forgets it; what is done already is done. */
export const replaceInstallation = serviceMutation({
  args: { ...installKey, was: v.string(), sealed: v.optional(v.string()) },
  returns: v.boolean(),
  handler: async (ctx, { was, sealed, ...key }) => {
    const there = await findInstallation(ctx, key.enterpriseId, key.teamId);
    if (there?.sealed === sealed) return true;
    if (there === null || there.sealed !== was) return false;
    if (sealed === undefined) await ctx.db.delete(there._id);
    else await ctx.db.patch(there._id, { sealed, updatedAt: Date.now() });
    return true;
  },
});

/** Remembers what a person was sent away with. */
export const keepState = serviceMutation({
  args: { state: v.string(), data: v.string(), keepMs: v.number() },
  returns: v.null(),
  handler: async (ctx, { state, data, keepMs }) => {
    if ((await findState(ctx, state)) !== null) return null;
    await ctx.db.insert("oauthStates", { state, data, expiresAt: Date.now() + keepMs });
    return null;
  },
});

/** What was remembered, for the first who asks: `by` makes a second try the same call. */
export const useState = serviceMutation({
  args: { state: v.string(), by: v.string() },
  returns: v.union(v.string(), v.null()),
  handler: async (ctx, { state, by }) => {
    const row = await findState(ctx, state);
    if (row === null || row.expiresAt <= Date.now()) return null;
    if (row.by !== undefined) return row.by === by ? row.data : null;
    await ctx.db.patch(row._id, { by });
    return row.data;
  },
});
