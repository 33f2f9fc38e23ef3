/** What is deleted, and what is not. */
import { expect, test, vi } from "vitest";

import { internal } from "./_generated/api";
import crons from "./crons";
import schema from "./schema";
import { deployment } from "./testing.kit";

test("rows whose time is over are deleted, however many they are", async () => {
  const { everybody } = deployment();
  const now = Date.now();
  await everybody.run(async (ctx) => {
    for (let n = 0; n < 450; n += 1) {
      await ctx.db.insert("seenEvents", { key: `old ${n}`, by: "x", expiresAt: now - n });
    }
    await ctx.db.insert("seenEvents", { key: "new", by: "x", expiresAt: now + 1 });
    const live = {
      ...{ projectId: "p", owner: "o", teamId: "T", channelId: "C" },
      ...{ threadTs: "", userId: "U", createdAt: now },
    };
    await ctx.db.insert("deliveries", { ...live, taskId: "without an end" });
    await ctx.db.insert("deliveries", { ...live, taskId: "over", expiresAt: now });
  });
  await everybody.mutation(internal.retention.sweep, {});
  await everybody.finishAllScheduledFunctions(vi.runAllTimers);
  const kept = await everybody.run(async (ctx) => ({
    seen: (await ctx.db.query("seenEvents").collect()).map(({ key }) => key),
    deliveries: (await ctx.db.query("deliveries").collect()).map(({ taskId }) => taskId),
  }));
  expect(kept).toEqual({ seen: ["new"], deliveries: ["without an end"] });
});

test("every table with an end is swept", () => {
  const tables = Object.entries(schema.tables) as [
    string,
    { " indexes"(): { indexDescriptor: string }[] },
  ][];
  const expiring = tables
    .filter(([, table]) => table[" indexes"]().some((i) => i.indexDescriptor === "by_expiry"))
    .map(([name]) => name);
  expect(expiring.sort()).toEqual([
    "audit",
    "deliveries",
    "linkRequests",
    "oauthStates",
    "rateLimits",
    "seenEvents",
    "waitingRequests",
  ]);
});

test("nothing happens by itself more often than hourly", () => {
  for (const { schedule } of Object.values(crons.crons)) {
    expect(schedule.type).toBe("interval");
    expect("hours" in schedule && schedule.hours).toBeGreaterThanOrEqual(1);
  }
});
