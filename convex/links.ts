/** The keys of preview links, for our own processes. */
import { v } from "convex/values";

import { serviceMutation, serviceQuery } from "./lib/access";
import { refusal } from "./lib/errors";
import { findKey, setKey } from "./lib/links";
import {
  findProject,
  listProjects,
  projectView,
  requireProject,
  viewProject,
} from "./lib/projects";

const LIMIT = 1_000;

/** The project's key; `fresh` becomes it where there is none. */
export const previewKey = serviceMutation({
  args: { projectId: v.string(), fresh: v.string() },
  returns: v.string(),
  handler: async (ctx, { projectId, fresh }) => {
    if ((await findProject(ctx, projectId)) === null) {
      throw refusal("not_found", `there is no project ${projectId}`);
    }
    const there = await findKey(ctx, projectId);
    if (there !== null) return there.key;
    await setKey(ctx, projectId, fresh);
    return fresh;
  },
});

/** The keys of an owner's newest projects. */
export const previewKeys = serviceQuery({
  args: { owner: v.string() },
  returns: v.array(v.object({ projectId: v.string(), key: v.string() })),
  handler: async (ctx, { owner }) => {
    const projects = await listProjects(ctx, owner, LIMIT);
    const found = await Promise.all(projects.map(({ projectId }) => findKey(ctx, projectId)));
    return found.flatMap((row) =>
      row === null ? [] : [{ projectId: row.projectId, key: row.key }],
    );
  },
});

/** From now on the key is `fresh`, and the old one opens nothing. */
export const renewPreviewKey = serviceMutation({
  args: { owner: v.string(), projectId: v.string(), fresh: v.string() },
  returns: v.null(),
  handler: async (ctx, { owner, projectId, fresh }) => {
    await requireProject(ctx, owner, projectId);
    await setKey(ctx, projectId, fresh);
    return null;
  },
});

/** Whose key this is, or null. */
export const projectOfKey = serviceQuery({
  args: { key: v.string() },
  returns: v.union(projectView, v.null()),
  handler: async (ctx, { key }) => {
    const found = await ctx.db
      .query("previewKeys")
      .withIndex("by_key", (q) => q.eq("key", key))
      .unique();
    const project = found === null ? null : await findProject(ctx, found.projectId);
    return project === null ? null : viewProject(project);
  },
});
