import { Component, computed, input, output } from "@angular/core";
import { ArrowLeft, ArrowRight, LucideAngularModule, Trash2 } from "lucide-angular";
import type { BoardCard } from "../lib/data";
import { neighbour } from "./board-store";
import { UiButton, UiCard } from "./ui";

@Component({
  selector: "app-card-item",
  imports: [LucideAngularModule, UiButton, UiCard],
  template: `
    <div uiCard class="p-4 pb-2.5 transition-shadow hover:shadow-md">
      <h3 class="leading-snug font-medium wrap-anywhere">{{ card().title }}</h3>
      @if (card().detail) {
        <p class="mt-1 text-sm wrap-anywhere text-muted-foreground">{{ card().detail }}</p>
      }
      <div class="mt-2 -ml-2 flex items-center gap-1">
        <button
          uiButton
          type="button"
          variant="ghost"
          size="icon"
          [id]="card().id + '-left'"
          [disabled]="!left()"
          [attr.aria-label]="leftLabel()"
          (click)="move.emit(-1)"
        >
          <lucide-icon [img]="icons.left" aria-hidden="true" />
        </button>
        <button
          uiButton
          type="button"
          variant="ghost"
          size="icon"
          [id]="card().id + '-right'"
          [disabled]="!right()"
          [attr.aria-label]="rightLabel()"
          (click)="move.emit(1)"
        >
          <lucide-icon [img]="icons.right" aria-hidden="true" />
        </button>
        <button
          uiButton
          type="button"
          variant="ghost"
          size="icon"
          class="-mr-2 ml-auto"
          [attr.aria-label]="'Delete “' + card().title + '”'"
          (click)="remove.emit()"
        >
          <lucide-icon
            [img]="icons.remove"
            class="text-muted-foreground hover:text-destructive"
            aria-hidden="true"
          />
        </button>
      </div>
    </div>
  `,
})
export class CardItem {
  readonly card = input.required<BoardCard>();
  readonly move = output<-1 | 1>();
  readonly remove = output();

  protected readonly icons = { left: ArrowLeft, right: ArrowRight, remove: Trash2 };
  protected readonly left = computed(() => neighbour(this.card().column, -1));
  protected readonly right = computed(() => neighbour(this.card().column, 1));
  protected readonly leftLabel = computed(() => this.moveLabel(this.left()?.title, "first"));
  protected readonly rightLabel = computed(() => this.moveLabel(this.right()?.title, "last"));

  private moveLabel(target: string | undefined, end: string): string {
    return target ? `Move “${this.card().title}” to ${target}` : `Already in the ${end} column`;
  }
}
