/** People: who may do what with an app, and what each of them wants. */
import { v } from "convex/values";

import type { Doc } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { refusal } from "./errors";
import { memberRole, preferenceFields } from "./validators";

/** So many may be named for one app, besides its owner. */
export const MAX_MEMBERS = 200;

export const memberView = v.object({ member: v.string(), role: memberRole });
export const preferencesView = v.object(preferenceFields);

export async function listMembers(ctx: QueryCtx, projectId: string): Promise<Doc<"members">[]> {
  return await ctx.db
    .query("members")
    .withIndex("by_project", (q) => q.eq("projectId", projectId))
    .take(MAX_MEMBERS);
}

export async function findMember(
  ctx: QueryCtx,
  projectId: string,
  member: string,
): Promise<Doc<"members"> | null> {
  return await ctx.db
    .query("members")
    .withIndex("by_project", (q) => q.eq("projectId", projectId).eq("member", member))
    .unique();
}

/** Throws `bad_request` when the app has as many as it may. */
export async function insertMember(
  ctx: MutationCtx,
  member: Pick<Doc<"members">, "projectId" | "member" | "role">,
): Promise<void> {
  if ((await listMembers(ctx, member.projectId)).length >= MAX_MEMBERS) {
    throw refusal("bad_request", `An app has at most ${MAX_MEMBERS} members besides its owner.`);
  }
  await ctx.db.insert("members", { ...member, addedAt: Date.now() });
}

export async function findPreferences(
  ctx: QueryCtx,
  owner: string,
): Promise<Doc<"preferences"> | null> {
  return await ctx.db
    .query("preferences")
    .withIndex("by_owner", (q) => q.eq("owner", owner))
    .unique();
}
