import { columns, starterCards } from './data';

export type ColumnId = (typeof columns)[number]['id'];
export type Direction = 'left' | 'right';

export interface BoardCard {
  id: string;
  title: string;
  column: ColumnId;
}

const storageKey = 'board-cards';

/** The saved cards, or the starter cards where nothing readable is saved. */
export function loadCards(): BoardCard[] {
  try {
    const saved: unknown = JSON.parse(localStorage.getItem(storageKey) ?? 'null');
    if (Array.isArray(saved)) return saved.filter(isBoardCard);
  } catch {
    // Storage can be blocked, full or hold something else: start afresh.
  }
  return starterCards.map((card) => ({ ...card }));
}

export function saveCards(cards: BoardCard[]): void {
  try {
    localStorage.setItem(storageKey, JSON.stringify(cards));
  } catch {
    // Without storage the board lives as long as the page.
  }
}

export function newCard(title: string): BoardCard {
  const id = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
  return { id, title, column: columns[0].id };
}

/** The column next to `column`, or undefined at the edge of the board. */
export function neighbour(column: ColumnId, direction: Direction) {
  const index = columns.findIndex(({ id }) => id === column);
  return columns[direction === 'left' ? index - 1 : index + 1];
}

/** The card goes to the end of the column beside its own. */
export function moveCard(cards: BoardCard[], id: string, direction: Direction): BoardCard[] {
  const card = cards.find((each) => each.id === id);
  const target = card && neighbour(card.column, direction);
  if (!card || !target) return cards;
  return [...cards.filter((each) => each.id !== id), { ...card, column: target.id }];
}

export function matches(card: BoardCard, query: string): boolean {
  return card.title.toLowerCase().includes(query.trim().toLowerCase());
}

/** Keeps the keyboard on a card that has just moved to another column. */
export function focusMovedCard(root: ParentNode, id: string, direction: Direction): void {
  const card = root.querySelector(`[data-card="${CSS.escape(id)}"]`);
  const same = card?.querySelector<HTMLElement>(`[data-move="${direction}"]:not(:disabled)`);
  (same ?? card?.querySelector<HTMLElement>('[data-move]:not(:disabled)'))?.focus();
}

function isBoardCard(value: unknown): value is BoardCard {
  if (typeof value !== 'object' || value === null) return false;
  const { id, title, column } = value as Record<string, unknown>;
  return (
    typeof id === 'string' &&
    typeof title === 'string' &&
    columns.some((each) => each.id === column)
  );
}
