/**
 * Bytes by their SHA-256, in chunks.
 *
 * A document may have 1 MiB, so a file is split. Chunks are written in order, and with the last one
 * the head, which says that all are there; writing one that is there already changes nothing.
 */
import type { Infer } from "convex/values";
import { v } from "convex/values";

import type { MutationCtx, QueryCtx } from "../_generated/server";
import { PAGE_BYTES } from "./budget";
import { refusal } from "./errors";

export const CHUNK_BYTES = 256 * 1024;

export const chunkView = v.object({
  hash: v.string(),
  chunk: v.number(),
  chunks: v.number(),
  size: v.number(),
  bytes: v.bytes(),
});

/** Where reading many files goes on: the chunk to begin with of the file at `at`. */
export const fileCursor = v.object({ at: v.number(), chunk: v.number() });

export const filePage = v.object({
  chunks: v.array(chunkView),
  missing: v.array(v.string()),
  next: v.optional(fileCursor),
});

export type Chunk = Infer<typeof chunkView>;

export async function hasFile(ctx: QueryCtx, hash: string): Promise<boolean> {
  const head = await ctx.db
    .query("fileHeads")
    .withIndex("by_hash", (q) => q.eq("hash", hash))
    .first();
  return head !== null;
}

/** Those of the hashes whose bytes are not all stored. */
export async function missingFiles(ctx: QueryCtx, hashes: string[]): Promise<string[]> {
  const missing = [];
  for (const hash of hashes) if (!(await hasFile(ctx, hash))) missing.push(hash);
  return missing;
}

/** Throws `store_error` for a chunk beyond the limit. */
export async function putChunk(ctx: MutationCtx, chunk: Chunk): Promise<void> {
  if (chunk.bytes.byteLength > CHUNK_BYTES || chunk.chunk >= chunk.chunks) {
    throw refusal("store_error", `a chunk has at most ${CHUNK_BYTES} bytes`);
  }
  if (await hasFile(ctx, chunk.hash)) return;
  const there = await ctx.db
    .query("files")
    .withIndex("by_hash", (q) => q.eq("hash", chunk.hash).eq("chunk", chunk.chunk))
    .first();
  if (there === null) await ctx.db.insert("files", chunk);
  const { hash, chunks, size } = chunk;
  if (chunk.chunk === chunks - 1) await ctx.db.insert("fileHeads", { hash, chunks, size });
}

/** Chunks of these files in order, until a page is full. */
export async function readFiles(
  ctx: QueryCtx,
  hashes: string[],
  from: Infer<typeof fileCursor>,
): Promise<Infer<typeof filePage>> {
  const page = { chunks: [] as Chunk[], missing: [] as string[] };
  let bytes = 0;
  for (let at = from.at; at < hashes.length; at += 1) {
    const hash = hashes[at] as string;
    const first = at === from.at ? from.chunk : 0;
    if (first === 0 && !(await hasFile(ctx, hash))) {
      page.missing.push(hash);
      continue;
    }
    const rows = ctx.db
      .query("files")
      .withIndex("by_hash", (q) => q.eq("hash", hash).gte("chunk", first));
    for await (const { _id, _creationTime, ...chunk } of rows) {
      if (bytes >= PAGE_BYTES) return { ...page, next: { at, chunk: chunk.chunk } };
      page.chunks.push(chunk);
      bytes += chunk.bytes.byteLength;
    }
  }
  return page;
}
