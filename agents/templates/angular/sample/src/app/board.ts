import { Component, Injector, afterNextRender, computed, inject, signal } from "@angular/core";
import { LucideAngularModule, Plus, Search } from "lucide-angular";
import { columns, type BoardCard, type ColumnId } from "../lib/data";
import { BoardStore, neighbour } from "./board-store";
import { CardItem } from "./card-item";
import { UiBadge, UiButton, UiInput } from "./ui";

const dots: Record<ColumnId, string> = {
  todo: "bg-warning",
  doing: "bg-primary",
  done: "bg-success",
};

function matches(card: BoardCard, words: string): boolean {
  return `${card.title} ${card.detail ?? ""}`.toLowerCase().includes(words);
}

@Component({
  selector: "app-board",
  imports: [CardItem, LucideAngularModule, UiBadge, UiButton, UiInput],
  host: { class: "block" },
  template: `
    <section aria-label="Board">
      <div class="flex flex-col gap-3 md:flex-row md:items-center md:justify-between">
        <form class="flex flex-1 gap-2 md:max-w-md" (submit)="add($event, draft)">
          <input
            #draft
            uiInput
            type="text"
            aria-label="New card"
            placeholder="Add a card…"
            maxlength="120"
            autocomplete="off"
          />
          <button uiButton type="submit">
            <lucide-icon [img]="icons.add" aria-hidden="true" />
            Add
          </button>
        </form>
        <div class="relative md:w-64">
          <span class="pointer-events-none absolute top-3 left-3 text-muted-foreground">
            <lucide-icon [img]="icons.search" [size]="16" class="block" aria-hidden="true" />
          </span>
          <input
            #search
            uiInput
            type="search"
            aria-label="Search cards"
            placeholder="Search"
            [style.padding-left.rem]="2.25"
            [value]="query()"
            (input)="query.set(search.value)"
          />
        </div>
      </div>

      <div class="mt-5 flex items-center gap-3 text-sm text-muted-foreground">
        <progress
          aria-label="Cards done"
          class="h-1.5 flex-1 overflow-hidden rounded-full bg-muted [&::-moz-progress-bar]:bg-primary [&::-webkit-progress-bar]:bg-muted [&::-webkit-progress-value]:rounded-full [&::-webkit-progress-value]:bg-primary"
          [max]="cards().length || 1"
          [value]="done()"
        ></progress>
        <span class="tabular-nums">{{ done() }} of {{ cards().length }} done</span>
      </div>

      <div class="mt-5 grid items-start gap-4 md:grid-cols-3">
        @for (column of shown(); track column.id) {
          <section
            class="rounded-xl bg-muted/70 p-3 dark:bg-muted/40"
            [attr.aria-labelledby]="'column-' + column.id"
          >
            <div class="mb-3 flex items-center gap-2 px-1">
              <span aria-hidden="true" class="size-2.5 rounded-full {{ dots[column.id] }}"></span>
              <h2 [id]="'column-' + column.id" tabindex="-1" class="text-sm font-semibold">
                {{ column.title }}
              </h2>
              <span uiBadge variant="outline" class="ml-auto bg-card">
                {{ column.cards.length }}
                <span class="sr-only">{{ column.cards.length === 1 ? "card" : "cards" }}</span>
              </span>
            </div>
            <ul class="space-y-3">
              @for (card of column.cards; track card.id) {
                <li>
                  <app-card-item
                    [card]="card"
                    (move)="move(card, $event)"
                    (remove)="remove(card)"
                  />
                </li>
              }
            </ul>
            @if (column.cards.length === 0) {
              <p
                class="rounded-lg border border-dashed border-input/50 px-3 py-6 text-center text-sm text-muted-foreground"
              >
                {{ words() ? "No card matches" : "Nothing here yet" }}
              </p>
            }
          </section>
        }
      </div>

      <p role="status" class="sr-only">{{ spoken() }}</p>
    </section>
  `,
})
export class Board {
  private readonly store = inject(BoardStore);
  private readonly injector = inject(Injector);

  protected readonly dots = dots;
  protected readonly icons = { add: Plus, search: Search };
  protected readonly cards = this.store.cards;
  protected readonly query = signal("");
  protected readonly spoken = signal("");
  protected readonly words = computed(() => this.query().trim().toLowerCase());
  protected readonly done = computed(
    () => this.cards().filter((card) => card.column === "done").length,
  );
  protected readonly shown = computed(() => {
    const words = this.words();
    const found = this.cards().filter((card) => !words || matches(card, words));
    return columns.map((column) => ({
      ...column,
      cards: found.filter((card) => card.column === column.id),
    }));
  });

  protected add(event: Event, draft: HTMLInputElement): void {
    event.preventDefault();
    const title = draft.value.trim();
    if (!title) return;
    this.store.add(title);
    draft.value = "";
    this.query.set("");
    this.spoken.set(`Added “${title}” to ${columns[0].title}.`);
  }

  protected move(card: BoardCard, step: -1 | 1): void {
    const target = neighbour(card.column, step);
    if (!target) return;
    this.store.move(card, target.id);
    const sides = step === 1 ? ["right", "left"] : ["left", "right"];
    this.focusNext(sides.map((side) => `${card.id}-${side}`));
    this.spoken.set(`Moved “${card.title}” to ${target.title}.`);
  }

  protected remove(card: BoardCard): void {
    this.store.remove(card);
    this.focusNext([`column-${card.column}`]);
    this.spoken.set(`Deleted “${card.title}”.`);
  }

  /** A moved card is a new element: the keyboard goes on where the person was. */
  private focusNext(ids: string[]): void {
    afterNextRender(
      () => {
        const targets = ids.map((id) => document.getElementById(id));
        targets.find((target) => target && !target.matches(":disabled"))?.focus();
      },
      { injector: this.injector },
    );
  }
}
