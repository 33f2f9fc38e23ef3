/** The conversation of a project, in the order in which its rows were written. */
import type { Infer } from "convex/values";
import { v } from "convex/values";

import type { Doc } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { firstPage } from "./budget";
import { messageFields } from "./validators";

export const messageView = v.object(messageFields);

/** `next` is the cursor of the following page; absent on the last one. */
export const messagePage = v.object({
  messages: v.array(messageView),
  next: v.optional(v.number()),
});

type Message = Infer<typeof messageView>;

export function viewMessage(row: Doc<"messages">): Message {
  const { _id, _creationTime, ...view } = row;
  return view;
}

/** Oldest first, from behind a cursor. */
export async function listMessages(
  ctx: QueryCtx,
  projectId: string,
  after: number,
): Promise<Infer<typeof messagePage>> {
  const rows = ctx.db
    .query("messages")
    .withIndex("by_project", (q) => q.eq("projectId", projectId).gt("_creationTime", after));
  const page = await firstPage(rows, 1_000);
  const messages = page.items.map(viewMessage);
  return page.more ? { messages, next: page.items.at(-1)?._creationTime } : { messages };
}

export async function hasMessages(ctx: QueryCtx, projectId: string): Promise<boolean> {
  const first = await ctx.db
    .query("messages")
    .withIndex("by_project", (q) => q.eq("projectId", projectId))
    .first();
  return first !== null;
}

export async function insertMessage(ctx: MutationCtx, message: Message): Promise<void> {
  await ctx.db.insert("messages", message);
}

/** The task runs: its assistant's row is being written. */
export async function startAnswer(ctx: MutationCtx, taskId: string): Promise<void> {
  const answer = await findAnswer(ctx, taskId);
  if (answer?.status === "PENDING") await ctx.db.patch(answer._id, { status: "STREAMING" });
}

/** The task has ended: its assistant's row is what it will stay. */
export async function settleAnswer(
  ctx: MutationCtx,
  taskId: string,
  type: "RESULT" | "ERROR",
  content: string,
): Promise<void> {
  const answer = await findAnswer(ctx, taskId);
  if (answer !== null) await ctx.db.patch(answer._id, { status: "COMPLETE", type, content });
}

/** The assistant's row of a task. */
export async function findAnswer(ctx: QueryCtx, taskId: string): Promise<Doc<"messages"> | null> {
  const rows = await ctx.db
    .query("messages")
    .withIndex("by_task", (q) => q.eq("taskId", taskId))
    .take(2); // a task has a question and an answer
  return rows.find((row) => row.role === "ASSISTANT") ?? null;
}
