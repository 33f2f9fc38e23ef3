import { Directive } from "@angular/core";

const field =
  "w-full rounded-lg border border-input bg-card px-3 text-sm text-foreground placeholder:text-muted-foreground focus-visible:outline-offset-0 disabled:cursor-not-allowed disabled:opacity-50 aria-invalid:border-destructive";

/** <input uiInput id="name" /> */
@Directive({ selector: "input[uiInput], select[uiInput]", host: { class: `${field} h-10` } })
export class UiInput {}

/** <textarea uiTextarea rows="3"></textarea> */
@Directive({ selector: "textarea[uiTextarea]", host: { class: `${field} py-2` } })
export class UiTextarea {}

/** <label uiLabel for="name">…</label> */
@Directive({ selector: "label[uiLabel]", host: { class: "text-sm font-medium" } })
export class UiLabel {}
