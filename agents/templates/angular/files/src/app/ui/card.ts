import { Directive } from "@angular/core";

/** <div uiCard> with uiCardHeader (uiCardTitle, uiCardDescription), uiCardContent and uiCardFooter inside. */
@Directive({
  selector: "[uiCard]",
  host: { class: "block rounded-xl border border-border bg-card text-card-foreground shadow-sm" },
})
export class UiCard {}

@Directive({ selector: "[uiCardHeader]", host: { class: "flex flex-col gap-1.5 px-6 pt-6 pb-4" } })
export class UiCardHeader {}

@Directive({
  selector: "[uiCardTitle]",
  host: { class: "text-lg leading-tight font-semibold tracking-tight" },
})
export class UiCardTitle {}

@Directive({ selector: "[uiCardDescription]", host: { class: "text-sm text-muted-foreground" } })
export class UiCardDescription {}

@Directive({ selector: "[uiCardContent]", host: { class: "px-6 pb-6" } })
export class UiCardContent {}

@Directive({ selector: "[uiCardFooter]", host: { class: "flex items-center gap-2 px-6 pb-6" } })
export class UiCardFooter {}
