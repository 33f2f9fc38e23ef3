/** Links between Slack people and accounts. What every store promises stands in tests/contracts. */
import { expect, test } from "vitest";

import { api } from "./_generated/api";
import { deployment, pass, type Service } from "./testing.kit";

const ANN = { enterpriseId: "-", teamId: "T1", slackUserId: "U1" };
const ADA = { clerkUserId: "user_ada", owner: "org_bikes", accountName: "ada@bikes.example" };
const BEGUN = { hash: "h1", sessionId: "s1", ...ADA, keepMs: 1_000 };

async function proven(service: Service) {
  await service.mutation(api.identities.beginLink, BEGUN);
  const proof = { name: "h1", person: ANN, personName: "Ann", agreed: true };
  await service.mutation(api.identities.proveLink, proof);
}

const confirm = (service: Service, linkId: string) =>
  service.mutation(api.identities.confirmLink, { hash: "h1", sessionId: "s1", ...ADA, linkId });

test("a second try of the same writes leaves no second rows", async () => {
  const { everybody, service } = deployment();
  for (let time = 0; time < 2; time += 1) {
    await proven(service);
    await confirm(service, "link_1");
    await service.mutation(api.identities.keepWaiting, { ...ANN, request: "r", keepMs: 1_000 });
  }
  const rows = await everybody.run(async (ctx) => ({
    identities: await ctx.db.query("identities").collect(),
    waiting: await ctx.db.query("waitingRequests").collect(),
    audit: await ctx.db.query("audit").collect(),
  }));
  expect(rows.identities).toHaveLength(1);
  expect(rows.waiting).toHaveLength(1);
  expect(rows.audit).toHaveLength(1);
});

test("a request that was used is deleted, and one whose time is over is not taken", async () => {
  const { everybody, service } = deployment();
  await proven(service);
  pass(1_000);
  expect(await confirm(service, "link_1")).toBe("gone");
  await proven(service);
  expect(await confirm(service, "link_1")).toMatchObject({ ...ANN, ...ADA, told: false });
  const left = await everybody.run((ctx) => ctx.db.query("linkRequests").collect());
  expect(left).toEqual([]);
});

test("the end of a link is sent twice by who ended it, and heard once", async () => {
  const { service } = deployment();
  await proven(service);
  await confirm(service, "link_1");
  const end = (key: string) =>
    service.mutation(api.identities.unlink, { ...ANN, linkId: "link_1", by: "ann", key });
  expect([await end("a"), await end("a"), await end("b")]).toEqual([true, true, false]);
});

test("the audit is kept for 400 days", async () => {
  const { everybody, service } = deployment();
  const entry = { auditId: "e1", owner: "ann", actor: "ann", action: "did", subject: "it" };
  await service.mutation(api.identities.note, entry);
  const [row] = await everybody.run((ctx) => ctx.db.query("audit").collect());
  expect(row?.expiresAt).toBe(Date.now() + 400 * 24 * 3_600_000);
});
