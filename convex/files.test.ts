/** Bytes in chunks. */
import { expect, test } from "vitest";

import { api } from "./_generated/api";
import { PAGE_BYTES } from "./lib/budget";
import { CHUNK_BYTES } from "./lib/files";
import { ANN, begin, BOB, codeOf, complete, deployment, type Service, store } from "./testing.kit";

function chunkOf(hash: string, chunk: number, chunks: number, bytes = new ArrayBuffer(10)) {
  return { hash, chunk, chunks, size: 10 * chunks, bytes };
}

async function missing(service: Service, hashes: string[]): Promise<string[]> {
  return await service.query(api.files.missing, { hashes });
}

test("a file is there when its last chunk is", async () => {
  const { service } = deployment();
  await service.mutation(api.files.put, { chunks: [chunkOf("h", 0, 2)] });
  expect(await missing(service, ["h", "x"])).toEqual(["h", "x"]);
  await service.mutation(api.files.put, { chunks: [chunkOf("h", 1, 2)] });
  expect(await missing(service, ["h", "x"])).toEqual(["x"]);
});

test("a chunk that is there already is not written again", async () => {
  const { everybody, service } = deployment();
  for (let time = 0; time < 2; time += 1) {
    await service.mutation(api.files.put, { chunks: [chunkOf("h", 0, 1)] });
  }
  expect(await everybody.run((ctx) => ctx.db.query("files").collect())).toHaveLength(1);
});

test("a chunk over the limit is refused", async () => {
  const { service } = deployment();
  const chunks = [chunkOf("h", 0, 1, new ArrayBuffer(CHUNK_BYTES + 1))];
  expect(await codeOf(service.mutation(api.files.put, { chunks }))).toBe("store_error");
});

test("reading goes on where a full page ended, also in the middle of a file", async () => {
  const { service } = deployment();
  const perPage = PAGE_BYTES / CHUNK_BYTES;
  const count = perPage + 2;
  for (let n = 0; n < count; n += 1) {
    const chunks = [chunkOf("large", n, count, new ArrayBuffer(CHUNK_BYTES))];
    await service.mutation(api.files.put, { chunks });
  }
  await store(service, "small");
  const hashes = ["large", "hash of small"];
  const first = await service.query(api.files.get, { hashes, from: { at: 0, chunk: 0 } });
  expect(first.chunks.map(({ chunk }) => chunk)).toEqual([...Array(perPage).keys()]);
  const next = first.next ?? { at: -1, chunk: -1 };
  expect(next).toEqual({ at: 0, chunk: perPage });
  const second = await service.query(api.files.get, { hashes, from: next });
  expect(second.chunks.map(({ hash }) => hash)).toEqual(["large", "large", "hash of small"]);
  expect(second.next).toBeUndefined();
});

test("an owner reads the files of a version of their own, and nobody else does", async () => {
  const { everybody, service } = deployment();
  const { lease, project } = await begin(service);
  const hash = await store(service, "one");
  await complete(service, lease, 1, { fragmentId: "frag_1", files: [{ path: "a.txt", hash }] });
  const wanted = { projectId: project.projectId, fragmentId: "frag_1", path: "a.txt", chunk: 0 };
  const chunk = await everybody.withIdentity(ANN).query(api.files.mine, wanted);
  expect(new TextDecoder().decode(chunk?.bytes)).toBe("one");
  const none = { ...wanted, path: "b.txt" };
  expect(await everybody.withIdentity(ANN).query(api.files.mine, none)).toBeNull();
  expect(await codeOf(everybody.withIdentity(BOB).query(api.files.mine, wanted))).toBe("not_found");
});
