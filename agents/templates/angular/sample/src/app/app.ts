import { Component } from "@angular/core";
import { LayoutDashboard, LucideAngularModule } from "lucide-angular";
import { headline, notes, request, topic } from "../lib/data";
import { Board } from "./board";
import { UiCard, UiCardContent, UiCardHeader, UiCardTitle } from "./ui";

@Component({
  selector: "app-root",
  imports: [Board, LucideAngularModule, UiCard, UiCardContent, UiCardHeader, UiCardTitle],
  template: `
    <main
      class="mx-auto flex min-h-dvh w-full max-w-6xl flex-col gap-8 px-4 py-8 sm:px-6 sm:py-12"
    >
      <header class="flex items-start gap-4">
        <span
          class="grid size-12 shrink-0 place-items-center rounded-xl bg-primary text-primary-foreground shadow-sm"
        >
          <lucide-icon [img]="icon" aria-hidden="true" />
        </span>
        <div class="min-w-0">
          <h1 class="text-2xl font-semibold tracking-tight wrap-anywhere sm:text-3xl">
            {{ headline }}
          </h1>
          <p class="mt-1 wrap-anywhere text-muted-foreground">Plan for: {{ topic }}</p>
        </div>
      </header>

      <app-board />

      @if (notes.length > 0) {
        <section uiCard aria-labelledby="notes">
          <div uiCardHeader>
            <h2 uiCardTitle id="notes">Notes</h2>
          </div>
          <div uiCardContent>
            <ul class="list-disc space-y-1.5 pl-5 wrap-anywhere marker:text-primary">
              @for (note of notes; track $index) {
                <li>{{ note }}</li>
              }
            </ul>
          </div>
        </section>
      }

      <footer class="mt-auto border-t border-border pt-5 text-sm text-muted-foreground">
        <p class="wrap-anywhere">You asked: “{{ request }}”</p>
        <p class="mt-1">
          A sample app by the built-in offline model, made without AI. Cards stay in this browser.
        </p>
      </footer>
    </main>
  `,
})
export class App {
  protected readonly icon = LayoutDashboard;
  protected readonly headline = headline;
  protected readonly notes = notes;
  protected readonly request = request;
  protected readonly topic = topic;
}
