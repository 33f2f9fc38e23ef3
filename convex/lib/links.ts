/** Preview keys: one for each project. */
import type { Doc } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";

export async function findKey(
  ctx: QueryCtx,
  projectId: string,
): Promise<Doc<"previewKeys"> | null> {
  return await ctx.db
    .query("previewKeys")
    .withIndex("by_project", (q) => q.eq("projectId", projectId))
    .unique();
}

export async function setKey(ctx: MutationCtx, projectId: string, key: string): Promise<void> {
  const there = await findKey(ctx, projectId);
  if (there === null) await ctx.db.insert("previewKeys", { projectId, key });
  else await ctx.db.patch(there._id, { key });
}
