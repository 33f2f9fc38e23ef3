/** Members of apps, and preferences. */
import { expect, test } from "vitest";

import { api } from "./_generated/api";
import { MAX_MEMBERS } from "./lib/people";
import { begin, codeOf, deployment, pass } from "./testing.kit";

test("a second try of the same writes leaves no second rows", async () => {
  const { everybody, service } = deployment();
  const { projectId } = (await begin(service)).project;
  for (let time = 0; time < 2; time += 1) {
    await service.mutation(api.people.setMember, { projectId, member: "m", role: "viewer" });
    await service.mutation(api.people.savePreferences, { owner: "ann", others: "viewer" });
  }
  const rows = await everybody.run(async (ctx) => ({
    members: await ctx.db.query("members").collect(),
    preferences: await ctx.db.query("preferences").collect(),
  }));
  expect(rows.members).toHaveLength(1);
  expect(rows.preferences).toHaveLength(1);
});

test("a member whose role changes stays a member since then", async () => {
  const { everybody, service } = deployment();
  const { projectId } = (await begin(service)).project;
  const added = Date.now();
  await service.mutation(api.people.setMember, { projectId, member: "m", role: "viewer" });
  pass(1_000);
  await service.mutation(api.people.setMember, { projectId, member: "m", role: "editor" });
  const [row] = await everybody.run((ctx) => ctx.db.query("members").collect());
  expect(row).toMatchObject({ role: "editor", addedAt: added });
});

test("the member beyond the limit is refused, and one who is there is not", async () => {
  const { everybody, service } = deployment();
  const { projectId } = (await begin(service)).project;
  await everybody.run(async (ctx) => {
    for (let n = 0; n < MAX_MEMBERS; n += 1) {
      await ctx.db.insert("members", { projectId, member: `m${n}`, role: "viewer", addedAt: 0 });
    }
  });
  const give = (member: string) =>
    codeOf(service.mutation(api.people.setMember, { projectId, member, role: "editor" }));
  expect(await give("one more")).toBe("bad_request");
  expect(await give("m7")).toBe("none");
});

test("what is left out of saved preferences is kept no longer", async () => {
  const { service } = deployment();
  const owner = "ann";
  const kept = { model: "a model", framework: "VUE" as const, others: "viewer" as const };
  await service.mutation(api.people.savePreferences, { owner, ...kept });
  expect(await service.query(api.people.preferences, { owner })).toEqual(kept);
  await service.mutation(api.people.savePreferences, { owner, others: "editor" });
  expect(await service.query(api.people.preferences, { owner })).toEqual({ others: "editor" });
});
