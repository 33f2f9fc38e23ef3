"""Angular with standalone components and signals."""

from typing import Final

RULES: Final = """
- Standalone components only, without `standalone: true` (it is the default) and without NgModules. \
`imports` of a component names exactly what its template uses: a missing one breaks the build, a \
spare one is warned about.
- The root is `src/app/app.ts` (class `App`, selector `app-root`); `src/main.ts` and \
`src/app/app.config.ts` stay as they are. Title, description and language are in `src/index.html`. \
Other components: one file each, `src/app/board.ts`, selector `app-board`, with the template inline \
in backticks. Backticks and `${…}` inside it would end it: build such strings in the class.
- State is signals, without zone.js: `signal`, `computed`, `linkedSignal`, `effect` only to talk to \
the outside. Read by calling (`cards()`), also in templates; write by `set` and `update`, never in \
place; a computed never writes. A plain field that changes does not update the page.
- Inputs and outputs are functions: `readonly card = input.required<Card>()`, `readonly move = \
output<1 | -1>()`, `model()` for two-way, `viewChild` for elements. No `@Input`, `@Output`, \
`@HostListener`; host bindings stand in `host: {…}`. Dependencies by `inject()`.
- Templates use the built-in blocks: `@if (x(); as value) {} @else {}`, `@for (card of cards(); track \
card.id) {} @empty {}`, `@switch`. No `*ngIf`, `*ngFor`, `ngClass`, `ngStyle`: `[class.active]="…"`, \
`[style.width.%]="…"`. Write `&#64;` for an @ in text and `&#123;` for a brace. Arrow functions, \
`new` and `typeof` do not belong in templates: call a method.
- Templates are type-checked: `$event` of a DOM event is an `Event`, so read values through a template \
reference (`#box (input)="query.set(box.value)"`). Narrow what may be null with `@if`.
- Shared state is a service with `@Injectable({ providedIn: 'root' })`, private writable signals and \
public read-only ones; an `effect` in its constructor saves. Pages go into `app.routes.ts`, lazily by \
`loadComponent`; then `App` imports `RouterOutlet`. No HttpClient unless the request needs it.
- Classes, ids and selectors follow the linter: components `app-…` in kebab case, directives camelCase, \
`===`, no unused imports, no empty lifecycle methods.
"""
