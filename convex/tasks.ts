/** The queue, for our own processes: accept, claim, keep, give back, end. */
import type { Infer } from "convex/values";
import { v } from "convex/values";

import type { QueryCtx } from "./_generated/server";
import { serviceMutation, serviceQuery } from "./lib/access";
import { firstPage } from "./lib/budget";
import { refusal } from "./lib/errors";
import { fragmentView, insertFragment, newFragment, requireFragment } from "./lib/fragments";
import { insertEvents, logPage, readEvents } from "./lib/log";
import { findAnswer, hasMessages, insertMessage, listMessages, messagePage } from "./lib/messages";
import { insertDelivery } from "./lib/slack";
import { startProgress, writeProgress } from "./lib/progress";
import {
  findProject,
  insertProject,
  projectView,
  requireProject,
  viewProject,
} from "./lib/projects";
import {
  cancelled,
  endTask,
  findTask,
  hasOpenTask,
  LEASE_MS,
  requireHeld,
  requireSeq,
  requireTask,
  requireWritable,
  type Task,
  takenBefore,
  takeTask,
  taskView,
  viewTask,
} from "./lib/queue";
import { admit, giveUp, reserve, terms } from "./lib/usage";
import {
  eventLine,
  framework,
  lease,
  progressPatch,
  role,
  slackOrigin,
  taskKind,
} from "./lib/validators";

/** Accepts a task on its terms. Idempotent by `taskId`, and by `origin` for each owner. */
export const enqueue = serviceMutation({
  args: {
    taskId: v.string(),
    projectId: v.string(),
    newProject: v.optional(v.object({ title: v.string() })),
    owner: v.string(),
    kind: taskKind,
    prompt: v.string(),
    model: v.string(),
    framework: v.optional(framework),
    requestedBy: v.string(),
    origin: v.optional(v.string()),
    accepted: eventLine,
    questionId: v.string(),
    answerId: v.string(),
    history: v.array(v.object({ messageId: v.string(), role, content: v.string() })),
    slack: v.optional(slackOrigin),
    terms: v.optional(terms),
    replaces: v.optional(v.string()),
  },
  returns: taskView,
  handler: async (ctx, args) => {
    const {
      accepted,
      questionId,
      answerId,
      history,
      newProject,
      slack,
      terms,
      replaces,
      ...fields
    } = args;
    const { owner, origin, projectId, taskId } = fields;
    const there =
      (await findTask(ctx, taskId)) ??
      (origin === undefined
        ? null
        : await ctx.db
            .query("tasks")
            .withIndex("by_origin", (q) => q.eq("owner", owner).eq("origin", origin))
            .unique());
    if (there !== null && there.owner !== owner) throw refusal("not_found", "no such task");
    if (there !== null) return viewTask(there);

    const now = Date.now();
    if (newProject === undefined) {
      const project = await requireProject(ctx, owner, projectId);
      await ctx.db.patch(project._id, { updatedAt: now });
    } else {
      await insertProject(ctx, { projectId, owner, title: newProject.title }, now);
    }
    if (replaces !== undefined) await giveUp(ctx, owner, replaces);
    if (terms !== undefined) await admit(ctx, owner, terms, now);
    if (history.length > 0 && !(await hasMessages(ctx, projectId))) {
      for (const seed of history) {
        const settled = { type: "RESULT", status: "COMPLETE", createdAt: now } as const;
        await insertMessage(ctx, { ...seed, ...settled, projectId });
      }
    }
    const blocked = await hasOpenTask(ctx, projectId);
    const id = await ctx.db.insert("tasks", {
      ...fields,
      status: "pending",
      epoch: 0,
      attempts: 0,
      runAfter: now,
      lastSeq: 1,
      blocked,
      createdAt: now,
      updatedAt: now,
    });
    const task = await ctx.db.get(id);
    if (task === null) throw new Error("an inserted row is there");
    await reserve(ctx, task, terms?.credits ?? 0);
    await insertEvents(ctx, taskId, 0, [accepted], now);
    const message = { projectId, taskId, createdAt: now };
    await insertMessage(ctx, {
      ...message,
      messageId: questionId,
      role: "USER",
      type: "RESULT",
      status: "COMPLETE",
      content: fields.prompt,
    });
    await insertMessage(ctx, {
      ...message,
      messageId: answerId,
      role: "ASSISTANT",
      type: "STREAMING",
      status: "PENDING",
      content: "",
    });
    await startProgress(ctx, task);
    if (slack !== undefined) await insertDelivery(ctx, task, slack);
    return viewTask(task);
  },
});

