/** App versions: each has the whole app, as paths and hashes. */
import type { Infer } from "convex/values";
import { v } from "convex/values";

import type { Doc } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { PAGE_BYTES } from "./budget";
import { refusal } from "./errors";
import { hasFile } from "./files";
import { fileRef, fragmentFields, framework } from "./validators";

/** `Limits.files_per_fragment` of `bot/store/port.py`. */
export const MAX_FILES = 2_000;

/** A row of paths stays below 200 KB with the longest ones: 512 characters of four bytes. */
const PATHS_PER_ROW = 90;

export const fragmentView = v.object({ ...fragmentFields, files: v.array(fileRef) });

/** `next` is the cursor of the following page; absent on the last one. */
export const fragmentPage = v.object({
  fragments: v.array(fragmentView),
  next: v.optional(v.number()),
});

/** What a completed task leaves behind; the bytes of its files are stored already. */
export const newFragment = v.object({
  fragmentId: v.string(),
  title: v.string(),
  framework,
  files: v.array(fileRef),
  sandboxId: v.optional(v.string()),
  sandboxUrl: v.optional(v.string()),
});

export type FragmentView = Infer<typeof fragmentView>;

/** Throws `not_found`, also for one of another project. */
export async function requireFragment(
  ctx: QueryCtx,
  projectId: string,
  fragmentId: string,
): Promise<FragmentView> {
  const row = await findFragment(ctx, fragmentId);
  if (row === null || row.projectId !== projectId) {
    throw refusal("not_found", `there is no fragment ${fragmentId} in project ${projectId}`);
  }
  return await viewFragment(ctx, row);
}

export async function findFragment(
  ctx: QueryCtx,
  fragmentId: string,
): Promise<Doc<"fragments"> | null> {
  return await ctx.db
    .query("fragments")
    .withIndex("by_fragmentId", (q) => q.eq("fragmentId", fragmentId))
    .unique();
}

async function viewFragment(ctx: QueryCtx, row: Doc<"fragments">): Promise<FragmentView> {
  const { _id, _creationTime, ...fields } = row;
  const files = [];
  const rows = ctx.db
    .query("fragmentFiles")
    .withIndex("by_fragment", (q) => q.eq("fragmentId", row.fragmentId));
  for await (const part of rows) files.push(...part.files);
  return { ...fields, files };
}

/** Newest first, from before a cursor. */
export async function listFragments(
  ctx: QueryCtx,
  projectId: string,
  before: number,
): Promise<Infer<typeof fragmentPage>> {
  const rows = ctx.db
    .query("fragments")
    .withIndex("by_project", (q) => q.eq("projectId", projectId).lt("_creationTime", before))
    .order("desc");
  const fragments: FragmentView[] = [];
  let bytes = 0;
  let next = before;
  for await (const row of rows) {
    if (bytes >= PAGE_BYTES / 2) return { fragments, next };
    const fragment = await viewFragment(ctx, row);
    fragments.push(fragment);
    bytes += 200 + fragment.files.reduce((sum, file) => sum + file.path.length * 2 + 100, 0);
    next = row._creationTime;
  }
  return { fragments };
}

/**
 * Add a version and make it the project's head.
 *
 * Throws `store_error` for too many files, or one whose bytes are not stored.
 */
export async function insertFragment(
  ctx: MutationCtx,
  project: Doc<"projects">,
  fragment: Infer<typeof newFragment>,
  origin: { taskId?: string; messageId?: string; restoredFrom?: string },
  now: number,
): Promise<void> {
  const { files, ...fields } = fragment;
  await requireStored(ctx, files);
  await ctx.db.insert("fragments", {
    ...fields,
    ...origin,
    projectId: project.projectId,
    createdAt: now,
  });
  for (let n = 0; n * PATHS_PER_ROW < files.length; n += 1) {
    const part = files.slice(n * PATHS_PER_ROW, (n + 1) * PATHS_PER_ROW);
    await ctx.db.insert("fragmentFiles", { fragmentId: fields.fragmentId, n, files: part });
  }
  await ctx.db.patch(project._id, {
    head: fields.fragmentId,
    framework: fields.framework,
    sandboxId: fields.sandboxId,
    previewUrl: fields.sandboxUrl,
    updatedAt: now,
  });
}

async function requireStored(ctx: QueryCtx, files: Infer<typeof fileRef>[]): Promise<void> {
  if (files.length > MAX_FILES) {
    throw refusal("store_error", `an app of ${files.length} files is too large`);
  }
  const known = new Set<string>();
  for (const { path, hash } of files) {
    if (known.has(hash)) continue;
    if (!(await hasFile(ctx, hash))) {
      throw refusal("store_error", `the bytes of ${path} are not stored`);
    }
    known.add(hash);
  }
}
