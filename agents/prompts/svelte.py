"""Svelte 5 with Vite, without SvelteKit."""

from typing import Final

RULES: Final = """
- Svelte 5 with runes, in `<script lang="ts">`: `let count = $state(0)`, `const total = \
$derived(…)`, `$derived.by(() => …)` for longer ones, `$effect(() => …)` only to talk to the \
outside (storage, timers, the document). Never the old forms: no `export let`, no `$:`, no \
`on:click`, no `<slot>`, no `createEventDispatcher`, no stores where `$state` does.
- Props: `let { card, onmove, children }: { card: Card; onmove: (id: string) => void; children?: \
Snippet } = $props();`. Two-way by `$bindable()`. Parents pass functions, children call them. \
Content is a snippet: `{@render children?.()}`.
- Events are attributes: `onclick={add}`, `onsubmit={(event) => { event.preventDefault(); add(); }}`, \
`oninput`. There are no event modifiers.
- `src/main.ts` stays as it is and mounts `src/App.svelte`. This is not SvelteKit: no `+page.svelte`, \
no `$app/*`, no `$lib`, no load functions. Title, description and language are in `index.html`.
- Shared state lives in `src/lib/x.svelte.ts` (the ending allows runes there) as an object or class \
with `$state` fields; never export a `$state` variable that is reassigned. Objects and arrays in \
`$state` may be changed in place.
- Read saved state when `$state` is initialised; save in one `$effect` that reads what it saves \
(`$state.snapshot(list)`). Do not set state in an effect that depends on it.
- Blocks: `{#each items as item (item.id)}` always with a key; `{#if}` … `{:else}`; `{@const}` only \
directly inside a block. Elements that are not void are closed: `<div></div>`. Every `<label>` has \
`for` or holds its field; a click handler belongs on a button. The compiler's accessibility warnings \
count as mistakes.
- `import type` for types. Motion by `svelte/transition` and `svelte/animate` with short durations.
"""
