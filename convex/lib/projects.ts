/** Apps: what a project row holds, and whose it is. */
import type { Infer } from "convex/values";
import { v } from "convex/values";

import type { Doc } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { refusal } from "./errors";
import { projectFields } from "./validators";

export const projectView = v.object(projectFields);

/** The row as callers see it. */
export function viewProject(row: Doc<"projects">): Infer<typeof projectView> {
  const { _id, _creationTime, thread, preferences, ...view } = row;
  return view;
}

/** Throws `not_found`, also for a row of another owner. */
export async function requireProject(
  ctx: QueryCtx,
  owner: string,
  projectId: string,
): Promise<Doc<"projects">> {
  const project = await findProject(ctx, projectId);
  if (project === null || project.owner !== owner) {
    throw refusal("not_found", `there is no project ${projectId}`);
  }
  return project;
}

export async function findProject(
  ctx: QueryCtx,
  projectId: string,
): Promise<Doc<"projects"> | null> {
  return await ctx.db
    .query("projects")
    .withIndex("by_projectId", (q) => q.eq("projectId", projectId))
    .unique();
}

/** Newest change first, at most `limit`. */
export async function listProjects(
  ctx: QueryCtx,
  owner: string,
  limit: number,
): Promise<Doc<"projects">[]> {
  return await ctx.db
    .query("projects")
    .withIndex("by_owner", (q) => q.eq("owner", owner))
    .order("desc")
    .take(limit);
}

export async function insertProject(
  ctx: MutationCtx,
  project: { projectId: string; owner: string; title: string },
  now: number,
): Promise<void> {
  await ctx.db.insert("projects", { ...project, createdAt: now, updatedAt: now });
}
