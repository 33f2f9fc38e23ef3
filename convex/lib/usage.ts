/**
 * What tasks use, and on what terms new ones are let in.
 *
 * A task has one line from its acceptance on. What it takes in credits is reserved while it is open;
 * its end settles that, or gives it back where it failed or was stopped.
 */
import type { Infer } from "convex/values";
import { v } from "convex/values";

import type { Doc } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { refusal } from "./errors";
import { findProject } from "./projects";
import type { EventLine } from "./log";
import type { Task } from "./queue";

/** `WINDOW`, `OPEN_RETRY_S`, `TOP_PROJECTS` and `COUNTED_AT_MOST` of `bot/store/usage_port.py`. */
export const WINDOW_MS = 24 * 3_600 * 1_000;
export const OPEN_RETRY_MS = 30_000;
export const TOP_PROJECTS = 5;
export const COUNTED_AT_MOST = 1_000_000_000_000;

const HOUR_MS = 3_600_000;

/** So many of an owner's newest lines are added up: `ADDED_UP` of `bot/store/usage_port.py`. */
export const LINES_ADDED_UP = 10_000;

const rate = v.object({ key: v.string(), burst: v.number(), perHour: v.number() });

/** On what terms a task is accepted; what is left out is not limited. */
export const terms = v.object({
  credits: v.number(),
  allowance: v.optional(v.number()),
  maxOpen: v.optional(v.number()),
  rates: v.array(rate),
});

export type Terms = Infer<typeof terms>;

/** What tasks have used together; `builds` leaves out fixes and what came to nothing. */
export const tally = v.object({
  builds: v.number(),
  promptTokens: v.number(),
  completionTokens: v.number(),
  costUsd: v.number(),
});

type Tally = Infer<typeof tally>;

export const spentView = v.object({
  credits: v.number(),
  nextBackAt: v.optional(v.number()),
  day: tally,
  since: tally,
  projects: v.array(v.object({ projectId: v.string(), title: v.string(), tally })),
  atLeast: v.boolean(), // the tallies count the newest `LINES_ADDED_UP` tasks only
});

/** Lets one more task in. Throws `quota_exceeded`. */
export async function admit(
  ctx: MutationCtx,
  owner: string,
  terms: Terms,
  now: number,
): Promise<void> {
  const { credits, allowance, maxOpen, rates } = terms;
  if (credits > 0 && allowance !== undefined) {
    await requireCredits(ctx, owner, credits, allowance, now);
  }
  if (maxOpen !== undefined) await requireRoom(ctx, owner, maxOpen);
  for (const each of rates) await takeTurn(ctx, each, now);
}

async function requireCredits(
  ctx: QueryCtx,
  owner: string,
  wanted: number,
  allowance: number,
  now: number,
): Promise<void> {
  const counted = await countedLines(ctx, owner, now);
  let missing = counted.reduce((sum, line) => sum + line.credits, 0) + wanted - allowance;
  if (missing <= 0) return;
  let back = now + WINDOW_MS;
  for (const line of counted) {
    missing -= line.credits;
    if (missing <= 0) {
      back = line.at + WINDOW_MS;
      break;
    }
  }
  throw exceeded("credits", allowance, back - now);
}

/** The lines whose credits count now, oldest first. */
async function countedLines(ctx: QueryCtx, owner: string, now: number): Promise<Doc<"usage">[]> {
  const found: Doc<"usage">[] = [];
  for (const state of ["reserved", "settled"] as const) {
    const lines = await ctx.db
      .query("usage")
      .withIndex("by_state", (q) =>
        q
          .eq("owner", owner)
          .eq("state", state)
          .gt("at", now - WINDOW_MS),
      )
      .collect(); // as many as may be started in a day
    found.push(...lines.filter((line) => line.credits > 0));
  }
  return found.sort((one, other) => one.at - other.at);
}

async function requireRoom(ctx: QueryCtx, owner: string, maxOpen: number): Promise<void> {
  const open = await ctx.db
    .query("usage")
    .withIndex("by_state", (q) => q.eq("owner", owner).eq("state", "reserved"))
    .take(maxOpen);
  if (open.length >= maxOpen) throw exceeded("open", maxOpen, OPEN_RETRY_MS);
}

/** A bucket that is full may have no row. */
async function takeTurn(ctx: MutationCtx, rate: Terms["rates"][number], now: number) {
  const { key, burst, perHour } = rate;
  const row = await ctx.db
    .query("rateLimits")
    .withIndex("by_key", (q) => q.eq("key", key))
    .unique();
  const refilled = row === null ? 0 : (Math.max(0, now - row.at) * perHour) / HOUR_MS;
  const tokens = row === null ? burst : Math.min(burst, row.tokens + refilled);
  if (tokens < 1) throw exceeded("rate", burst, ((1 - tokens) * HOUR_MS) / perHour);
  const expiresAt = now + Math.ceil(((burst - tokens + 1) * HOUR_MS) / perHour);
  const left = { key, tokens: tokens - 1, at: now, expiresAt };
  if (row === null) await ctx.db.insert("rateLimits", left);
  else await ctx.db.replace(row._id, left);
}

function exceeded(limit: "credits" | "open" | "rate", allowed: number, waitMs: number) {
  return refusal("quota_exceeded", `the limit of ${limit} is reached`, { limit, allowed, waitMs });
}

