/** The life of a task: every transition by name, and what each refuses. */
import { describe, expect, test } from "vitest";

import { api } from "./_generated/api";
import { LEASE_MS, MAX_ATTEMPTS } from "./lib/queue";
import {
  ANN,
  append,
  ask,
  begin,
  claim,
  codeOf,
  complete,
  deployment,
  enqueue,
  fail,
  pass,
  requeue,
  type Service,
  store,
} from "./testing.kit";

async function statusOf(service: Service, taskId: string): Promise<string> {
  return (await service.query(api.tasks.get, { owner: "ann", taskId })).status;
}

describe("accepted", () => {
  test("nothing -> pending, with its project, its two messages and its first event", async () => {
    const { service } = deployment();
    const task = await enqueue(service);
    const { owner, projectId, taskId } = task;
    expect(task).toMatchObject({ status: "pending", epoch: 0, attempts: 0, lastSeq: 1 });
    expect(await service.query(api.projects.get, { owner, projectId })).toMatchObject({
      title: "a board",
    });
    const { messages } = await service.query(api.messages.list, { owner, projectId });
    expect(messages.map(({ role, status }) => [role, status])).toEqual([
      ["USER", "COMPLETE"],
      ["ASSISTANT", "PENDING"],
    ]);
    const { events } = await service.query(api.streaming.list, { taskId, after: 0, limit: 9 });
    expect(events.map(({ seq, kind }) => [seq, kind])).toEqual([[1, "task_accepted"]]);
  });

  test("the same task id again answers the first task and writes nothing", async () => {
    const { everybody, service } = deployment();
    const task = await enqueue(service, { taskId: "task_same" });
    expect(await enqueue(service, { taskId: "task_same" })).toEqual(task);
    expect(await everybody.run((ctx) => ctx.db.query("messages").collect())).toHaveLength(2);
  });

  test("the same origin is one task for each owner", async () => {
    const { service } = deployment();
    const first = await enqueue(service, { origin: "E1" });
    expect((await enqueue(service, { origin: "E1" })).taskId).toBe(first.taskId);
    expect((await enqueue(service, { origin: "E1", owner: "bob" })).taskId).not.toBe(first.taskId);
  });

  test("a follow-up of a foreign project is not found", async () => {
    const { service } = deployment();
    const { projectId } = await enqueue(service);
    expect(await codeOf(enqueue(service, { projectId, owner: "bob" }))).toBe("not_found");
  });
});

