/** Which account a Slack person is, for our own processes. */
import { v } from "convex/values";

import { serviceMutation, serviceQuery } from "./lib/access";
import {
  auditView,
  findLink,
  findLinkById,
  findRequest,
  findWaiting,
  linkRefusal,
  linkRequestView,
  linkView,
  MAX_LINKS,
  personObject,
  subjectOf,
  viewLink,
  viewRequest,
  writeAudit,
} from "./lib/identities";
import { linkRequestFields, slackPerson } from "./lib/validators";

const UNTOLD = 100;
const PAGE = 100;

/** The account that somebody is linked to, or null. */
export const linkOf = serviceQuery({
  args: slackPerson,
  returns: v.union(linkView, v.null()),
  handler: async (ctx, person) => {
    const row = await findLink(ctx, person);
    return row === null ? null : viewLink(row);
  },
});

/** Everybody who is linked in a workspace, the oldest first. */
export const linksOfTeam = serviceQuery({
  args: { teamId: v.string() },
  returns: v.array(linkView),
  handler: async (ctx, { teamId }) => {
    const rows = await ctx.db
      .query("identities")
      .withIndex("by_team", (q) => q.eq("teamId", teamId))
      .take(MAX_LINKS);
    return rows.map(viewLink);
  },
});

/** Everybody in Slack who is this Clerk user, the oldest first. */
export const linksOfAccount = serviceQuery({
  args: { clerkUserId: v.string() },
  returns: v.array(linkView),
  handler: async (ctx, { clerkUserId }) => {
    const rows = await ctx.db
      .query("identities")
      .withIndex("by_clerk", (q) => q.eq("clerkUserId", clerkUserId))
      .take(MAX_LINKS);
    return rows.map(viewLink);
  },
});

/** Everybody in Slack who asks for this tenant, the oldest first. */
export const linksOfOwner = serviceQuery({
  args: { owner: v.string() },
  returns: v.array(linkView),
  handler: async (ctx, { owner }) => {
    const rows = await ctx.db
      .query("identities")
      .withIndex("by_owner", (q) => q.eq("owner", owner))
      .take(MAX_LINKS);
    return rows.map(viewLink);
  },
});

/** The accounts that are linked, by their ids, from behind `after`; none once there are no more. */
export const linkedAccounts = serviceQuery({
  args: { after: v.string() },
  returns: v.array(v.string()),
  handler: async (ctx, { after }) => {
    const rows = await ctx.db
      .query("identities")
      .withIndex("by_clerk", (q) => q.gt("clerkUserId", after))
      .take(PAGE);
    return [...new Set(rows.map(({ clerkUserId }) => clerkUserId))];
  },
});

/** New links of which their people do not know yet, the oldest first. */
export const untoldLinks = serviceQuery({
  args: {},
  returns: v.array(linkView),
  handler: async (ctx) => {
    const rows = await ctx.db
      .query("identities")
      .withIndex("by_told", (q) => q.eq("told", false))
      .take(UNTOLD);
    return rows.map(viewLink);
  },
});

/** A link's person knows of it. */
export const noteTold = serviceMutation({
  args: { linkId: v.string() },
  returns: v.null(),
  handler: async (ctx, { linkId }) => {
    const row = await findLinkById(ctx, linkId);
    if (row !== null) await ctx.db.patch(row._id, { told: true });
    return null;
  },
});

const { person: _person, personName: _name, agreed: _agreed, ...begun } = linkRequestFields;

/** Begins a linking in place of an older one of the same account. */
export const beginLink = serviceMutation({
  args: { ...begun, keepMs: v.number() },
  returns: v.null(),
  handler: async (ctx, { keepMs, ...request }) => {
    const older = await ctx.db
      .query("linkRequests")
      .withIndex("by_clerk", (q) => q.eq("clerkUserId", request.clerkUserId))
      .collect();
    for (const row of older) await ctx.db.delete(row._id);
    const expiresAt = Date.now() + keepMs;
    await ctx.db.insert("linkRequests", { ...request, personName: "", agreed: false, expiresAt });
    return null;
  },
});

/** The linkings under way of an account are over, or only those for one tenant. */
export const dropLinkRequests = serviceMutation({
  args: { clerkUserId: v.string(), owner: v.optional(v.string()) },
  returns: v.null(),
  handler: async (ctx, { clerkUserId, owner }) => {
    const rows = await ctx.db
      .query("linkRequests")
      .withIndex("by_clerk", (q) => q.eq("clerkUserId", clerkUserId))
      .collect();
    for (const row of rows)
      if (owner === undefined || row.owner === owner) await ctx.db.delete(row._id);
    return null;
  },
});

/** A linking under way, by its hash or its code's. */
export const linkRequest = serviceQuery({
  args: { name: v.string() },
  returns: v.union(linkRequestView, v.null()),
  handler: async (ctx, { name }) => {
    const row = await findRequest(ctx, name);
    return row === null ? null : viewRequest(row);
  },
});

