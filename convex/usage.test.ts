/** What tasks use: reserved, added up, settled, given back; and who is let in. */
import { describe, expect, test } from "vitest";

import { api } from "./_generated/api";
import { LEASE_MS, MAX_ATTEMPTS } from "./lib/queue";
import { LINES_ADDED_UP, WINDOW_MS } from "./lib/usage";
import { ANN, ask, begin, BOB, claim, codeOf, complete, deployment, enqueue } from "./testing.kit";
import { fail, pass, requeue, type Service } from "./testing.kit";

const owner = "ann";
const one = { credits: 1, allowance: 1, rates: [] };

async function lineOf(service: Service, everybody: ReturnType<typeof deployment>["everybody"]) {
  const [line] = await everybody.run((ctx) => ctx.db.query("usage").collect());
  const { credits } = await service.query(api.usage.spent, { owner, since: 0 });
  return { ...line, counted: credits };
}

describe("a credit", () => {
  test("is reserved by acceptance, once, also when it is asked for again", async () => {
    const { everybody, service } = deployment();
    for (let time = 0; time < 2; time += 1) {
      await enqueue(service, { taskId: "task_same", terms: one });
      await enqueue(service, { taskId: "task_other", origin: "E1", owner: "bob", terms: one });
    }
    const lines = await everybody.run((ctx) => ctx.db.query("usage").collect());
    expect(lines.map(({ state, credits }) => [state, credits])).toEqual([
      ["reserved", 1],
      ["reserved", 1],
    ]);
  });

  test("one too many is refused, saying which limit and for how long, and writes nothing", async () => {
    const { everybody, service } = deployment();
    await enqueue(service, { terms: one });
    pass(1_000);
    const call = enqueue(service, { terms: one });
    const refusal = await call.catch((error: { data: unknown }) => error.data);
    const data: unknown = typeof refusal === "string" ? JSON.parse(refusal) : refusal;
    expect(data).toMatchObject({
      ...{ code: "quota_exceeded", limit: "credits", allowed: 1, waitMs: WINDOW_MS - 1_000 },
    });
    expect(await everybody.run((ctx) => ctx.db.query("projects").collect())).toHaveLength(1);
    expect(await everybody.run((ctx) => ctx.db.query("usage").collect())).toHaveLength(1);
  });

  test("comes back a day after it was taken", async () => {
    const { service } = deployment();
    await enqueue(service, { terms: one });
    pass(WINDOW_MS - 1);
    expect(await codeOf(enqueue(service, { terms: one }))).toBe("quota_exceeded");
    pass(1);
    expect(await codeOf(enqueue(service, { terms: one }))).toBe("none");
  });

  test.each([
    ["complete", "settled", 1],
    ["failed", "refunded", 0],
    ["cancelled", "refunded", 0],
  ] as const)("running -> %s: it is %s, once", async (status, state, counted) => {
    const { everybody, service } = deployment();
    const { lease } = await begin(service, { terms: one });
    const end = () =>
      status === "complete"
        ? complete(service, lease, 1, undefined, "key_1")
        : fail(service, lease, 1, status, "key_1");
    for (let time = 0; time < 2; time += 1) {
      await end();
      expect(await lineOf(service, everybody)).toMatchObject({ state, counted });
    }
  });

  test("pending -> cancelled: it is given back", async () => {
    const { everybody, service } = deployment();
    const { taskId } = await enqueue(service, { terms: one });
    await service.mutation(api.tasks.cancel, { owner, taskId, by: "ann" });
    expect(await lineOf(service, everybody)).toMatchObject({ state: "refunded", counted: 0 });
  });

  test("of a task that its workers lost was taken once, and is given back at its end", async () => {
    const { everybody, service } = deployment();
    await enqueue(service, { terms: one });
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      await claim(service, `w${attempt}`);
      expect(await lineOf(service, everybody)).toMatchObject({ state: "reserved", counted: 1 });
      pass(LEASE_MS);
    }
    await ask(service);
    expect(await lineOf(service, everybody)).toMatchObject({ state: "refunded", counted: 0 });
  });

  test("stays reserved when a task is handed back", async () => {
    const { everybody, service } = deployment();
    const { lease } = await begin(service, { terms: one });
    await requeue(service, lease);
    expect(await lineOf(service, everybody)).toMatchObject({ state: "reserved", counted: 1 });
  });
});

