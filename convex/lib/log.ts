/** The logs: appended in rows of many events, read by cursor. */
import type { Infer } from "convex/values";
import { v } from "convex/values";

import type { Doc } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { PAGE_BYTES } from "./budget";
import { refusal } from "./errors";
import { noteUsage } from "./usage";
import { eventLine, recorded } from "./validators";

const EVENT_VERSION = 1;

/** A row holds so much; a larger append becomes several rows. */
const ROW_BYTES = 128 * 1024;
const ROW_EVENTS = 256;

/** Larger events are stored as files, so that no document comes near 1 MiB. */
export const LINE_BYTES = 100_000;

export const logPage = v.object({ events: v.array(recorded), more: v.boolean() });

export type EventLine = Infer<typeof eventLine>;

/**
 * Write events behind `after`; answers the new last seq. The caller moves the task's `lastSeq` on.
 *
 * Throws `store_error` for an event that should have been stored as a file.
 */
export async function insertEvents(
  ctx: MutationCtx,
  taskId: string,
  after: number,
  events: EventLine[],
  now: number,
): Promise<number> {
  let seq = after;
  await noteUsage(ctx, taskId, events);
  for (const row of rowsOf(events)) {
    const firstSeq = seq + 1;
    seq += row.length;
    await ctx.db.insert("taskEvents", {
      taskId,
      firstSeq,
      lastSeq: seq,
      at: now,
      v: EVENT_VERSION,
      events: row,
    });
  }
  return seq;
}

function rowsOf(events: EventLine[]): EventLine[][] {
  const rows: EventLine[][] = [];
  let bytes = ROW_BYTES;
  for (const line of events) {
    const size = line.event === undefined ? 100 : new TextEncoder().encode(line.event).length;
    if (size > LINE_BYTES) throw refusal("store_error", `a ${line.kind} event is too large`);
    if (bytes + size > ROW_BYTES || (rows.at(-1)?.length ?? 0) >= ROW_EVENTS) {
      rows.push([]);
      bytes = 0;
    }
    rows.at(-1)?.push(line);
    bytes += size;
  }
  return rows;
}

/** At most `limit` events with `seq > after`, fewer when they are large; `more` says that there are. */
export async function readEvents(
  ctx: QueryCtx,
  taskId: string,
  after: number,
  limit: number,
): Promise<Infer<typeof logPage>> {
  const rows = ctx.db
    .query("taskEvents")
    .withIndex("by_task", (q) => q.eq("taskId", taskId).gt("lastSeq", after));
  const events: Infer<typeof recorded>[] = [];
  let bytes = 0;
  for await (const row of rows) {
    if (events.length >= limit || bytes >= PAGE_BYTES) {
      return { events: events.slice(0, limit), more: true };
    }
    const wanted = recordedIn(row).slice(Math.max(0, after + 1 - row.firstSeq));
    bytes += wanted.reduce((sum, line) => sum + (line.event?.length ?? 0) + 100, 0);
    events.push(...wanted);
  }
  return { events: events.slice(0, limit), more: events.length > limit };
}

function recordedIn(row: Doc<"taskEvents">): Infer<typeof recorded>[] {
  return row.events.map((line, n) => ({ seq: row.firstSeq + n, at: row.at, v: row.v, ...line }));
}
