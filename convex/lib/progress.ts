/** The fold of a log as one row, for live queries of a frontend. The log itself is the truth. */
import type { Infer } from "convex/values";
import { v } from "convex/values";

import type { Doc } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { progressFields, type progressPatch } from "./validators";

export const progressView = v.object(progressFields);

export type ProgressPatch = Infer<typeof progressPatch>;
type Status = Doc<"taskProgress">["status"];

export function viewProgress(row: Doc<"taskProgress">): Infer<typeof progressView> {
  const { _id, _creationTime, ...view } = row;
  return view;
}

export async function findProgress(
  ctx: QueryCtx,
  taskId: string,
): Promise<Doc<"taskProgress"> | null> {
  return await ctx.db
    .query("taskProgress")
    .withIndex("by_taskId", (q) => q.eq("taskId", taskId))
    .unique();
}

export async function startProgress(ctx: MutationCtx, task: Doc<"tasks">): Promise<void> {
  await ctx.db.insert("taskProgress", {
    taskId: task.taskId,
    projectId: task.projectId,
    owner: task.owner,
    status: "pending",
    stage: "queued",
    message: "Waiting for a worker",
    streamedContent: "",
    files: [],
    createdAt: task.createdAt,
    updatedAt: task.createdAt,
  });
}

export async function writeProgress(
  ctx: MutationCtx,
  taskId: string,
  patch: ProgressPatch & { status?: Status },
  now: number,
): Promise<void> {
  const row = await findProgress(ctx, taskId);
  if (row !== null) await ctx.db.patch(row._id, { ...patch, updatedAt: now });
}