/** All that a worker needs to run a task; of a long conversation or log, the beginning. */
const foundTask = v.object({
  task: taskView,
  project: projectView,
  head: v.optional(fragmentView),
  messages: messagePage,
  log: logPage,
});

const FIRST_EVENTS = 1_000;

/** Gives the oldest task that may run to a worker, ended leases included. Idempotent by `key`. */
export const claim = serviceMutation({
  args: {
    workerId: v.string(),
    key: v.string(),
    only: v.optional(v.string()),
    lost: v.object({ event: eventLine, reply: v.string(), progress: progressPatch }),
  },
  returns: v.object({
    found: v.optional(foundTask),
    ended: v.array(v.string()),
    dueInMs: v.optional(v.number()),
  }),
  handler: async (ctx, { lost, ...args }) => {
    const before = await takenBefore(ctx, args.workerId, args.key);
    if (before !== null) return { found: await allFor(ctx, before), ended: [] };
    const now = Date.now();
    const { event, ...rest } = lost;
    const ending = { ...rest, status: "failed" as const, events: [event] };
    const taken = await takeTask(ctx, { ...args, lost: ending }, now);
    return {
      ended: taken.ended,
      found: taken.task === null ? undefined : await allFor(ctx, taken.task),
      dueInMs: taken.dueAt === null ? undefined : Math.max(1, taken.dueAt - now),
    };
  },
});

async function allFor(ctx: QueryCtx, task: Task): Promise<Infer<typeof foundTask>> {
  const project = await requireProject(ctx, task.owner, task.projectId);
  return {
    task: viewTask(task),
    project: viewProject(project),
    head:
      project.head === undefined
        ? undefined
        : await requireFragment(ctx, task.projectId, project.head),
    messages: await listMessages(ctx, task.projectId, 0),
    log: await readEvents(ctx, task.taskId, 0, FIRST_EVENTS),
  };
}

/** Keeps a lease for 30 s more; answers who asked to stop, if anybody did. */
export const heartbeat = serviceMutation({
  args: { lease },
  returns: v.object({ cancelBy: v.optional(v.string()) }),
  handler: async (ctx, args) => {
    const task = await requireHeld(ctx, args.lease);
    await ctx.db.patch(task._id, { leaseUntil: Date.now() + LEASE_MS });
    return { cancelBy: task.cancelBy };
  },
});

/** Makes a held task pending again, claimable after a delay. Idempotent by `key`. */
export const requeue = serviceMutation({
  args: { lease, key: v.string(), delayMs: v.number(), countAttempt: v.boolean() },
  returns: v.null(),
  handler: async (ctx, args) => {
    const { task, written } = await requireWritable(ctx, args.lease, args.key);
    if (written) return null;
    const now = Date.now();
    await ctx.db.patch(task._id, {
      status: "pending",
      attempts: task.attempts - (args.countAttempt ? 0 : 1),
      runAfter: now + args.delayMs,
      leaseUntil: undefined,
      workerId: undefined,
      lastKey: args.key,
      updatedAt: now,
    });
    const progress = { status: "pending" as const, message: "Waiting for a worker" };
    await writeProgress(ctx, task.taskId, progress, now);
    return null;
  },
});

const lastWords = {
  lease,
  key: v.string(),
  expectedSeq: v.number(),
  events: v.array(eventLine),
  reply: v.string(),
  progress: progressPatch,
};

