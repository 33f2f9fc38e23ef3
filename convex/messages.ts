/** Conversations. */
import { v } from "convex/values";

import { ownerQuery, serviceQuery } from "./lib/access";
import { listMessages, messagePage } from "./lib/messages";
import { requireProject } from "./lib/projects";

/** A project's conversation, oldest first, from behind a cursor. */
export const list = serviceQuery({
  args: { owner: v.string(), projectId: v.string(), after: v.optional(v.number()) },
  returns: messagePage,
  handler: async (ctx, { owner, projectId, after }) => {
    await requireProject(ctx, owner, projectId);
    return await listMessages(ctx, projectId, after ?? 0);
  },
});

/** The same for its owner's frontend. */
export const mine = ownerQuery({
  args: { projectId: v.string(), after: v.optional(v.number()) },
  returns: messagePage,
  handler: async (ctx, { projectId, after }, owner) => {
    await requireProject(ctx, owner, projectId);
    return await listMessages(ctx, projectId, after ?? 0);
  },
});
