import { Injectable, signal } from "@angular/core";
import { columns, firstCards, headline, type BoardCard, type ColumnId } from "../lib/data";

const storageKey = `board:${headline}`;

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

/** The column one step to the left (-1) or right (1), if there is one. */
export function neighbour(column: ColumnId, step: -1 | 1) {
  return columns.find((_, index) => columns[index - step]?.id === column);
}

/** The cards, kept in the browser's storage. */
@Injectable({ providedIn: "root" })
export class BoardStore {
  private readonly current = signal(load());
  readonly cards = this.current.asReadonly();

  add(title: string): void {
    const id = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
    this.write([{ id, title, column: "todo" }, ...this.current()]);
  }

  move(card: BoardCard, to: ColumnId): void {
    const others = this.current().filter((other) => other.id !== card.id);
    this.write([{ ...card, column: to }, ...others]);
  }

  remove(card: BoardCard): void {
    this.write(this.current().filter((other) => other.id !== card.id));
  }

  private write(next: BoardCard[]): void {
    this.current.set(next);
    try {
      localStorage.setItem(storageKey, JSON.stringify(next));
    } catch {
      // Storage is blocked or full: the board still works until the page is closed.
    }
  }
}
