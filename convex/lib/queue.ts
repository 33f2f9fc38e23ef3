/**
 * The life of a task: pending, running, then exactly one of complete, failed, cancelled.
 *
 * One task of a project is open for work at a time: the oldest; the later ones are `blocked`.
 * A worker holds what it runs by a lease with an epoch, and every claim raises the epoch, so a
 * worker that was thought dead writes nothing more. Claims take over ended leases: nothing sweeps.
 */
import type { Infer } from "convex/values";
import { v } from "convex/values";

import type { Doc } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { refusal } from "./errors";
import { findFragment } from "./fragments";
import { type EventLine, insertEvents } from "./log";
import { settleAnswer, startAnswer } from "./messages";
import { type ProgressPatch, writeProgress } from "./progress";
import { findProject } from "./projects";
import { settleUsage } from "./usage";
import { lease as leaseFields, taskFields } from "./validators";

/** `LEASE_S` and `MAX_ATTEMPTS` of `bot/store/port.py`. */
export const LEASE_MS = 30_000;
export const MAX_ATTEMPTS = 3;

/** So many tasks that can run no more are ended by one claim; the next one goes on. */
const ENDINGS_PER_CLAIM = 20;
const EXPIRED_LOOKED_AT = 50;

export const taskView = v.object(taskFields);

export type Task = Doc<"tasks">;
export type Lease = Infer<typeof leaseFields>;
type Ended = "complete" | "failed" | "cancelled";

/** The last words of a task: its events (the terminal one last) and the assistant's answer. */
export type Ending = { status: Ended; events: EventLine[]; reply: string; progress: ProgressPatch };

/** What a claim did: the task it took, those it ended, and when there will be something to do. */
export type Taken = { task: Task | null; ended: string[]; dueAt: number | null };

export function viewTask(row: Task): Infer<typeof taskView> {
  const { _id, _creationTime, blocked, claimKey, lastKey, ...view } = row;
  return view;
}

export async function findTask(ctx: QueryCtx, taskId: string): Promise<Task | null> {
  return await ctx.db
    .query("tasks")
    .withIndex("by_taskId", (q) => q.eq("taskId", taskId))
    .unique();
}

/** Throws `not_found`, also for a task of another owner. */
export async function requireTask(ctx: QueryCtx, owner: string, taskId: string): Promise<Task> {
  const task = await findTask(ctx, taskId);
  if (task === null || task.owner !== owner) {
    throw refusal("not_found", `there is no task ${taskId}`);
  }
  return task;
}

/** The task, if this lease still holds it. Throws `lease_lost`. */
export async function requireHeld(ctx: QueryCtx, lease: Lease): Promise<Task> {
  return holding(await findTask(ctx, lease.taskId), lease);
}

/**
 * The task that a holder's write is about. `written`: an earlier try of the same call, by its key,
 * was carried out and its answer got lost. Throws `lease_lost`.
 */
export async function requireWritable(
  ctx: QueryCtx,
  lease: Lease,
  key: string,
): Promise<{ task: Task; written: boolean }> {
  const task = await findTask(ctx, lease.taskId);
  if (task !== null && task.epoch === lease.epoch && task.lastKey === key) {
    return { task, written: true };
  }
  return { task: holding(task, lease), written: false };
}

function holding(task: Task | null, lease: Lease): Task {
  const { taskId, workerId, epoch } = lease;
  const held = task?.status === "running" && task.epoch === epoch && task.workerId === workerId;
  if (task === null || !held) {
    throw refusal("lease_lost", `task ${taskId} is not held with epoch ${epoch} any more`);
  }
  return task;
}

/** Throws `seq_conflict`. */
export function requireSeq(task: Task, expectedSeq: number): void {
  if (task.lastSeq !== expectedSeq) {
    throw refusal("seq_conflict", `the log is at ${task.lastSeq}, not at ${expectedSeq}`);
  }
}

/** Whether a task of the project waits or runs. */
export async function hasOpenTask(ctx: QueryCtx, projectId: string): Promise<boolean> {
  return (
    (await openTask(ctx, projectId, "running")) !== null ||
    (await openTask(ctx, projectId, "pending")) !== null
  );
}

export async function openTask(
  ctx: QueryCtx,
  projectId: string,
  status: "pending" | "running",
): Promise<Task | null> {
  return await ctx.db
    .query("tasks")
    .withIndex("by_project", (q) => q.eq("projectId", projectId).eq("status", status))
    .first();
}

/** Give the oldest task that may run, or `only` that one, to a worker; end those that may not. */
export async function takeTask(
  ctx: MutationCtx,
  claim: { workerId: string; key: string; only?: string; lost: Ending },
  now: number,
): Promise<Taken> {
  const ended: string[] = [];
  while (ended.length < ENDINGS_PER_CLAIM) {
    const next =
      claim.only === undefined
        ? await oldestRunnable(ctx, now)
        : runnable(await findTask(ctx, claim.only), now);
    if (next.task === null) return { ...next, ended };
    const orphaned = await isOrphaned(ctx, next.task);
    const ending = orphaned ? claim.lost : endingInstead(next.task, claim.lost);
    if (ending === null) {
      return { task: await start(ctx, next.task, claim, now), ended, dueAt: null };
    }
    await endTask(ctx, next.task, ending, now);
    ended.push(next.task.taskId);
  }
  return { task: null, ended, dueAt: now };
}

