/** Members of apps, and preferences, for our own processes. */
import { v } from "convex/values";

import { serviceMutation, serviceQuery } from "./lib/access";
import { refusal } from "./lib/errors";
import {
  findMember,
  findPreferences,
  insertMember,
  listMembers,
  memberView,
  preferencesView,
} from "./lib/people";
import { findProject } from "./lib/projects";
import { memberRole, preferenceFields } from "./lib/validators";

/** Who besides its owner may do what with an app. */
export const members = serviceQuery({
  args: { projectId: v.string() },
  returns: v.array(memberView),
  handler: async (ctx, { projectId }) => {
    const rows = await listMembers(ctx, projectId);
    return rows.map(({ member, role }) => ({ member, role }));
  },
});

/** Gives a member this role in place of an older one; without one it is taken away. */
export const setMember = serviceMutation({
  args: { projectId: v.string(), member: v.string(), role: v.optional(memberRole) },
  returns: v.null(),
  handler: async (ctx, { projectId, member, role }) => {
    if ((await findProject(ctx, projectId)) === null) {
      throw refusal("not_found", `there is no project ${projectId}`);
    }
    const there = await findMember(ctx, projectId, member);
    if (role === undefined) {
      if (there !== null) await ctx.db.delete(there._id);
    } else if (there !== null) {
      await ctx.db.patch(there._id, { role });
    } else {
      await insertMember(ctx, { projectId, member, role });
    }
    return null;
  },
});

/** What a person wants unless they say otherwise; null when nothing was kept. */
export const preferences = serviceQuery({
  args: { owner: v.string() },
  returns: v.union(preferencesView, v.null()),
  handler: async (ctx, { owner }) => {
    const row = await findPreferences(ctx, owner);
    if (row === null) return null;
    const { model, framework, others } = row;
    return { model, framework, others };
  },
});

/** Keeps all of a person's preferences in place of older ones. */
export const savePreferences = serviceMutation({
  args: { owner: v.string(), ...preferenceFields },
  returns: v.null(),
  handler: async (ctx, kept) => {
    const row = { ...kept, updatedAt: Date.now() };
    const there = await findPreferences(ctx, kept.owner);
    if (there === null) await ctx.db.insert("preferences", row);
    else await ctx.db.replace(there._id, row);
    return null;
  },
});
