import { useSyncExternalStore } from "react";
import { columns, firstCards, headline, type BoardCard, type ColumnId } from "@/lib/data";

const storageKey = `board:${headline}`;
const listeners = new Set<() => void>();
let current: BoardCard[] | null = null;

function isCard(value: unknown): value is BoardCard {
  if (typeof value !== "object" || value === null) return false;
  const card = value as Partial<BoardCard>;
  return (
    typeof card.id === "string" &&
    typeof card.title === "string" &&
    columns.some((column) => column.id === card.column)
  );
}

/** What was stored last time; the first cards when there is nothing, or it cannot be read. */
function load(): BoardCard[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(storageKey) ?? "null");
    if (Array.isArray(stored) && stored.every(isCard)) return stored;
  } catch {
    // Storage is blocked or holds something else: start afresh.
  }
  return firstCards;
}

function read(): BoardCard[] {
  current ??= load();
  return current;
}

function write(next: BoardCard[]): void {
  current = next;
  try {
    localStorage.setItem(storageKey, JSON.stringify(next));
  } catch {
    // Storage is blocked or full: the board still works until the page is closed.
  }
  listeners.forEach((listener) => listener());
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The column one step to the left (-1) or right (1), if there is one. */
export function neighbour(column: ColumnId, step: -1 | 1) {
  return columns[columns.findIndex(({ id }) => id === column) + step];
}

export function addCard(title: string): void {
  const id = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
  write([{ id, title, column: "todo" }, ...read()]);
}

export function moveCard(id: string, to: ColumnId): void {
  const card = read().find((candidate) => candidate.id === id);
  if (!card) return;
  write([{ ...card, column: to }, ...read().filter((other) => other.id !== id)]);
}

export function removeCard(id: string): void {
  write(read().filter((card) => card.id !== id));
}

/** The cards, kept in the browser's storage. */
export function useCards(): BoardCard[] {
  return useSyncExternalStore(subscribe, read, () => firstCards);
}
