/** App versions, and going back to one. */
import { v } from "convex/values";

import { ownerQuery, serviceMutation, serviceQuery } from "./lib/access";
import { refusal } from "./lib/errors";
import {
  findFragment,
  fragmentPage,
  fragmentView,
  insertFragment,
  listFragments,
  requireFragment,
} from "./lib/fragments";
import { requireProject } from "./lib/projects";
import { openTask } from "./lib/queue";

const fromTheNewest = Number.MAX_SAFE_INTEGER;

/** One version of an app, with its files. */
export const get = serviceQuery({
  args: { owner: v.string(), projectId: v.string(), fragmentId: v.string() },
  returns: fragmentView,
  handler: async (ctx, { owner, projectId, fragmentId }) => {
    await requireProject(ctx, owner, projectId);
    return await requireFragment(ctx, projectId, fragmentId);
  },
});

/** The versions of an app, newest first, from before a cursor. */
export const list = serviceQuery({
  args: { owner: v.string(), projectId: v.string(), before: v.optional(v.number()) },
  returns: fragmentPage,
  handler: async (ctx, { owner, projectId, before }) => {
    await requireProject(ctx, owner, projectId);
    return await listFragments(ctx, projectId, before ?? fromTheNewest);
  },
});

/** The same for its owner's frontend. */
export const mine = ownerQuery({
  args: { projectId: v.string(), before: v.optional(v.number()) },
  returns: fragmentPage,
  handler: async (ctx, { projectId, before }, owner) => {
    await requireProject(ctx, owner, projectId);
    return await listFragments(ctx, projectId, before ?? fromTheNewest);
  },
});

/**
 * Copies an old version to a new head; what runs now shows other files, so it is forgotten.
 * Idempotent by `newId`. Throws `seq_conflict` while a task of the project runs or is to go on.
 */
export const restore = serviceMutation({
  args: {
    owner: v.string(),
    projectId: v.string(),
    fragmentId: v.string(),
    newId: v.string(),
  },
  returns: fragmentView,
  handler: async (ctx, { owner, projectId, fragmentId, newId }) => {
    const project = await requireProject(ctx, owner, projectId);
    if ((await findFragment(ctx, newId)) !== null) {
      return await requireFragment(ctx, projectId, newId);
    }
    const old = await requireFragment(ctx, projectId, fragmentId);
    const waiting = await openTask(ctx, projectId, "pending");
    if ((await openTask(ctx, projectId, "running")) !== null || (waiting?.epoch ?? 0) > 0) {
      throw refusal("seq_conflict", "a task of this project is running, or about to go on");
    }
    const { title, framework, files } = old;
    const copy = { fragmentId: newId, title, framework, files };
    await insertFragment(ctx, project, copy, { restoredFrom: fragmentId }, Date.now());
    return await requireFragment(ctx, projectId, newId);
  },
});