/** Slack says who it is for; the first person stays. */
export const proveLink = serviceMutation({
  args: { name: v.string(), person: personObject, personName: v.string(), agreed: v.boolean() },
  returns: v.union(linkRequestView, v.null()),
  handler: async (ctx, { name, person, personName, agreed }) => {
    const row = await findRequest(ctx, name);
    if (row === null) return null;
    if (row.person !== undefined && subjectOf(row.person) !== subjectOf(person)) return null;
    const proven = { person, personName, agreed: agreed || row.agreed };
    await ctx.db.patch(row._id, proven);
    return { ...viewRequest(row), ...proven };
  },
});

/** Uses the request up and writes link and audit, all or nothing. */
export const confirmLink = serviceMutation({
  args: {
    hash: v.string(),
    sessionId: v.string(),
    clerkUserId: v.string(),
    owner: v.string(),
    accountName: v.string(),
    linkId: v.string(),
  },
  returns: v.union(linkView, linkRefusal),
  handler: async (ctx, { hash, sessionId, linkId, ...account }) => {
    const made = await findLinkById(ctx, linkId);
    if (made !== null) return viewLink(made); // sent a second time
    const request = await findRequest(ctx, hash);
    if (
      request === null ||
      request.hash !== hash ||
      request.sessionId !== sessionId ||
      request.clerkUserId !== account.clerkUserId
    ) {
      return "gone";
    }
    const { person, personName } = request;
    if (person === undefined || !request.agreed) return "unproven";
    const there = await findLink(ctx, person);
    if (there !== null && there.clerkUserId !== account.clerkUserId) return "taken";
    const link = { ...person, ...account, personName, linkId, linkedAt: Date.now(), told: false };
    await ctx.db.delete(request._id);
    if (there === null) await ctx.db.insert("identities", link);
    else {
      await ctx.db.replace(there._id, link);
      await writeAudit(ctx, `ended:${there.linkId}:${linkId}`, {
        owner: there.owner,
        actor: account.clerkUserId,
        action: "link.ended",
        subject: subjectOf(person),
      });
    }
    await writeAudit(ctx, `made:${linkId}`, {
      owner: account.owner,
      actor: account.clerkUserId,
      action: "link.made",
      subject: subjectOf(person),
    });
    return link;
  },
});

/** Ends exactly this link; what has ended already has (`true` for who ended it). */
export const unlink = serviceMutation({
  args: { ...slackPerson, linkId: v.string(), by: v.string(), key: v.string() },
  returns: v.boolean(),
  handler: async (ctx, { linkId, by, key, ...person }) => {
    const ended = await ctx.db
      .query("audit")
      .withIndex("by_auditId", (q) => q.eq("auditId", `ended:${linkId}:${key}`))
      .unique();
    if (ended !== null) return true; // sent a second time
    const there = await findLink(ctx, person);
    if (there?.linkId !== linkId) return false;
    await ctx.db.delete(there._id);
    await writeAudit(ctx, `ended:${linkId}:${key}`, {
      owner: there.owner,
      actor: by,
      action: "link.ended",
      subject: subjectOf(person),
    });
    return true;
  },
});

/** Keeps what somebody asked for, in place of what they asked before. */
export const keepWaiting = serviceMutation({
  args: { ...slackPerson, request: v.string(), keepMs: v.number() },
  returns: v.null(),
  handler: async (ctx, { request, keepMs, ...person }) => {
    const row = { ...person, request, expiresAt: Date.now() + keepMs };
    const there = await findWaiting(ctx, person);
    if (there === null) await ctx.db.insert("waitingRequests", row);
    else await ctx.db.replace(there._id, row);
    return null;
  },
});

/** What waits for somebody's link, or null. */
export const waiting = serviceQuery({
  args: slackPerson,
  returns: v.union(v.string(), v.null()),
  handler: async (ctx, person) => {
    const row = await findWaiting(ctx, person);
    return row === null || row.expiresAt <= Date.now() ? null : row.request;
  },
});

/** What waited was begun; another request goes on waiting. */
export const dropWaiting = serviceMutation({
  args: { ...slackPerson, request: v.string() },
  returns: v.null(),
  handler: async (ctx, { request, ...person }) => {
    const there = await findWaiting(ctx, person);
    if (there?.request === request) await ctx.db.delete(there._id);
    return null;
  },
});

/** Keeps who did what. */
export const note = serviceMutation({
  args: {
    auditId: v.string(),
    owner: v.string(),
    actor: v.string(),
    action: v.string(),
    subject: v.string(),
  },
  returns: v.null(),
  handler: async (ctx, { auditId, ...entry }) => {
    await writeAudit(ctx, auditId, entry);
    return null;
  },
});

/** What was done in a tenant, the newest first. */
export const audit = serviceQuery({
  args: { owner: v.string(), limit: v.number() },
  returns: v.array(auditView),
  handler: async (ctx, { owner, limit }) => {
    const rows = await ctx.db
      .query("audit")
      .withIndex("by_owner", (q) => q.eq("owner", owner))
      .order("desc")
      .take(limit);
    return rows.map(({ actor, action, subject, at }) => ({ owner, actor, action, subject, at }));
  },
});