describe("claimed", () => {
  test("pending -> running, for one of two who ask at once", async () => {
    const { service } = deployment();
    const { taskId } = await enqueue(service);
    const answers = await Promise.all([ask(service, "w1"), ask(service, "w2")]);
    expect(answers.filter(({ found }) => found !== undefined)).toHaveLength(1);
    expect(await statusOf(service, taskId)).toBe("running");
  });

  test("the same key again answers the same claim", async () => {
    const { service } = deployment();
    await enqueue(service);
    const first = await ask(service, "w1", { key: "k" });
    expect(await ask(service, "w1", { key: "k" })).toEqual(first);
    expect(first.found?.task.attempts).toBe(1);
  });

  test("running -> running, held by another, once the lease has ended", async () => {
    const { service } = deployment();
    const old = await begin(service);
    pass(LEASE_MS - 1);
    expect(await ask(service, "w2")).toEqual({ ended: [], dueInMs: 1 });
    pass(1);
    const taken = await claim(service, "w2");
    expect(taken.task).toMatchObject({ taskId: old.task.taskId, epoch: 2, attempts: 2 });
    expect(await codeOf(append(service, old.lease, 1))).toBe("lease_lost");
    expect(await codeOf(complete(service, old.lease, 1))).toBe("lease_lost");
    expect(await codeOf(requeue(service, old.lease))).toBe("lease_lost");
    expect(await codeOf(service.mutation(api.tasks.heartbeat, { lease: old.lease }))).toBe(
      "lease_lost",
    );
  });

  test("running -> failed, when the last attempt was lost as well", async () => {
    const { service } = deployment();
    const { taskId } = await enqueue(service);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      await claim(service);
      pass(LEASE_MS);
    }
    expect(await ask(service)).toEqual({ ended: [taskId] });
    expect(await statusOf(service, taskId)).toBe("failed");
  });

  test("tasks of one project run one after another, those of others beside them", async () => {
    const { service } = deployment();
    const first = await enqueue(service);
    const second = await enqueue(service, { projectId: first.projectId });
    const other = await enqueue(service);
    const running = await claim(service);
    expect((await claim(service)).task.taskId).toBe(other.taskId);
    expect((await ask(service)).found).toBeUndefined();
    await fail(service, running.lease, 1);
    expect((await claim(service)).task.taskId).toBe(second.taskId);
  });

  test("only the named task is given when one is named", async () => {
    const { service } = deployment();
    await enqueue(service);
    const wanted = await enqueue(service);
    expect((await ask(service, "w1", { only: wanted.taskId })).found?.task.taskId).toBe(
      wanted.taskId,
    );
    expect(await ask(service, "w1", { only: "task_none" })).toEqual({ ended: [] });
  });

  test("a task whose project was removed is ended, and does not hold up the others", async () => {
    const { everybody, service } = deployment();
    const orphan = await enqueue(service);
    const next = await enqueue(service);
    await everybody.run(async (ctx) => {
      const rows = await ctx.db.query("projects").collect();
      const row = rows.find(({ projectId }) => projectId === orphan.projectId);
      if (row) await ctx.db.delete(row._id);
    });
    expect((await claim(service)).task.taskId).toBe(next.taskId);
    expect(await statusOf(service, orphan.taskId)).toBe("failed");
  });

  test("an append keeps the lease as a heartbeat does", async () => {
    const { service } = deployment();
    const { lease } = await begin(service);
    pass(LEASE_MS - 1);
    await append(service, lease, 1);
    pass(LEASE_MS - 1);
    expect((await ask(service, "w2")).found).toBeUndefined();
  });

  test("an empty queue has nothing due", async () => {
    expect(await ask(deployment().service)).toEqual({ ended: [] });
  });
});

describe("held", () => {
  test("a heartbeat keeps the lease", async () => {
    const { service } = deployment();
    const { lease } = await begin(service);
    pass(LEASE_MS - 1);
    expect(await service.mutation(api.tasks.heartbeat, { lease })).toEqual({});
    pass(LEASE_MS - 1);
    expect((await ask(service, "w2")).found).toBeUndefined();
  });

  test("running -> pending when handed back, after its delay, with the attempt kept or not", async () => {
    const { everybody, service } = deployment();
    const { lease, task } = await begin(service);
    await requeue(service, lease, { delayMs: 2_000, countAttempt: false });
    expect(await statusOf(service, task.taskId)).toBe("pending");
    const shown = await everybody.withIdentity(ANN).query(api.streaming.getProgress, {
      taskId: task.taskId,
    });
    expect(shown).toMatchObject({ status: "pending", message: "Waiting for a worker" });
    expect(await ask(service)).toEqual({ ended: [], dueInMs: 2_000 });
    pass(2_000);
    expect((await claim(service)).task).toMatchObject({ attempts: 1, epoch: 2 });
  });

  test("handing back with the same key again is the same hand-back; with another it is refused", async () => {
    const { service } = deployment();
    const { lease } = await begin(service);
    await requeue(service, lease, { key: "k" });
    await requeue(service, lease, { key: "k" });
    expect(await codeOf(requeue(service, lease))).toBe("lease_lost");
  });
});

