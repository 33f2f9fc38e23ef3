"""Vue with Vite."""

from typing import Final

RULES: Final = """
- Single-file components with `<script setup lang="ts">` first, then `<template>`, then `<style>` \
only where classes do not do. No options API, no `export default`, no mixins, no JSX.
- `src/main.ts` stays as it is and mounts `src/App.vue`. Title, description and language are in \
`index.html`. No Nuxt: nothing is imported by itself; import `ref`, `computed` and the rest from \
`vue`, and every component you use.
- Props and events are typed: `const { card, busy = false } = defineProps<{ card: Card; busy?: \
boolean }>()`, `const emit = defineEmits<{ move: [id: string, column: Column] }>()`; two-way by \
`defineModel<string>()`. Never change a prop; emit instead.
- State: `ref` for values, `computed` for what follows from them, `watch` only to talk to the \
outside. In scripts a ref needs `.value`, in templates it does not. Do not destructure a `reactive` \
object. Replace or change arrays through the ref, never a copy nobody watches.
- Shared logic and state are composables in `src/composables/useX.ts` that return refs and \
functions; one module-level `ref` makes shared state. Save with `watch(state, save, { deep: true })`.
- Templates: `v-for` with `:key` by id, never with `v-if` on the same element (use a computed list \
or a `<template v-for>`); `@submit.prevent`; `v-model.trim`; expressions stay short and call \
functions from the script. Every element and attribute is closed; templates are type-checked, \
so narrow what may be undefined.
- Enter and leave by `<Transition>` and `<TransitionGroup tag="ul">`. Template refs by \
`useTemplateRef<HTMLDialogElement>('dialog')`. Component names have two words or belong to the UI set.
"""