/** Ends a held task well; its fragment becomes the project's head. Idempotent by `key`. */
export const complete = serviceMutation({
  args: {
    ...lastWords,
    fragment: v.optional(newFragment),
    title: v.optional(v.string()),
    framework: v.optional(framework),
  },
  returns: v.number(),
  handler: async (ctx, args) => {
    const { task, written } = await requireWritable(ctx, args.lease, args.key);
    if (written) return task.lastSeq;
    requireSeq(task, args.expectedSeq);
    const now = Date.now();
    const project = await findProject(ctx, task.projectId);
    if (project === null) throw refusal("not_found", `there is no project ${task.projectId}`);
    if (args.fragment !== undefined) {
      const messageId = (await findAnswer(ctx, task.taskId))?.messageId;
      await insertFragment(ctx, project, args.fragment, { taskId: task.taskId, messageId }, now);
    }
    await ctx.db.patch(project._id, {
      title: args.title ?? project.title,
      ...(args.framework === undefined ? {} : { framework: args.framework }),
      updatedAt: now,
    });
    return await endTask(ctx, task, { ...args, status: "complete" }, now, args.key);
  },
});

/** Ends a held task without a result: it failed, or its holder carried out a stop. */
export const fail = serviceMutation({
  args: { ...lastWords, status: v.union(v.literal("failed"), v.literal("cancelled")) },
  returns: v.number(),
  handler: async (ctx, args) => {
    const { task, written } = await requireWritable(ctx, args.lease, args.key);
    if (written) return task.lastSeq;
    requireSeq(task, args.expectedSeq);
    return await endTask(ctx, task, args, Date.now(), args.key);
  },
});

/** Asks a task to stop: a pending one ends at once, a running one's holder learns of it. */
export const cancel = serviceMutation({
  args: { owner: v.string(), taskId: v.string(), by: v.string() },
  returns: taskView,
  handler: async (ctx, { owner, taskId, by }) => {
    const task = await requireTask(ctx, owner, taskId);
    const now = Date.now();
    if (task.status === "pending") {
      await endTask(ctx, task, cancelled(by), now);
    } else if (task.status === "running") {
      await ctx.db.patch(task._id, { cancelBy: task.cancelBy ?? by, updatedAt: now });
    }
    return viewTask(await requireTask(ctx, owner, taskId));
  },
});

/** One task. */
export const get = serviceQuery({
  args: { owner: v.string(), taskId: v.string() },
  returns: taskView,
  handler: async (ctx, { owner, taskId }) => viewTask(await requireTask(ctx, owner, taskId)),
});

/** A project's tasks, newest first, from before a cursor. */
export const list = serviceQuery({
  args: { owner: v.string(), projectId: v.string(), before: v.optional(v.number()) },
  returns: v.object({ tasks: v.array(taskView), next: v.optional(v.number()) }),
  handler: async (ctx, { owner, projectId, before }) => {
    await requireProject(ctx, owner, projectId);
    const rows = ctx.db
      .query("tasks")
      .withIndex("by_age", (q) => {
        const all = q.eq("projectId", projectId);
        return before === undefined ? all : all.lt("_creationTime", before);
      })
      .order("desc");
    const page = await firstPage(rows, 1_000);
    const tasks = page.items.map(viewTask);
    return page.more ? { tasks, next: page.items.at(-1)?._creationTime } : { tasks };
  },
});

/** The newest task of each of these projects; of a foreign or missing one, none. */
export const newest = serviceQuery({
  args: { owner: v.string(), projectIds: v.array(v.string()) },
  returns: v.array(taskView),
  handler: async (ctx, { owner, projectIds }) => {
    const found = [];
    for (const projectId of projectIds.slice(0, 1_000)) {
      const task = await ctx.db
        .query("tasks")
        .withIndex("by_age", (q) => q.eq("projectId", projectId))
        .order("desc")
        .first();
      if (task !== null && task.owner === owner) found.push(viewTask(task));
    }
    return found;
  },
});
