/** Links between Slack people and accounts, the ways to them, and the audit. */
import type { Infer } from "convex/values";
import { v } from "convex/values";

import type { Doc } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { auditFields, linkFields, linkRequestFields, slackPerson } from "./validators";

/** So many links are told of at once. */
export const MAX_LINKS = 1_000;

const AUDIT_MS = 400 * 24 * 3_600_000;

export const personObject = v.object(slackPerson);
export const linkView = v.object(linkFields);
export const linkRequestView = v.object(linkRequestFields);
export const auditView = v.object(auditFields);
export const linkRefusal = v.union(
  v.literal("gone"), // unknown, of another session, expired, or used
  v.literal("unproven"), // Slack has not said who it is for, or they have not agreed
  v.literal("taken"), // that person is linked to another account
);

type Person = Infer<typeof personObject>;

export function viewLink(row: Doc<"identities">): Infer<typeof linkView> {
  const { _id, _creationTime, ...view } = row;
  return view;
}

export function viewRequest(row: Doc<"linkRequests">): Infer<typeof linkRequestView> {
  const { _id, _creationTime, expiresAt, ...view } = row;
  return view;
}

export async function findLink(ctx: QueryCtx, person: Person): Promise<Doc<"identities"> | null> {
  return await ctx.db
    .query("identities")
    .withIndex("by_slack", (q) =>
      q
        .eq("enterpriseId", person.enterpriseId)
        .eq("teamId", person.teamId)
        .eq("slackUserId", person.slackUserId),
    )
    .unique();
}

export async function findLinkById(
  ctx: QueryCtx,
  linkId: string,
): Promise<Doc<"identities"> | null> {
  return await ctx.db
    .query("identities")
    .withIndex("by_linkId", (q) => q.eq("linkId", linkId))
    .unique();
}

/** By its hash, or its code's; null when its time is over. */
export async function findRequest(
  ctx: QueryCtx,
  name: string,
): Promise<Doc<"linkRequests"> | null> {
  const found =
    (await ctx.db
      .query("linkRequests")
      .withIndex("by_hash", (q) => q.eq("hash", name))
      .unique()) ??
    (await ctx.db
      .query("linkRequests")
      .withIndex("by_codeHash", (q) => q.eq("codeHash", name))
      .unique());
  return found === null || found.expiresAt <= Date.now() ? null : found;
}

export async function findWaiting(
  ctx: QueryCtx,
  person: Person,
): Promise<Doc<"waitingRequests"> | null> {
  return await ctx.db
    .query("waitingRequests")
    .withIndex("by_slack", (q) =>
      q
        .eq("enterpriseId", person.enterpriseId)
        .eq("teamId", person.teamId)
        .eq("slackUserId", person.slackUserId),
    )
    .unique();
}

export function subjectOf(person: Person): string {
  return `slack:${person.enterpriseId}:${person.teamId}:${person.slackUserId}`;
}

/** Keeps an entry; one of the same id stays as it is. */
export async function writeAudit(
  ctx: MutationCtx,
  auditId: string,
  entry: Omit<Infer<typeof auditView>, "at">,
): Promise<void> {
  const there = await ctx.db
    .query("audit")
    .withIndex("by_auditId", (q) => q.eq("auditId", auditId))
    .unique();
  if (there !== null) return;
  const at = Date.now();
  await ctx.db.insert("audit", { auditId, ...entry, at, expiresAt: at + AUDIT_MS });
}
