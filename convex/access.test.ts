/** No function is open: each is found, and tried as everybody it is not for. */
import { getFunctionName } from "convex/server";
import { expect, test } from "vitest";

import { api } from "./_generated/api";
import http from "./http";
import { guardOf, ownerOf } from "./lib/access";
import schema from "./schema";
import {
  ANN,
  begin,
  BOB,
  codeOf,
  complete,
  type Deployment,
  deployment,
  SERVICE,
  store,
} from "./testing.kit";

type Registered = {
  isQuery?: true;
  isMutation?: true;
  isAction?: true;
  isPublic?: true;
  exportArgs(): string;
  exportReturns(): string;
};

const modules = import.meta.glob(["./**/*.ts", "!./**/*.*.ts"], { eager: true });

const functions = Object.entries(modules).flatMap(([path, module]) =>
  Object.entries(module as Record<string, Registered>)
    .filter(([, fn]) => fn.isQuery || fn.isMutation || fn.isAction)
    .map(([name, fn]) => ({ name: `${path.slice(2, -3)}:${name}`, fn })),
);
const open = functions.filter(({ fn }) => fn.isPublic);

test("there are functions to look at", () => {
  expect(open.length).toBeGreaterThan(20);
});

test("over HTTP the deployment says that it is there, and nothing else", () => {
  expect(http.getRoutes().map(([path, method]) => `${method} ${path}`)).toEqual(["GET /healthz"]);
});

test.each(functions)("$name checks what it takes and answers", ({ fn }) => {
  expect(JSON.parse(fn.exportArgs())).toHaveProperty("type", "object");
  expect(JSON.parse(fn.exportReturns())).not.toBeNull();
});

test.each(open)("$name was made by a wrapper", ({ fn }) => {
  expect(guardOf(fn)).toBeDefined();
});

/** Arguments that a function takes: they name the rows of ann's finished project. */
async function world(owner = "ann") {
  const { everybody, service } = deployment();
  const { lease, task } = await begin(service);
  const hash = await store(service, "one");
  await complete(service, lease, 1, { fragmentId: "frag_1", files: [{ path: "a.txt", hash }] });
  const known: Record<string, unknown> = {
    ...{ lease, owner, by: "bob", workerId: "w2", key: "k", taskId: task.taskId },
    ...{ projectId: task.projectId, fragmentId: "frag_1", newId: "frag_2", path: "a.txt" },
    ...{ hashes: [hash], projectIds: [task.projectId], from: { at: 0, chunk: 0 }, chunk: 0 },
  };
  const marks = [task.taskId, task.projectId, "frag_1", "kanban", "a.txt"];
  return { everybody, known, marks };
}

/** Every row in which one of these words stands. */
async function rowsWith(everybody: Deployment, marks: string[]): Promise<string[]> {
  return await everybody.run(async (ctx) => {
    const rows: string[] = [];
    for (const table of Object.keys(schema.tables) as (keyof typeof schema.tables)[]) {
      for (const row of await ctx.db.query(table).collect()) rows.push(JSON.stringify(row));
    }
    return rows.filter((row) => marks.some((mark) => row.includes(mark))).sort();
  });
}

type Json = { type: string; value?: unknown; fieldType?: Json; optional?: boolean };

/** A value of this validator: the known one of that name, or the simplest there is. */
function sample(type: Json, name: string, known: Record<string, unknown>): unknown {
  if (name in known) return known[name];
  switch (type.type) {
    case "string":
      return "x";
    case "number":
      return 1;
    case "boolean":
      return true;
    case "literal":
      return type.value;
    case "array":
      return [];
    case "union":
      return sample((type.value as Json[])[0] as Json, "", known);
    case "object":
      return Object.fromEntries(
        Object.entries(type.value as Record<string, { fieldType: Json; optional: boolean }>)
          .filter(([, field]) => !field.optional)
          .map(([field, { fieldType }]) => [field, sample(fieldType, field, known)]),
      );
    default:
      throw new Error(`no sample of ${type.type}`);
  }
}

type Outcome = { code: string; leaked: string[]; changed: boolean };

/**
 * What comes of a call of a public function with ann's ids: the code it is refused with ("none" when
 * it answers), what of ann's is in the answer, and whether a row of ann's is another one afterwards.
 */
