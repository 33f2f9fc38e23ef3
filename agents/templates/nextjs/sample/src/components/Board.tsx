"use client";

import { Plus, Search } from "lucide-react";
import { useEffect, useRef, useState, type FormEvent } from "react";
import { CardItem } from "@/components/CardItem";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { addCard, moveCard, neighbour, removeCard, useCards } from "@/lib/board";
import { columns, type BoardCard, type ColumnId } from "@/lib/data";

const dots: Record<ColumnId, string> = {
  todo: "bg-warning",
  doing: "bg-primary",
  done: "bg-success",
};

function matches(card: BoardCard, words: string): boolean {
  return `${card.title} ${card.detail ?? ""}`.toLowerCase().includes(words);
}

export function Board() {
  const cards = useCards();
  const [draft, setDraft] = useState("");
  const [query, setQuery] = useState("");
  const [spoken, setSpoken] = useState("");
  const focusNext = useRef<string[]>([]);

  // A moved card is a new element: the keyboard goes on where the person was.
  useEffect(() => {
    const targets = focusNext.current.map((id) => document.getElementById(id));
    focusNext.current = [];
    targets.find((target) => target && !target.matches(":disabled"))?.focus();
  }, [cards]);

  const words = query.trim().toLowerCase();
  const shown = words ? cards.filter((card) => matches(card, words)) : cards;
  const done = cards.filter((card) => card.column === "done").length;

  function add(event: FormEvent) {
    event.preventDefault();
    const title = draft.trim();
    if (!title) return;
    addCard(title);
    setDraft("");
    setQuery("");
    setSpoken(`Added “${title}” to ${columns[0].title}.`);
  }

  function move(card: BoardCard, step: -1 | 1) {
    const target = neighbour(card.column, step);
    if (!target) return;
    const sides = step === 1 ? ["right", "left"] : ["left", "right"];
    focusNext.current = sides.map((side) => `${card.id}-${side}`);
    moveCard(card.id, target.id);
    setSpoken(`Moved “${card.title}” to ${target.title}.`);
  }

  function remove(card: BoardCard) {
    focusNext.current = [`column-${card.column}`];
    removeCard(card.id);
    setSpoken(`Deleted “${card.title}”.`);
  }

  return (
    <section aria-label="Board">
      <div className="flex flex-col gap-3 md:flex-row md:items-center md:justify-between">
        <form onSubmit={add} className="flex flex-1 gap-2 md:max-w-md">
          <Input
            aria-label="New card"
            placeholder="Add a card…"
            maxLength={120}
            autoComplete="off"
            value={draft}
            onChange={(event) => setDraft(event.target.value)}
          />
          <Button type="submit">
            <Plus aria-hidden="true" />
            Add
          </Button>
        </form>
        <div className="relative md:w-64">
          <Search
            aria-hidden="true"
            className="pointer-events-none absolute top-3 left-3 size-4 text-muted-foreground"
          />
          <Input
            type="search"
            aria-label="Search cards"
            placeholder="Search"
            className="pl-9"
            value={query}
            onChange={(event) => setQuery(event.target.value)}
          />
        </div>
      </div>

      <div className="mt-5 flex items-center gap-3 text-sm text-muted-foreground">
        <progress
          aria-label="Cards done"
          className="h-1.5 flex-1 overflow-hidden rounded-full bg-muted [&::-moz-progress-bar]:bg-primary [&::-webkit-progress-bar]:bg-muted [&::-webkit-progress-value]:rounded-full [&::-webkit-progress-value]:bg-primary"
          max={Math.max(cards.length, 1)}
          value={done}
        />
        <span className="tabular-nums">
          {done} of {cards.length} done
        </span>
      </div>

      <div className="mt-5 grid items-start gap-4 md:grid-cols-3">
        {columns.map((column) => {
          const inColumn = shown.filter((card) => card.column === column.id);
          return (
            <section
              key={column.id}
              aria-labelledby={`column-${column.id}`}
              className="rounded-xl bg-muted/70 p-3 dark:bg-muted/40"
            >
              <div className="mb-3 flex items-center gap-2 px-1">
                <span aria-hidden="true" className={`size-2.5 rounded-full ${dots[column.id]}`} />
                <h2 id={`column-${column.id}`} tabIndex={-1} className="text-sm font-semibold">
                  {column.title}
                </h2>
                <Badge variant="outline" className="ml-auto bg-card">
                  {inColumn.length}
                  <span className="sr-only">{inColumn.length === 1 ? "card" : "cards"}</span>
                </Badge>
              </div>
              <ul className="space-y-3">
                {inColumn.map((card) => (
                  <CardItem key={card.id} card={card} onMove={move} onRemove={remove} />
                ))}
              </ul>
              {inColumn.length === 0 && (
                <p className="rounded-lg border border-dashed border-input/50 px-3 py-6 text-center text-sm text-muted-foreground">
                  {words ? "No card matches" : "Nothing here yet"}
                </p>
              )}
            </section>
          );
        })}
      </div>

      <p role="status" className="sr-only">
        {spoken}
      </p>
    </section>
  );
}
