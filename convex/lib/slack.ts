/** Slack's side: which project a thread is about, live messages, what was seen, who holds what. */
import type { Infer } from "convex/values";
import { v } from "convex/values";

import type { Doc } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { findProject } from "./projects";
import type { Task } from "./queue";
import { deliveryFields, type slackThread } from "./validators";

/** So many workspaces are answered at once; each is one read of one row. */
export const PAGE_WORKSPACES = 200;

export const deliveryView = v.object(deliveryFields);
export const workspacePage = v.object({ teamIds: v.array(v.string()), more: v.boolean() });

type Thread = Infer<typeof slackThread>;

export function viewDelivery(row: Doc<"deliveries">): Infer<typeof deliveryView> {
  const { _id, _creationTime, expiresAt, ...view } = row;
  return view;
}

export async function findThread(ctx: QueryCtx, thread: Thread): Promise<Doc<"projects"> | null> {
  return await ctx.db
    .query("projects")
    .withIndex("by_thread", (q) =>
      q
        .eq("thread.teamId", thread.teamId)
        .eq("thread.channelId", thread.channelId)
        .eq("thread.threadTs", thread.threadTs),
    )
    .unique();
}

/** The thread is about this project, unless one of the two is taken. */
export async function bindThread(
  ctx: MutationCtx,
  projectId: string,
  thread: Thread,
): Promise<void> {
  const project = await findProject(ctx, projectId);
  if (project === null || project.thread !== undefined) return;
  if ((await findThread(ctx, thread)) === null) await ctx.db.patch(project._id, { thread });
}

/** Says where an accepted task is shown. */
export async function insertDelivery(
  ctx: MutationCtx,
  task: Task,
  origin: Thread & { userId: string },
): Promise<void> {
  const { taskId, projectId, owner, createdAt } = task;
  await ctx.db.insert("deliveries", { taskId, projectId, owner, createdAt, ...origin });
  if (origin.threadTs !== "") {
    const { teamId, channelId, threadTs } = origin;
    await bindThread(ctx, projectId, { teamId, channelId, threadTs });
  }
}

/** Steps from each workspace to the next one: how many messages each has open does not count. */
export async function listOpenWorkspaces(
  ctx: QueryCtx,
  after: string,
): Promise<Infer<typeof workspacePage>> {
  const teamIds: string[] = [];
  let last = after;
  while (teamIds.length < PAGE_WORKSPACES) {
    const next = await ctx.db
      .query("deliveries")
      .withIndex("by_ended", (q) => q.eq("ended", undefined).gt("teamId", last))
      .first();
    if (next === null) return { teamIds, more: false };
    last = next.teamId;
    teamIds.push(last);
  }
  return { teamIds, more: true };
}

export async function findDelivery(
  ctx: QueryCtx,
  taskId: string,
): Promise<Doc<"deliveries"> | null> {
  return await ctx.db
    .query("deliveries")
    .withIndex("by_task", (q) => q.eq("taskId", taskId))
    .unique();
}

export async function findInstallation(
  ctx: QueryCtx,
  enterpriseId: string,
  teamId: string,
): Promise<Doc<"installations"> | null> {
  return await ctx.db
    .query("installations")
    .withIndex("by_team", (q) => q.eq("enterpriseId", enterpriseId).eq("teamId", teamId))
    .unique();
}

export async function findState(ctx: QueryCtx, state: string): Promise<Doc<"oauthStates"> | null> {
  return await ctx.db
    .query("oauthStates")
    .withIndex("by_state", (q) => q.eq("state", state))
    .unique();
}
