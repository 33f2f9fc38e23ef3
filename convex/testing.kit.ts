/** What the tests of these functions stand on. Convex leaves files with two dots in their names out. */
import { convexTest, type TestConvex } from "convex-test";
import { vi } from "vitest";

import { api } from "./_generated/api";
import { SERVICE_ISSUER, SERVICE_SUBJECT } from "./lib/access";
import type { Terms } from "./lib/usage";
import schema from "./schema";

const modules = import.meta.glob(["./**/*.ts", "./_generated/*.js", "!./**/*.*.ts"]);

export const SERVICE = { issuer: SERVICE_ISSUER, subject: SERVICE_SUBJECT };
export const ANN = { issuer: "https://clerk.test", subject: "ann" };
export const BOB = { issuer: "https://clerk.test", subject: "bob" };

export type Deployment = TestConvex<typeof schema>;

export type Lease = { taskId: string; workerId: string; epoch: number };

/** A fresh deployment at a fixed time, and our own processes' access to it. */
export function deployment() {
  vi.useFakeTimers();
  vi.setSystemTime(Date.UTC(2026, 0, 1));
  const everybody = convexTest({ schema, modules, transactionLimits: true });
  return { everybody, service: everybody.withIdentity(SERVICE) };
}

export type Service = ReturnType<typeof deployment>["service"];

/** Lets time pass for the functions. */
export function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

let count = 0;
const fresh = (prefix: string) => `${prefix}_${(count += 1)}`;

/** An event as processes send it. */
export function notice(text = "hello"): { kind: string; event: string } {
  return { kind: "notice_given", event: JSON.stringify({ kind: "notice_given", message: text }) };
}

type Asked = {
  owner?: string;
  projectId?: string;
  origin?: string;
  taskId?: string;
  terms?: Terms;
};

/** Accepts a task, of a new project unless one is named. */
export async function enqueue(service: Service, asked: Asked = {}) {
  return await service.mutation(api.tasks.enqueue, {
    taskId: asked.taskId ?? fresh("task"),
    projectId: asked.projectId ?? fresh("proj"),
    newProject: asked.projectId === undefined ? { title: "a board" } : undefined,
    owner: asked.owner ?? "ann",
    kind: "generate",
    prompt: "a kanban board",
    model: "auto",
    requestedBy: "web",
    origin: asked.origin,
    accepted: { kind: "task_accepted", event: "{}" },
    questionId: fresh("msg"),
    answerId: fresh("msg"),
    history: [],
    terms: asked.terms,
  });
}

const LOST = { event: { kind: "task_failed", event: "{}" }, reply: "Lost.", progress: {} };

/** A claim's whole answer. */
export async function ask(
  service: Service,
  workerId = "w1",
  options: { key?: string; only?: string } = {},
) {
  const key = options.key ?? fresh("key");
  return await service.mutation(api.tasks.claim, { workerId, key, only: options.only, lost: LOST });
}

/** Claims a task that has to be there; answers it with its lease. */
export async function claim(service: Service, workerId = "w1") {
  const { found } = await ask(service, workerId);
  if (found === undefined) throw new Error("nothing to claim");
  const { taskId, epoch } = found.task;
  return { ...found, lease: { taskId, workerId, epoch } satisfies Lease };
}

/** Accepts and claims. */
export async function begin(service: Service, asked: Asked = {}) {
  await enqueue(service, asked);
  return await claim(service);
}

export async function append(
  service: Service,
  lease: Lease,
  expectedSeq: number,
  key = fresh("key"),
) {
  const events = [notice()];
  return await service.mutation(api.streaming.append, { lease, key, expectedSeq, events });
}

const WORDS = { reply: "It is ready.", progress: {} };

/** Ends a held task well, with this app if there is one. */
export async function complete(
  service: Service,
  lease: Lease,
  expectedSeq: number,
  app?: { fragmentId: string; files: { path: string; hash: string }[] },
  key = fresh("key"),
) {
  const fragment = app && { ...app, title: "Board", framework: "REACT" as const };
  const events = [{ kind: "task_completed", event: "{}" }];
  const end = { lease, key, expectedSeq, events, ...WORDS };
  return await service.mutation(api.tasks.complete, { ...end, fragment, title: "A board" });
}

/** Ends a held task without a result. */
export async function fail(
  service: Service,
  lease: Lease,
  expectedSeq: number,
  status: "failed" | "cancelled" = "failed",
  key = fresh("key"),
) {
  const events = [{ kind: `task_${status}`, event: "{}" }];
  const end = { lease, key, expectedSeq, events, ...WORDS };
  return await service.mutation(api.tasks.fail, { ...end, status });
}

export async function requeue(
  service: Service,
  lease: Lease,
  options: { delayMs?: number; countAttempt?: boolean; key?: string } = {},
) {
  const { delayMs = 0, countAttempt = true, key = fresh("key") } = options;
  await service.mutation(api.tasks.requeue, { lease, key, delayMs, countAttempt });
}

/** Stores a file of one chunk; answers its hash, which is made up. */
export async function store(service: Service, text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text).buffer as ArrayBuffer;
  const chunk = { hash: `hash of ${text}`, chunk: 0, chunks: 1, size: bytes.byteLength, bytes };
  await service.mutation(api.files.put, { chunks: [chunk] });
  return chunk.hash;
}

/** The code that a call was refused with; "none" when it was not. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    const data = (error as { data?: unknown }).data;
    const parsed = (typeof data === "string" ? JSON.parse(data) : data) as { code?: string };
    return parsed?.code ?? String(error);
  }
  return "none";
}