test("a task that an older process accepts takes no credit and has its line all the same", async () => {
  const { everybody, service } = deployment();
  await enqueue(service);
  expect(await lineOf(service, everybody)).toMatchObject({ state: "reserved", credits: 0 });
});

test("a task from before there were lines ends without one", async () => {
  const { everybody, service } = deployment();
  const { lease } = await begin(service);
  await everybody.run(async (ctx) => {
    for (const line of await ctx.db.query("usage").collect()) await ctx.db.delete(line._id);
  });
  const usage = { prompt_tokens: 1, completion_tokens: 1, cost_usd: 1 };
  const events = [{ kind: "usage_recorded", event: JSON.stringify({ usage }) }];
  await service.mutation(api.streaming.append, { lease, key: "k", expectedSeq: 1, events });
  await complete(service, lease, 2);
  expect(await everybody.run((ctx) => ctx.db.query("usage").collect())).toEqual([]);
});

test("an append that is sent twice is added up once", async () => {
  const { service } = deployment();
  const { lease } = await begin(service);
  const usage = { prompt_tokens: 100, completion_tokens: 20, cost_usd: 0.5 };
  const events = [{ kind: "usage_recorded", event: JSON.stringify({ usage }) }];
  for (let time = 0; time < 2; time += 1) {
    await service.mutation(api.streaming.append, { lease, key: "k", expectedSeq: 1, events });
  }
  const { day } = await service.query(api.usage.spent, { owner, since: 0 });
  expect(day).toEqual({ builds: 1, promptTokens: 100, completionTokens: 20, costUsd: 0.5 });
});

test("no more tasks are open than may be, and turns are taken of a bucket", async () => {
  const { everybody, service } = deployment();
  const terms = { credits: 0, maxOpen: 2, rates: [{ key: "ann", burst: 3, perHour: 60 }] };
  const first = await enqueue(service, { terms });
  await enqueue(service, { terms });
  expect(await codeOf(enqueue(service, { terms }))).toBe("quota_exceeded");
  const { taskId } = first;
  await service.mutation(api.tasks.cancel, { owner, taskId, by: "ann" });
  await enqueue(service, { terms });
  const unlimited = { ...terms, maxOpen: undefined };
  expect(await codeOf(enqueue(service, { terms: unlimited }))).toBe("quota_exceeded");
  const [bucket] = await everybody.run((ctx) => ctx.db.query("rateLimits").collect());
  expect(bucket).toMatchObject({ key: "ann", tokens: 0, expiresAt: Date.now() + 180_000 });
});

test("a person's frontend sees their own use", async () => {
  const { everybody, service } = deployment();
  await enqueue(service, { terms: one });
  const ann = await everybody.withIdentity(ANN).query(api.usage.mine, { since: 0 });
  const bob = await everybody.withIdentity(BOB).query(api.usage.mine, { since: 0 });
  expect([ann.credits, ann.projects.length]).toEqual([1, 1]);
  expect([bob.credits, bob.projects.length]).toEqual([0, 0]);
});

test("more lines than are added up are said to be more", async () => {
  const { everybody, service } = deployment();
  const { taskId } = await enqueue(service, { terms: one });
  const spent = () => service.query(api.usage.spent, { owner, since: 0 });
  await everybody.run(async (ctx) => {
    const [line] = await ctx.db.query("usage").collect();
    const { _id, _creationTime, ...rest } = line!;
    for (let count = 1; count < LINES_ADDED_UP; count += 1) {
      await ctx.db.insert("usage", { ...rest, taskId: `${taskId}_${count}`, credits: 0 });
    }
  });
  expect(await spent()).toMatchObject({ atLeast: false, since: { builds: LINES_ADDED_UP } });
  await enqueue(service, { taskId: "task_more" });
  expect(await spent()).toMatchObject({ atLeast: true, since: { builds: LINES_ADDED_UP } });
}, 60_000);

test("a kept plan ends unless it is kept again", async () => {
  const { service } = deployment();
  const holds = 35 * WINDOW_MS;
  const plan = () => service.query(api.usage.plan, { owner });
  for (let time = 0; time < 2; time += 1) {
    await service.mutation(api.usage.keepPlan, { owner, plan: "pro" });
    pass(holds - 1);
    expect(await plan()).toBe("pro");
  }
  pass(1);
  expect(await plan()).toBeNull();
});
