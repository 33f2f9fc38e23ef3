/**
 * How much one call reads and answers. Convex allows 16 MiB for each; with a sixteenth of it a
 * client decodes an answer in some 10 ms.
 */
import { getConvexSize, type Value } from "convex/values";

export const PAGE_BYTES = 1024 * 1024;

/** Whole items from the front of `rows` until a page is full: at least one, if there is one. */
export async function firstPage<T extends Value>(
  rows: AsyncIterable<T>,
  limit: number,
): Promise<{ items: T[]; more: boolean }> {
  const items: T[] = [];
  let bytes = 0;
  for await (const row of rows) {
    if (items.length >= limit || bytes >= PAGE_BYTES) return { items, more: true };
    items.push(row);
    bytes += getConvexSize(row);
  }
  return { items, more: false };
}
