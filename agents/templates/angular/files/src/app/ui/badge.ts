import { Directive, computed, input } from "@angular/core";

const variants = {
  primary: "bg-accent text-accent-foreground",
  secondary: "bg-muted text-muted-foreground",
  outline: "border border-border text-foreground",
  success: "bg-success/12 text-success",
  warning: "bg-warning/12 text-warning",
  destructive: "bg-destructive/12 text-destructive",
};

const base =
  "inline-flex items-center gap-1 rounded-full px-2.5 py-0.5 text-xs font-medium tabular-nums";

/** <span uiBadge variant="success">…</span> */
@Directive({ selector: "[uiBadge]", host: { "[class]": "classes()" } })
export class UiBadge {
  readonly variant = input<keyof typeof variants>("primary");
  protected readonly classes = computed(() => `${base} ${variants[this.variant()]}`);
}
