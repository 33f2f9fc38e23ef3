/** Which workspaces have something to deliver, when they are many. */
import { expect, test } from "vitest";

import { api } from "./_generated/api";
import { PAGE_WORKSPACES } from "./lib/slack";
import { deployment } from "./testing.kit";

test("open workspaces come in pages, each once, whatever they have open", async () => {
  const { everybody, service } = deployment();
  const teams = Array.from({ length: PAGE_WORKSPACES + 2 }, (_, n) => `T${1_000 + n}`);
  await everybody.run(async (ctx) => {
    const delivery = {
      ...{ projectId: "p", owner: "o", channelId: "C", threadTs: "" },
      ...{ userId: "U", createdAt: 0 },
    };
    for (const teamId of [...teams].reverse()) {
      for (const taskId of ["a", "b"])
        await ctx.db.insert("deliveries", { ...delivery, teamId, taskId });
    }
    await ctx.db.insert("deliveries", { ...delivery, teamId: "T1", taskId: "c", ended: "done" });
  });
  const first = await service.query(api.slack.openWorkspaces, {});
  expect(first).toEqual({ teamIds: teams.slice(0, PAGE_WORKSPACES), more: true });
  const after = first.teamIds.at(-1);
  const second = await service.query(api.slack.openWorkspaces, { after });
  expect(second).toEqual({ teamIds: teams.slice(PAGE_WORKSPACES), more: false });
});
