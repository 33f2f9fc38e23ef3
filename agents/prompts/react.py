"""React with Vite."""

from typing import Final

RULES: Final = """
- A single-page app: `src/main.tsx` stays as it is and renders `src/App.tsx`. Title, description and \
language are in `index.html`. There is no server code and nothing of Next.js: no `"use client"`, no \
`next/*` imports, no `metadata` export.
- Several views: keep the current one in state, mirrored in `location.hash` so that reload and the \
back button work. Add a router package only when the request needs real addresses.
- React 19: function components with typed props, no `React.FC`, no `forwardRef` (`ref` is a prop), \
no default import of React. With `verbatimModuleSyntax`, types are imported by `import type`.
- Hooks are called at the top, before any return, with complete dependency lists. What can be \
computed while rendering is not state and needs no effect. Effects only talk to the outside \
(storage, timers, listeners) and clean up; do not set state in an effect just to follow a prop. \
Saved state is read in the initialiser: `useState(() => load())`.
- State is never changed in place; updates that depend on the old value use the function form. \
State shared by many parts: a reducer with a context, or a custom hook in `src/hooks/`.
- Keys are ids, never indexes of lists that change. Ids come from `crypto.randomUUID()` in event \
handlers. Forms use `onSubmit` with `preventDefault`; inputs are controlled.
- Styles are Tailwind classes joined by the template's `cn`; `style={{…}}` only for computed values. \
No class names built from pieces (`bg-${color}`): map values to whole names.
"""
