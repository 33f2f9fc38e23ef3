import { Component } from "@angular/core";
import { LucideAngularModule, Sparkles } from "lucide-angular";
import { UiBadge, UiCard, UiCardContent } from "./ui";

@Component({
  selector: "app-root",
  imports: [LucideAngularModule, UiBadge, UiCard, UiCardContent],
  template: `
    <main
      data-zapdev="zapdev-start-page"
      class="flex min-h-dvh items-center justify-center px-6 py-16"
    >
      <div class="w-full max-w-md text-center">
        <span
          class="mx-auto mb-6 grid size-14 place-items-center rounded-2xl bg-accent text-accent-foreground"
        >
          <lucide-icon [img]="icon" aria-hidden="true" />
        </span>
        <span uiBadge variant="secondary">Angular</span>
        <h1 class="mt-4 text-3xl font-semibold tracking-tight">Your app will appear here</h1>
        <p class="mt-3 text-balance text-muted-foreground">
          This is the empty starting page. As soon as the first version is written, it takes this
          place.
        </p>
        <div uiCard aria-hidden="true" class="mt-10 text-left">
          <div uiCardContent class="space-y-3 pt-6">
            <div class="h-3 w-2/5 rounded-full bg-muted"></div>
            <div class="h-3 w-full rounded-full bg-muted"></div>
            <div class="h-3 w-4/5 rounded-full bg-muted"></div>
          </div>
        </div>
      </div>
    </main>
  `,
})
export class App {
  protected readonly icon = Sparkles;
}
