import { useEffect, useRef, useState, type SubmitEvent } from 'react';
import { flushSync } from 'react-dom';
import { Plus, Search } from 'lucide-react';
import {
  focusMovedCard,
  loadCards,
  matches,
  moveCard,
  neighbour,
  newCard,
  saveCards,
  type BoardCard,
  type Direction,
} from '@/board';
import { CardItem } from '@/components/CardItem';
import { Badge, Button, Input } from '@/components/ui';
import { columns } from '@/data';

export function Board() {
  const [cards, setCards] = useState(loadCards);
  const [draft, setDraft] = useState('');
  const [query, setQuery] = useState('');
  const [announcement, setAnnouncement] = useState('');
  const root = useRef<HTMLDivElement>(null);

  useEffect(() => saveCards(cards), [cards]);

  const done = cards.filter((card) => card.column === 'done').length;
  const found = cards.filter((card) => matches(card, query));

  function add(event: SubmitEvent) {
    event.preventDefault();
    const title = draft.trim();
    if (!title) return;
    setCards([...cards, newCard(title)]);
    setDraft('');
    setQuery('');
    setAnnouncement(`Added “${title}” to ${columns[0].title}`);
  }

  function move(card: BoardCard, direction: Direction) {
    flushSync(() => {
      setCards(moveCard(cards, card.id, direction));
      setAnnouncement(`Moved “${card.title}” to ${neighbour(card.column, direction)?.title}`);
    });
    if (root.current) focusMovedCard(root.current, card.id, direction);
  }

  function remove(card: BoardCard) {
    setCards(cards.filter((each) => each.id !== card.id));
    setAnnouncement(`Deleted “${card.title}”`);
    document.getElementById(`column-${card.column}`)?.focus();
  }

  return (
    <div ref={root}>
      <div className="flex flex-col gap-3 sm:flex-row sm:items-center">
        <form onSubmit={add} className="flex flex-1 gap-2">
          <Input
            value={draft}
            onChange={(event) => setDraft(event.target.value)}
            placeholder="What needs doing?"
            aria-label="New card"
            maxLength={200}
          />
          <Button type="submit">
            <Plus /> Add card
          </Button>
        </form>
        <div className="relative sm:w-64">
          <Search
            aria-hidden="true"
            className="pointer-events-none absolute top-3 left-3 size-4 text-muted-foreground"
          />
          <Input
            type="search"
            value={query}
            onChange={(event) => setQuery(event.target.value)}
            placeholder="Search cards"
            aria-label="Search cards"
            className="pl-9"
          />
        </div>
      </div>

      <div className="mt-6 flex items-center gap-3 text-sm text-muted-foreground">
        <div aria-hidden="true" className="h-1.5 flex-1 overflow-hidden rounded-full bg-secondary">
          <div
            className="h-full rounded-full bg-primary transition-[width] duration-300"
            style={{ width: `${cards.length ? (100 * done) / cards.length : 0}%` }}
          />
        </div>
        <p className="tabular-nums">
          {done} of {cards.length} done
        </p>
      </div>

      <div className="mt-6 grid items-start gap-4 md:grid-cols-3">
        {columns.map((column) => {
          const all = cards.filter((card) => card.column === column.id);
          const shown = found.filter((card) => card.column === column.id);
          return (
            <section
              key={column.id}
              aria-labelledby={`column-${column.id}`}
              className="rounded-xl bg-muted p-3"
            >
              <div className="mb-3 flex items-center justify-between px-1">
                <h2
                  id={`column-${column.id}`}
                  tabIndex={-1}
                  className="rounded-sm text-sm font-semibold"
                >
                  {column.title}
                </h2>
                <Badge variant="accent">
                  {query.trim() ? `${shown.length} of ${all.length}` : all.length}
                  <span className="sr-only">cards</span>
                </Badge>
              </div>
              {shown.length > 0 ? (
                <ul className="flex flex-col gap-2">
                  {shown.map((card) => (
                    <CardItem
                      key={card.id}
                      card={card}
                      onMove={(direction) => move(card, direction)}
                      onDelete={() => remove(card)}
                    />
                  ))}
                </ul>
              ) : (
                <p className="rounded-lg border border-dashed border-input/50 px-3 py-6 text-center text-sm text-muted-foreground">
                  {all.length > 0 ? 'No card matches' : 'No cards yet'}
                </p>
              )}
            </section>
          );
        })}
      </div>

      <p aria-live="polite" className="sr-only">
        {announcement}
      </p>
    </div>
  );
}
