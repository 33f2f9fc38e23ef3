/** Bytes by hash: the contents of apps, and what is too large for a log. */
import { v } from "convex/values";

import { ownerQuery, serviceMutation, serviceQuery } from "./lib/access";
import {
  chunkView,
  fileCursor,
  filePage,
  hasFile,
  missingFiles,
  putChunk,
  readFiles,
} from "./lib/files";
import { requireFragment } from "./lib/fragments";
import { requireProject } from "./lib/projects";

/** Stores chunks; those that are there already are left alone. */
export const put = serviceMutation({
  args: { chunks: v.array(chunkView) },
  returns: v.null(),
  handler: async (ctx, { chunks }) => {
    for (const chunk of chunks) await putChunk(ctx, chunk);
    return null;
  },
});

/** Which of these hashes are not stored. */
export const missing = serviceQuery({
  args: { hashes: v.array(v.string()) },
  returns: v.array(v.string()),
  handler: async (ctx, { hashes }) => await missingFiles(ctx, hashes),
});

/** The chunks of these files, in order, a page at a time. */
export const get = serviceQuery({
  args: { hashes: v.array(v.string()), from: fileCursor },
  returns: filePage,
  handler: async (ctx, { hashes, from }) => await readFiles(ctx, hashes, from),
});

/** One file of an app version, for its owner's frontend; null when the version has no such path. */
export const mine = ownerQuery({
  args: { projectId: v.string(), fragmentId: v.string(), path: v.string(), chunk: v.number() },
  returns: v.union(chunkView, v.null()),
  handler: async (ctx, { projectId, fragmentId, path, chunk }, owner) => {
    await requireProject(ctx, owner, projectId);
    const fragment = await requireFragment(ctx, projectId, fragmentId);
    const file = fragment.files.find((candidate) => candidate.path === path);
    if (file === undefined || !(await hasFile(ctx, file.hash))) return null;
    const page = await readFiles(ctx, [file.hash], { at: 0, chunk });
    return page.chunks[0] ?? null;
  },
});
