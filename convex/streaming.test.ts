/** Logs and progress rows. */
import { expect, test } from "vitest";

import { api } from "./_generated/api";
import { ANN, append, begin, BOB, codeOf, complete, deployment, notice } from "./testing.kit";

test("events are read in order from behind a cursor, never more than asked for", async () => {
  const { service } = deployment();
  const { lease } = await begin(service);
  const events = Array.from({ length: 600 }, (_, n) => notice(String(n)));
  await service.mutation(api.streaming.append, { lease, key: "k", expectedSeq: 1, events });
  const page = { taskId: lease.taskId, after: 255, limit: 4 };
  const answer = await service.query(api.streaming.list, page);
  expect(answer.events.map(({ seq }) => seq)).toEqual([256, 257, 258, 259]);
  expect(answer.more).toBe(true);
  const rest = await service.query(api.streaming.list, { ...page, after: 599, limit: 500 });
  expect(rest.events.map(({ seq }) => seq)).toEqual([600, 601]);
  expect(rest.more).toBe(false);
});

test("an append at a wrong seq is refused and changes nothing", async () => {
  const { service } = deployment();
  const { lease } = await begin(service);
  for (const seq of [0, 2, 99])
    expect(await codeOf(append(service, lease, seq))).toBe("seq_conflict");
  expect(await append(service, lease, 1)).toEqual({ lastSeq: 2 });
});

test("the same append again, by its key, is one append", async () => {
  const { service } = deployment();
  const { lease } = await begin(service);
  const once = await append(service, lease, 1, "k");
  expect(await append(service, lease, 1, "k")).toEqual(once);
  const log = await service.query(api.streaming.list, { taskId: lease.taskId, after: 0, limit: 9 });
  expect(log.events).toHaveLength(2);
});

test("an append tells its holder who asked to stop", async () => {
  const { service } = deployment();
  const { lease } = await begin(service);
  await service.mutation(api.tasks.cancel, { owner: "ann", taskId: lease.taskId, by: "bob" });
  expect(await append(service, lease, 1)).toEqual({ lastSeq: 2, cancelBy: "bob" });
});

test("an event over the limit of a line is refused", async () => {
  const { service } = deployment();
  const { lease } = await begin(service);
  const large = { kind: "text_streamed", event: "é".repeat(50_001) };
  const call = service.mutation(api.streaming.append, {
    lease,
    key: "k",
    expectedSeq: 1,
    events: [large],
  });
  expect(await codeOf(call)).toBe("store_error");
});

test("a task's progress follows it to its end, for its owner alone", async () => {
  const { everybody, service } = deployment();
  const { lease } = await begin(service);
  const { taskId } = lease;
  const seen = async () =>
    await everybody.withIdentity(ANN).query(api.streaming.getProgress, { taskId });
  expect(await seen()).toMatchObject({ status: "running", stage: "queued" });
  await service.mutation(api.streaming.append, {
    lease,
    key: "k",
    expectedSeq: 1,
    events: [notice()],
    progress: { stage: "generating", message: "Writing", streamedContent: "Hello" },
  });
  expect(await seen()).toMatchObject({ stage: "generating", streamedContent: "Hello" });
  await service.mutation(api.streaming.updateProgress, { lease, message: "Still writing" });
  expect(await seen()).toMatchObject({ message: "Still writing", streamedContent: "Hello" });
  await complete(service, lease, 2);
  expect(await seen()).toMatchObject({ status: "complete" });
  const late = service.mutation(api.streaming.updateProgress, { lease, message: "Zombie" });
  expect(await codeOf(late)).toBe("lease_lost");
  const bob = everybody.withIdentity(BOB);
  expect(await bob.query(api.streaming.getProgress, { taskId })).toBeNull();
});