async function attempt(
  { name, fn }: (typeof open)[number],
  identity: object | null,
  owner = "ann",
): Promise<Outcome> {
  const { everybody, known, marks } = await world(owner);
  const caller = identity === null ? everybody : everybody.withIdentity(identity);
  const [module = "", member = ""] = name.split(":");
  const reference = (api as unknown as Record<string, Record<string, never>>)[module]?.[member];
  const args = sample(JSON.parse(fn.exportArgs()) as Json, "", known);
  expect(getFunctionName(reference as never)).toBe(name);
  const run = caller[fn.isQuery ? "query" : "mutation"] as (...call: unknown[]) => Promise<unknown>;
  const before = await rowsWith(everybody, marks);
  let said = "";
  const code = await codeOf(
    run(reference, args).then((answer) => {
      said = JSON.stringify(answer) ?? "";
    }),
  );
  const leaked = marks.filter((mark) => said.includes(mark));
  const after = await rowsWith(everybody, marks);
  return { code, leaked, changed: before.some((row) => !after.includes(row)) };
}

async function call(found: (typeof open)[number], identity: object | null): Promise<string> {
  return (await attempt(found, identity)).code;
}

test.each(open)("$name is closed to strangers", async (found) => {
  expect(await call(found, null)).toBe("unauthenticated");
});

const forService = open.filter(({ fn }) => guardOf(fn) === "service");

test.each(forService)("$name is closed to people, and to other services", async (found) => {
  for (const identity of [ANN, BOB, { ...SERVICE, subject: "x" }, { ...SERVICE, issuer: "x" }]) {
    expect(await call(found, identity)).toBe("unauthenticated");
  }
  expect(await call(found, SERVICE)).not.toBe("unauthenticated");
});

const forOwners = open.filter(({ fn }) => guardOf(fn) === "owner");

test.each(forOwners)("$name shows a person what is theirs alone", async (found) => {
  expect(await call(found, SERVICE)).toBe("unauthenticated");
  expect(await call(found, ANN)).toBe("none");
  for (const foreign of [BOB, ...organisations(ANN), ...organisations(BOB)]) {
    const { code, leaked, changed } = await attempt(found, foreign);
    expect(["none", "not_found"]).toContain(code);
    expect({ leaked, changed }).toEqual({ leaked: [], changed: false });
  }
});

/** Ann in an organisation is another tenant than ann alone. */
function organisations(person: object): object[] {
  return [{ org_id: "org_1" }, { o: { id: "org_1" } }, { "o.id": "org_1" }].map((claims) => ({
    ...person,
    ...claims,
  }));
}

const forOneOwner = forService.filter(({ fn }) => {
  const { value } = JSON.parse(fn.exportArgs()) as Json;
  return "owner" in (value as object);
});

test("there are functions that act for an owner", () => {
  expect(forOneOwner.length).toBeGreaterThan(10);
});

test.each(forOneOwner)("$name acts for another owner without ann's rows", async (found) => {
  const { leaked, changed } = await attempt(found, SERVICE, "bob");
  expect({ leaked, changed }).toEqual({ leaked: [], changed: false });
});

test("another owner sees none of a project, by any query for people", async () => {
  const { everybody, known } = await world();
  const bob = everybody.withIdentity(BOB);
  const { taskId, projectId } = known as Record<"taskId" | "projectId", string>;
  expect(await bob.query(api.projects.mine, {})).toEqual([]);
  expect(await bob.query(api.streaming.getProgress, { taskId })).toBeNull();
  expect(await codeOf(bob.query(api.streaming.events, { taskId, after: 0 }))).toBe("not_found");
  expect(await codeOf(bob.query(api.messages.mine, { projectId }))).toBe("not_found");
  expect(await codeOf(bob.query(api.fragments.mine, { projectId }))).toBe("not_found");
});

test.each([
  ["a user's own", {}, "user_1"],
  ["version 1's organisation", { org_id: "org_1" }, "org_1"],
  ["version 2's organisation", { o: { id: "org_1", rol: "admin" } }, "org_1"],
  ["version 2's, as Convex flattens it", { "o.id": "org_1" }, "org_1"],
  ["no organisation, said emptily", { org_id: "" }, "user_1"],
])("the owner of a token is %s", (_, claims, owner) => {
  const identity = { issuer: "i", subject: "user_1", tokenIdentifier: "i|user_1", ...claims };
  expect(ownerOf(identity)).toBe(owner);
});
