/** Apps. */
import { v } from "convex/values";

import { ownerQuery, serviceMutation, serviceQuery } from "./lib/access";
import {
  findProject,
  listProjects,
  projectView,
  requireProject,
  viewProject,
} from "./lib/projects";

const LIMIT = 1_000;

/** One app. */
export const get = serviceQuery({
  args: { owner: v.string(), projectId: v.string() },
  returns: projectView,
  handler: async (ctx, { owner, projectId }) =>
    viewProject(await requireProject(ctx, owner, projectId)),
});

/** An owner's apps, newest change first. */
export const list = serviceQuery({
  args: { owner: v.string(), limit: v.number() },
  returns: v.array(projectView),
  handler: async (ctx, { owner, limit }) =>
    (await listProjects(ctx, owner, Math.min(limit, LIMIT))).map(viewProject),
});

/** Notes where the project's app runs now, or nowhere, if it still runs where it `was`. */
export const setPreview = serviceMutation({
  args: {
    projectId: v.string(),
    was: v.optional(v.string()),
    sandboxId: v.optional(v.string()),
    previewUrl: v.optional(v.string()),
  },
  returns: v.null(),
  handler: async (ctx, { projectId, was, sandboxId, previewUrl }) => {
    const project = await findProject(ctx, projectId);
    if (project !== null && project.sandboxId === was) {
      await ctx.db.patch(project._id, { sandboxId, previewUrl });
    }
    return null;
  },
});

/** My apps, newest change first, for a frontend to subscribe to. */
export const mine = ownerQuery({
  args: {},
  returns: v.array(projectView),
  handler: async (ctx, _args, owner) => (await listProjects(ctx, owner, 100)).map(viewProject),
});
