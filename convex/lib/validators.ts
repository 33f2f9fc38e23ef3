/** The shapes of rows and of what functions take and answer. Times are milliseconds since 1970. */
import { v } from "convex/values";

export const taskKind = v.union(v.literal("generate"), v.literal("fix"), v.literal("import"));

export const taskStatus = v.union(
  v.literal("pending"),
  v.literal("running"),
  v.literal("complete"),
  v.literal("failed"),
  v.literal("cancelled"),
);

/** As the database of existing frontends writes them. */
export const framework = v.union(
  v.literal("NEXTJS"),
  v.literal("REACT"),
  v.literal("VUE"),
  v.literal("ANGULAR"),
  v.literal("SVELTE"),
);

export const role = v.union(v.literal("USER"), v.literal("ASSISTANT"));
/** What somebody besides its owner may do with an app. */
export const memberRole = v.union(v.literal("editor"), v.literal("viewer"));

export const projectFields = {
  projectId: v.string(),
  owner: v.string(),
  title: v.string(),
  framework: v.optional(framework),
  head: v.optional(v.string()),
  sandboxId: v.optional(v.string()),
  previewUrl: v.optional(v.string()),
  createdAt: v.number(),
  updatedAt: v.number(),
};

/** What a person wants unless they say otherwise; what is left out is the server's choice. */
export const preferenceFields = {
  model: v.optional(v.string()),
  framework: v.optional(framework),
  others: memberRole,
};

export const messageFields = {
  messageId: v.string(),
  projectId: v.string(),
  taskId: v.optional(v.string()),
  role,
  type: v.union(v.literal("RESULT"), v.literal("ERROR"), v.literal("STREAMING")),
  status: v.union(v.literal("PENDING"), v.literal("STREAMING"), v.literal("COMPLETE")),
  content: v.string(),
  createdAt: v.number(),
};

export const fragmentFields = {
  fragmentId: v.string(),
  projectId: v.string(),
  taskId: v.optional(v.string()),
  messageId: v.optional(v.string()),
  title: v.string(),
  framework,
  sandboxId: v.optional(v.string()),
  sandboxUrl: v.optional(v.string()),
  restoredFrom: v.optional(v.string()),
  createdAt: v.number(),
};

/** One path of an app version; `hash` is the SHA-256 of its bytes, in lower-case hex. */
export const fileRef = v.object({ path: v.string(), hash: v.string() });

export const taskFields = {
  taskId: v.string(),
  projectId: v.string(),
  owner: v.string(),
  kind: taskKind,
  status: taskStatus,
  prompt: v.string(),
  model: v.string(),
  framework: v.optional(framework),
  requestedBy: v.string(),
  origin: v.optional(v.string()),
  epoch: v.number(),
  attempts: v.number(),
  runAfter: v.number(),
  leaseUntil: v.optional(v.number()),
  workerId: v.optional(v.string()),
  cancelBy: v.optional(v.string()),
  lastSeq: v.number(),
  createdAt: v.number(),
  updatedAt: v.number(),
};

/** A claim: this worker, this epoch. Every write of a running task carries it. */
export const lease = v.object({ taskId: v.string(), workerId: v.string(), epoch: v.number() });

/** An event as JSON (`agents/events.py`); one over 100 kB is a file, and `blob` is its hash. */
export const eventLine = v.object({
  kind: v.string(),
  event: v.optional(v.string()),
  blob: v.optional(v.string()),
});

/** An event as a log holds it. */
export const recorded = v.object({
  seq: v.number(),
  at: v.number(),
  v: v.number(),
  kind: v.string(),
  event: v.optional(v.string()),
  blob: v.optional(v.string()),
});

/** What a task did to one file. */
export const changedFile = v.object({ path: v.string(), action: v.string(), bytes: v.number() });

export const problem = v.object({
  code: v.string(),
  message: v.string(),
  hint: v.optional(v.string()),
  retryable: v.boolean(),
});

/** The fold of a log, as far as a frontend shows it; what is left out stays as it is. */
export const progressPatch = v.object({
  stage: v.optional(v.string()),
  message: v.optional(v.string()),
  streamedContent: v.optional(v.string()),
  files: v.optional(v.array(changedFile)),
  error: v.optional(problem),
  previewUrl: v.optional(v.string()),
});

/** A thread in a workspace's channel; with an empty `threadTs`, the message to come begins it. */
export const slackThread = v.object({
  teamId: v.string(),
  channelId: v.string(),
  threadTs: v.string(),
});

/** Where in Slack a task was asked for, and by whom. */
export const slackOrigin = v.object({ ...slackThread.fields, userId: v.string() });

export const deliveryEnd = v.union(v.literal("done"), v.literal("dead"));

/** Where in Slack a task is shown, and whether its end has arrived there. */
export const deliveryFields = {
  taskId: v.string(),
  projectId: v.string(),
  owner: v.string(),
  teamId: v.string(),
  channelId: v.string(),
  threadTs: v.string(),
  userId: v.string(),
  messageTs: v.optional(v.string()),
  ended: v.optional(deliveryEnd),
  createdAt: v.number(),
};

export const progressFields = {
  taskId: v.string(),
  projectId: v.string(),
  owner: v.string(),
  status: taskStatus,
  stage: v.string(),
  message: v.string(),
  streamedContent: v.string(),
  files: v.array(changedFile),
  error: v.optional(problem),
  previewUrl: v.optional(v.string()),
  createdAt: v.number(),
  updatedAt: v.number(),
};

/** Somebody in Slack, by their own workspace and its organisation ("-" without one). */
export const slackPerson = {
  enterpriseId: v.string(),
  teamId: v.string(),
  slackUserId: v.string(),
};

const accountFields = { clerkUserId: v.string(), owner: v.string(), accountName: v.string() };

/** A Slack person is an account. */
export const linkFields = {
  ...slackPerson,
  ...accountFields,
  linkId: v.string(),
  personName: v.string(),
  linkedAt: v.number(),
  told: v.boolean(),
};

/** A linking under way: `person` is who Slack says it is for, `agreed`: and they want it. */
export const linkRequestFields = {
  ...accountFields,
  hash: v.string(),
  codeHash: v.optional(v.string()),
  sessionId: v.string(),
  person: v.optional(v.object(slackPerson)),
  personName: v.string(),
  agreed: v.boolean(),
};

/** Who did what that matters, in whose tenant. */
export const auditFields = {
  owner: v.string(),
  actor: v.string(),
  action: v.string(),
  subject: v.string(),
  at: v.number(),
};