describe("ended", () => {
  test("running -> complete, with its fragment as the project's head", async () => {
    const { service } = deployment();
    const { lease, task } = await begin(service);
    const hash = await store(service, "one");
    const app = { fragmentId: "frag_1", files: [{ path: "a.txt", hash }] };
    expect(await complete(service, lease, 1, app)).toBe(2);
    expect(await statusOf(service, task.taskId)).toBe("complete");
    const at = { owner: "ann", projectId: task.projectId };
    expect(await service.query(api.projects.get, at)).toMatchObject({
      head: "frag_1",
      title: "A board",
      framework: "REACT",
    });
    const { messages } = await service.query(api.messages.list, at);
    const fragment = await service.query(api.fragments.get, { ...at, fragmentId: "frag_1" });
    expect(fragment.messageId).toBe(messages[1]?.messageId);
    expect(messages[1]).toMatchObject({
      status: "COMPLETE",
      type: "RESULT",
      content: "It is ready.",
    });
  });

  test("running -> failed leaves the project as it was", async () => {
    const { service } = deployment();
    const { lease, task, project } = await begin(service);
    await fail(service, lease, 1);
    expect(await statusOf(service, task.taskId)).toBe("failed");
    const at = { owner: "ann", projectId: task.projectId };
    expect(await service.query(api.projects.get, at)).toEqual(project);
  });

  test("running -> cancelled when its holder carries out a stop", async () => {
    const { service } = deployment();
    const { lease, task } = await begin(service);
    await service.mutation(api.tasks.cancel, { owner: "ann", taskId: task.taskId, by: "ann" });
    expect(await service.mutation(api.tasks.heartbeat, { lease })).toEqual({ cancelBy: "ann" });
    await fail(service, lease, 1, "cancelled");
    expect(await statusOf(service, task.taskId)).toBe("cancelled");
  });

  test("pending -> cancelled at once", async () => {
    const { service } = deployment();
    const { taskId } = await enqueue(service);
    const row = await service.mutation(api.tasks.cancel, { owner: "ann", taskId, by: "bob" });
    expect(row.status).toBe("cancelled");
    const { events } = await service.query(api.streaming.list, { taskId, after: 1, limit: 9 });
    expect(events.map(({ event }) => event)).toEqual(['{"kind":"task_cancelled","by":"bob"}']);
  });

  test("running -> cancelled by the next claim when nobody holds it any more", async () => {
    const { service } = deployment();
    const { task } = await begin(service);
    await service.mutation(api.tasks.cancel, { owner: "ann", taskId: task.taskId, by: "ann" });
    pass(LEASE_MS);
    expect(await ask(service, "w2")).toEqual({ ended: [task.taskId] });
    expect(await statusOf(service, task.taskId)).toBe("cancelled");
  });

  test("a cancelled follow-up in the middle does not let a later one overtake", async () => {
    const { service } = deployment();
    const { task, lease } = await begin(service);
    const middle = await enqueue(service, { projectId: task.projectId });
    const last = await enqueue(service, { projectId: task.projectId });
    await service.mutation(api.tasks.cancel, { owner: "ann", taskId: middle.taskId, by: "ann" });
    expect((await ask(service)).found).toBeUndefined();
    await fail(service, lease, 1);
    expect((await claim(service)).task.taskId).toBe(last.taskId);
  });

  test("an ended task stays as it is, whoever writes", async () => {
    const { service } = deployment();
    const { lease, task } = await begin(service);
    await complete(service, lease, 1);
    expect(await codeOf(append(service, lease, 2))).toBe("lease_lost");
    expect(await codeOf(fail(service, lease, 2))).toBe("lease_lost");
    expect(await codeOf(requeue(service, lease))).toBe("lease_lost");
    const row = await service.mutation(api.tasks.cancel, {
      owner: "ann",
      taskId: task.taskId,
      by: "x",
    });
    expect(row).toMatchObject({ status: "complete", lastSeq: 2 });
  });

  test("ending with the same key again answers the same seq and writes nothing", async () => {
    const { everybody, service } = deployment();
    const { lease } = await begin(service);
    expect(await complete(service, lease, 1, undefined, "k")).toBe(2);
    expect(await complete(service, lease, 1, undefined, "k")).toBe(2);
    expect(await everybody.run((ctx) => ctx.db.query("taskEvents").collect())).toHaveLength(2);
  });

  test("an app whose bytes are not stored is refused and nothing is written", async () => {
    const { service } = deployment();
    const { lease, task } = await begin(service);
    const app = { fragmentId: "frag_1", files: [{ path: "a.txt", hash: "nowhere" }] };
    expect(await codeOf(complete(service, lease, 1, app))).toBe("store_error");
    expect(await statusOf(service, task.taskId)).toBe("running");
  });
});