type Next = { task: Task | null; dueAt: number | null };

async function oldestRunnable(ctx: QueryCtx, now: number): Promise<Next> {
  const expired = await ctx.db
    .query("tasks")
    .withIndex("by_lease", (q) => q.eq("status", "running").lte("leaseUntil", now))
    .take(EXPIRED_LOOKED_AT);
  const lapsed = expired.reduce<Task | null>(older, null);
  const waiting = await oldestWaiting(ctx, now);
  const task = waiting.task === null ? lapsed : older(lapsed, waiting.task);
  if (task !== null) return { task, dueAt: null };
  const running = await ctx.db
    .query("tasks")
    .withIndex("by_lease", (q) => q.eq("status", "running"))
    .first();
  return { task: null, dueAt: earlier(waiting.dueAt, running?.leaseUntil ?? null) };
}

/** The oldest pending task whose time has come; else when the first one's comes. */
async function oldestWaiting(ctx: QueryCtx, now: number): Promise<Next> {
  const waiting = ctx.db
    .query("tasks")
    .withIndex("by_status", (q) => q.eq("status", "pending").eq("blocked", false));
  let dueAt: number | null = null;
  for await (const task of waiting) {
    if (isDue(task, now)) return { task, dueAt: null };
    dueAt = earlier(dueAt, task.runAfter);
  }
  return { task: null, dueAt };
}

/** One task alone: itself when it may run, else when it may. */
function runnable(task: Task | null, now: number): Next {
  if (task === null || task.blocked) return { task: null, dueAt: null };
  if (task.status === "running") {
    const until = task.leaseUntil ?? now;
    return until <= now ? { task, dueAt: null } : { task: null, dueAt: until };
  }
  if (task.status !== "pending") return { task: null, dueAt: null };
  return isDue(task, now) ? { task, dueAt: null } : { task: null, dueAt: task.runAfter };
}

function isDue(task: Task, now: number): boolean {
  return task.runAfter <= now || task.cancelBy !== undefined;
}

function older(one: Task | null, other: Task): Task {
  return one !== null && one._creationTime <= other._creationTime ? one : other;
}

function earlier(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.min(one, other);
}

/** Whether its project, or that one's newest version, is not there any more: somebody removed it. */
async function isOrphaned(ctx: QueryCtx, task: Task): Promise<boolean> {
  const project = await findProject(ctx, task.projectId);
  if (project === null) return true;
  return project.head !== undefined && (await findFragment(ctx, project.head)) === null;
}

/** How a task ends that was to be claimed: somebody asked it to stop, or it was lost too often. */
function endingInstead(task: Task, lost: Ending): Ending | null {
  if (task.cancelBy !== undefined) return cancelled(task.cancelBy);
  return task.attempts >= MAX_ATTEMPTS ? lost : null;
}

async function start(
  ctx: MutationCtx,
  task: Task,
  claim: { workerId: string; key: string },
  now: number,
): Promise<Task> {
  const changes = {
    status: "running" as const,
    epoch: task.epoch + 1,
    attempts: task.attempts + 1,
    workerId: claim.workerId,
    claimKey: claim.key,
    leaseUntil: now + LEASE_MS,
    updatedAt: now,
  };
  await ctx.db.patch(task._id, changes);
  await startAnswer(ctx, task.taskId);
  await writeProgress(ctx, task.taskId, { status: "running" }, now);
  return { ...task, ...changes };
}

/** What an earlier try of the same claim took: its answer got lost. */
export async function takenBefore(
  ctx: QueryCtx,
  workerId: string,
  key: string,
): Promise<Task | null> {
  const held = await ctx.db
    .query("tasks")
    .withIndex("by_worker", (q) => q.eq("workerId", workerId))
    .collect(); // a worker holds a handful
  return held.find((task) => task.claimKey === key) ?? null;
}

/** Write the last events, settle everything of the task, and let the project's next one run. */
export async function endTask(
  ctx: MutationCtx,
  task: Task,
  ending: Ending,
  now: number,
  key?: string,
): Promise<number> {
  const lastSeq = await insertEvents(ctx, task.taskId, task.lastSeq, ending.events, now);
  await ctx.db.patch(task._id, {
    status: ending.status,
    lastSeq,
    blocked: false,
    leaseUntil: undefined,
    workerId: undefined,
    cancelBy: undefined,
    lastKey: key,
    updatedAt: now,
  });
  const type = ending.status === "complete" ? "RESULT" : "ERROR";
  await settleAnswer(ctx, task.taskId, type, ending.reply);
  await settleUsage(ctx, task.taskId, ending.status);
  await writeProgress(ctx, task.taskId, { ...ending.progress, status: ending.status }, now);
  if (!task.blocked) await unblockNext(ctx, task.projectId);
  return lastSeq;
}

async function unblockNext(ctx: MutationCtx, projectId: string): Promise<void> {
  const next = await openTask(ctx, projectId, "pending");
  if (next !== null) await ctx.db.patch(next._id, { blocked: false });
}

/** The ending of a task that somebody stopped. */
export function cancelled(by: string): Ending {
  const event = JSON.stringify({ kind: "task_cancelled", by });
  return {
    status: "cancelled",
    events: [{ kind: "task_cancelled", event }],
    reply: `Stopped by ${by}.`,
    progress: { message: "Stopped" },
  };
}