/** Begins the line of a task that was let in. */
export async function reserve(ctx: MutationCtx, task: Task, credits: number): Promise<void> {
  const { taskId, owner, projectId, kind, createdAt } = task;
  await ctx.db.insert("usage", {
    ...{ taskId, owner, projectId, kind, state: "reserved", credits, at: createdAt },
    ...{ promptTokens: 0, completionTokens: 0, costUsd: 0 },
  });
}

/** What an open task has reserved is given back before its end. */
export async function giveUp(ctx: MutationCtx, owner: string, taskId: string): Promise<void> {
  const line = await findLine(ctx, taskId);
  if (line?.owner === owner && line.state === "reserved") {
    await ctx.db.patch(line._id, { state: "refunded" });
  }
}

async function findLine(ctx: QueryCtx, taskId: string): Promise<Doc<"usage"> | null> {
  return await ctx.db
    .query("usage")
    .withIndex("by_task", (q) => q.eq("taskId", taskId))
    .unique();
}

type Recorded = {
  usage: { prompt_tokens: number; completion_tokens: number; cost_usd: number };
};

/** Adds what model calls among these events have used. */
export async function noteUsage(
  ctx: MutationCtx,
  taskId: string,
  events: EventLine[],
): Promise<void> {
  const calls = events.filter(({ kind }) => kind === "usage_recorded");
  const line = calls.length === 0 ? null : await findLine(ctx, taskId);
  if (line === null) return;
  let { promptTokens, completionTokens, costUsd } = line;
  for (const { event } of calls) {
    const { usage } = JSON.parse(event ?? "") as Recorded;
    promptTokens += counted(usage.prompt_tokens);
    completionTokens += counted(usage.completion_tokens);
    costUsd += counted(usage.cost_usd);
  }
  await ctx.db.patch(line._id, { promptTokens, completionTokens, costUsd });
}

function counted(number: number): number {
  return Math.min(Math.max(number, 0), COUNTED_AT_MOST);
}

/** The task has ended: what it had reserved is used, or given back. */
export async function settleUsage(
  ctx: MutationCtx,
  taskId: string,
  status: "complete" | "failed" | "cancelled",
): Promise<void> {
  const line = await findLine(ctx, taskId);
  if (line?.state !== "reserved") return;
  await ctx.db.patch(line._id, { state: status === "complete" ? "settled" : "refunded" });
}

/** An owner's use: the credits that count now, the last day, and since a time. */
export async function spentOf(
  ctx: QueryCtx,
  owner: string,
  since: number,
  now: number,
): Promise<Infer<typeof spentView>> {
  const counted = await countedLines(ctx, owner, now);
  const day = now - WINDOW_MS;
  const found = await ctx.db
    .query("usage")
    .withIndex("by_owner", (q) => q.eq("owner", owner).gt("at", Math.min(day, since - 1)))
    .order("desc")
    .take(LINES_ADDED_UP + 1);
  const lines = found.slice(0, LINES_ADDED_UP);
  const later = lines.filter((line) => line.at >= since);
  return {
    credits: counted.reduce((sum, line) => sum + line.credits, 0),
    ...(counted[0] === undefined ? {} : { nextBackAt: counted[0].at + WINDOW_MS }),
    day: addUp(lines.filter((line) => line.at > day)),
    since: addUp(later),
    projects: await dearest(ctx, later),
    atLeast: found.length > LINES_ADDED_UP,
  };
}

function addUp(lines: Doc<"usage">[]): Tally {
  const none = { builds: 0, promptTokens: 0, completionTokens: 0, costUsd: 0 };
  return lines.reduce(
    (sum, line) => ({
      builds: sum.builds + (line.kind === "fix" || line.state === "refunded" ? 0 : 1),
      promptTokens: sum.promptTokens + line.promptTokens,
      completionTokens: sum.completionTokens + line.completionTokens,
      costUsd: sum.costUsd + line.costUsd,
    }),
    none,
  );
}

/** The projects that cost most; among equals those with most builds, then the newest used. */
async function dearest(ctx: QueryCtx, lines: Doc<"usage">[]) {
  const groups = new Map<string, Doc<"usage">[]>();
  for (const line of lines) {
    groups.set(line.projectId, [...(groups.get(line.projectId) ?? []), line]);
  }
  const ordered = [...groups]
    .map(([projectId, own]) => ({ projectId, tally: addUp(own), at: own[0]?.at ?? 0 }))
    .sort(
      (one, other) =>
        other.tally.costUsd - one.tally.costUsd ||
        other.tally.builds - one.tally.builds ||
        other.at - one.at ||
        (one.projectId < other.projectId ? -1 : 1),
    );
  const shown = [];
  for (const { projectId, tally } of ordered) {
    const project = await findProject(ctx, projectId);
    if (project !== null) shown.push({ projectId, title: project.title, tally });
    if (shown.length === TOP_PROJECTS) break;
  }
  return shown;
}

/** The plan that an owner is on, as their last token said. */
export async function findPlan(ctx: QueryCtx, owner: string): Promise<Doc<"plans"> | null> {
  return await ctx.db
    .query("plans")
    .withIndex("by_owner", (q) => q.eq("owner", owner))
    .unique();
}
