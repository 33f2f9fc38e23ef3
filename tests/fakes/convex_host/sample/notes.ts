import {
  actionGeneric as action,
  internalMutationGeneric as internalMutation,
  makeFunctionReference,
  mutationGeneric as mutation,
  queryGeneric as query,
} from "convex/server";
import { ConvexError, v } from "convex/values";

const insert = makeFunctionReference<"mutation">("notes:add");

export const add = mutation({
  args: { text: v.string(), extra: v.optional(v.any()) },
  handler: (ctx, { text, extra }) => ctx.db.insert("notes", { text, at: Date.now(), extra }),
});

export const patch = mutation({
  args: { id: v.id("notes"), extra: v.any() },
  handler: async (ctx, { id, extra }) => {
    await ctx.db.patch(id, { extra });
  },
});

export const count = query({
  args: {},
  handler: async (ctx) => (await ctx.db.query("notes").collect()).length,
});

export const find = query({
  args: { text: v.string() },
  handler: (ctx, { text }) =>
    ctx.db
      .query("notes")
      .withIndex("by_text", (q) => q.eq("text", text))
      .first(),
});

export const now = query({ args: {}, handler: async () => Date.now() });

export const me = query({ args: {}, handler: (ctx) => ctx.auth.getUserIdentity() });

export const echo = query({ args: { value: v.any() }, handler: async (_, { value }) => value });

export const make = query({
  args: { items: v.number() },
  handler: async (_, { items }) => new Array(items).fill(null),
});

export const fail = mutation({
  args: { text: v.string(), isTold: v.boolean() },
  handler: async (_, { text, isTold }) => {
    console.log(text);
    throw isTold ? new ConvexError({ code: text }) : new Error(text);
  },
});

export const wipe = internalMutation({
  args: {},
  handler: async (ctx) => {
    for (const note of await ctx.db.query("notes").collect()) await ctx.db.delete(note._id);
  },
});

export const addLater = mutation({
  args: { ms: v.number() },
  handler: async (ctx, { ms }) => {
    await ctx.scheduler.runAfter(ms, insert, { text: "later" });
  },
});

export const addTwice = action({
  args: {},
  handler: async (ctx) => {
    await ctx.runMutation(insert, { text: "once" });
    await ctx.runMutation(insert, { text: "twice" });
  },
});

export const addMany = mutation({
  args: { n: v.number() },
  handler: async (ctx, { n }) => {
    for (let i = 0; i < n; i += 1) await ctx.db.insert("notes", { text: `x${i}`, at: i });
  },
});
