/**
 * Every table: who writes it, who reads it, when its rows are deleted.
 *
 * Our own ids (`task_…`, `proj_…`) name rows everywhere outside; Convex's `_id` never leaves. No
 * document comes near 1 MiB: what can be large is split into rows, or stored as a file by hash.
 */
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

import {
  auditFields,
  deliveryFields,
  eventLine,
  fileRef,
  fragmentFields,
  framework,
  linkFields,
  linkRequestFields,
  memberRole,
  messageFields,
  preferenceFields,
  progressFields,
  projectFields,
  slackPerson,
  slackThread,
  taskFields,
  taskKind,
} from "./lib/validators";

/** Rows of these tables are deleted by `retention.sweep` once their time is over. */
const expiring = { expiresAt: v.number() };

export default defineSchema({
  // Apps. Written by tasks.enqueue (new), tasks.complete, fragments.restore, projects.setPreview.
  // Read by every project page, by claim, and as the access check of all the rest. Deleted: never.
  projects: defineTable({
    ...projectFields,
    thread: v.optional(slackThread),
    preferences: v.optional(
      v.object({ model: v.optional(v.string()), framework: v.optional(framework) }),
    ),
  })
    .index("by_projectId", ["projectId"])
    .index("by_owner", ["owner", "updatedAt"])
    .index("by_thread", ["thread.teamId", "thread.channelId", "thread.threadTs"]),

  // Who may do what on a project besides its owner. Written by sharing (Slack threads, console).
  // Read by the checks of buttons and replies. Deleted with the membership.
  members: defineTable({
    projectId: v.string(),
    member: v.string(),
    role: memberRole,
    addedAt: v.number(),
  })
    .index("by_project", ["projectId", "member"])
    .index("by_member", ["member"]),

  // What a person wants unless they say otherwise. Written by their settings. Read when they ask for
  // something. Deleted: never.
  preferences: defineTable({
    owner: v.string(),
    ...preferenceFields,
    updatedAt: v.number(),
  }).index("by_owner", ["owner"]),

  // What opens a project's preview. Written when its link is first given to somebody, and when it
  // is renewed. Read by whoever follows the link. Deleted: never.
  previewKeys: defineTable({ projectId: v.string(), key: v.string() })
    .index("by_project", ["projectId"])
    .index("by_key", ["key"]),

  // The conversation. Written by tasks.enqueue (both rows of a task, and seeds), claim and the
  // ending of a task (the assistant's row). Read by claim (history) and the project page.
  // Deleted: never.
  messages: defineTable(messageFields)
    .index("by_project", ["projectId"])
    .index("by_task", ["taskId"]),

  // App versions. Written by tasks.complete and fragments.restore, never changed. Read by claim
  // (what a follow-up starts from), files, history, restore. Deleted: never.
  fragments: defineTable(fragmentFields)
    .index("by_fragmentId", ["fragmentId"])
    .index("by_project", ["projectId"]),

  // Which bytes each path of a version has, up to 90 paths a row. Written, read and deleted
  // with its fragment.
  fragmentFiles: defineTable({
    fragmentId: v.string(),
    n: v.number(),
    files: v.array(fileRef),
  }).index("by_fragment", ["fragmentId", "n"]),

  // The files that are whole, without their bytes: looking whether one is there must not read it.
  // Written with its last chunk. Read before files are sent and when an app is saved. Deleted: never.
  fileHeads: defineTable({ hash: v.string(), chunks: v.number(), size: v.number() }).index(
    "by_hash",
    ["hash"],
  ),

  // Bytes by SHA-256, in chunks of at most 256 KiB. Written by a running task before the event that
  // names them. Read by whoever shows or rebuilds an app. Deleted: never, as logs refer to them too.
  files: defineTable({
    hash: v.string(),
    chunk: v.number(),
    chunks: v.number(),
    size: v.number(),
    bytes: v.bytes(),
  }).index("by_hash", ["hash", "chunk"]),

  // The queue. `blocked`: an earlier task of the project is open. `claimKey`, `lastKey`: the
  // idempotency keys of the claim and of the holder's newest write. Written by every function of
  // tasks.ts and by streaming.append. Read by claim and by every access to a log. Deleted: never.
  tasks: defineTable({
    ...taskFields,
    blocked: v.boolean(),
    claimKey: v.optional(v.string()),
    lastKey: v.optional(v.string()),
  })
    .index("by_taskId", ["taskId"])
    .index("by_origin", ["owner", "origin"])
    .index("by_status", ["status", "blocked"])
    .index("by_lease", ["status", "leaseUntil"])
    .index("by_worker", ["workerId"])
    .index("by_project", ["projectId", "status"])
    .index("by_age", ["projectId"]),

  // The logs: a row for each append, or several when it is large; seqs have no gaps. Written by
  // tasks.enqueue (seq 1), streaming.append and the ending of a task. Read by cursor. Never
  // changed. Deleted: never.
  taskEvents: defineTable({
    taskId: v.string(),
    firstSeq: v.number(),
    lastSeq: v.number(),
    at: v.number(),
    v: v.number(),
    events: v.array(eventLine),
  }).index("by_task", ["taskId", "lastSeq"]),

  // The fold of each log, for live queries of a frontend. Written with the events it follows
  // from, or by streaming.updateProgress. Read by streaming.getProgress. Deleted: never.
  taskProgress: defineTable(progressFields)
    .index("by_taskId", ["taskId"])
    .index("by_status", ["status"]),

  // Which Clerk account a Slack user is; `told`: they know of it. Written by linking and unlinking.
  // Read before anything runs for a Slack user. Deleted by unlinking, `user.deleted`, uninstall.
  identities: defineTable(linkFields)
    .index("by_slack", ["enterpriseId", "teamId", "slackUserId"])
    .index("by_linkId", ["linkId"])
    .index("by_team", ["teamId"])
    .index("by_clerk", ["clerkUserId"])
    .index("by_owner", ["owner"])
    .index("by_told", ["told"]),

  // Linkings under way. Written by the link page, Slack's answer and `link CODE`. Read by them.
  // Deleted by the confirmation, by the next one of the same account, or by retention.
  linkRequests: defineTable({ ...linkRequestFields, ...expiring })
    .index("by_hash", ["hash"])
    .index("by_codeHash", ["codeHash"])
    .index("by_clerk", ["clerkUserId"])
    .index("by_expiry", ["expiresAt"]),

  // What a person asked for before they were linked, one each. Written at the wall. Read and
  // deleted once they are linked, or deleted by retention.
  waitingRequests: defineTable({ ...slackPerson, request: v.string(), ...expiring })
    .index("by_slack", ["enterpriseId", "teamId", "slackUserId"])
    .index("by_expiry", ["expiresAt"]),

  // Workspaces that installed the app; tokens are encrypted before they come here. Written by
  // OAuth and token rotation. Read by authorize. Deleted by uninstall.
  installations: defineTable({
    enterpriseId: v.string(),
    teamId: v.string(),
    sealed: v.string(),
    updatedAt: v.number(),
  }).index("by_team", ["enterpriseId", "teamId"]),

  // OAuth and sign-in states. Written when somebody is sent away, read and used when they come
  // back. Deleted by retention.
  oauthStates: defineTable({
    state: v.string(),
    by: v.optional(v.string()),
    data: v.string(),
    ...expiring,
  })
    .index("by_state", ["state"])
    .index("by_expiry", ["expiresAt"]),

  // A task's live message in Slack, and the outbox: a row without `ended` is still to be delivered.
  // Written by tasks.enqueue and the workspace's writer. Read by it, also after a restart. Deleted
  // by retention, 30 days after its end.
  deliveries: defineTable({ ...deliveryFields, expiresAt: v.optional(v.number()) })
    .index("by_task", ["taskId"])
    .index("by_ended", ["ended", "teamId"])
    .index("by_expiry", ["expiresAt"]),

  // What one process holds at a time, such as a workspace's writer. Written and read by who wants
  // it. Deleted when it is let go.
  locks: defineTable({ name: v.string(), holder: v.string(), until: v.number() }).index("by_name", [
    "name",
  ]),

  // Where imported projects came from. Written by an import, read by its report. Deleted: never.
  imports: defineTable({
    taskId: v.string(),
    projectId: v.string(),
    source: v.union(v.literal("github"), v.literal("figma")),
    url: v.string(),
    report: v.string(),
    createdAt: v.number(),
  }).index("by_project", ["projectId"]),

  // What each task uses, a line each: reserved while it is open, then settled, or refunded. Written
  // by tasks.enqueue, streaming.append and the ending of a task. Read by tasks.enqueue (what is
  // left) and by who looks at their use. Deleted: never.
  usage: defineTable({
    taskId: v.string(),
    owner: v.string(),
    projectId: v.string(),
    kind: taskKind,
    state: v.union(v.literal("reserved"), v.literal("settled"), v.literal("refunded")),
    credits: v.number(),
    promptTokens: v.number(),
    completionTokens: v.number(),
    costUsd: v.number(),
    at: v.number(),
  })
    .index("by_owner", ["owner", "at"])
    .index("by_state", ["owner", "state", "at"])
    .index("by_task", ["taskId"]),

  // Which plan an owner is on, as their last token said. Written when they come with another one.
  // Read when work is started for them. Deleted: never.
  plans: defineTable({ owner: v.string(), plan: v.string(), updatedAt: v.number() }).index(
    "by_owner",
    ["owner"],
  ),

  // Token buckets. Written and read by tasks.enqueue. Deleted by retention when full.
  rateLimits: defineTable({ key: v.string(), tokens: v.number(), at: v.number(), ...expiring })
    .index("by_key", ["key"])
    .index("by_expiry", ["expiresAt"]),

  // Events of Slack and webhooks that were counted, and sessions that have ended. Written and read
  // when one arrives; the latter are looked for by who has streams open. Deleted by retention.
  seenEvents: defineTable({ key: v.string(), by: v.string(), ...expiring })
    .index("by_key", ["key"])
    .index("by_expiry", ["expiresAt"]),

  // Who did what that matters (links, installs, rights). Written by those, read by admins.
  // Deleted by retention after 400 days.
  audit: defineTable({ auditId: v.string(), ...auditFields, ...expiring })
    .index("by_auditId", ["auditId"])
    .index("by_owner", ["owner", "at"])
    .index("by_expiry", ["expiresAt"]),
});
