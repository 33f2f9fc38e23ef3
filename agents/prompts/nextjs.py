"""Next.js with the app router."""

from typing import Final

RULES: Final = """
- App router only: pages are `src/app/**/page.tsx`. A new app may have several pages, each a folder \
with its `page.tsx`; link them with `next/link`. No `pages/` folder, no `next/router`, no `next/head`.
- Components are server components unless their file begins with `"use client";` on the first line. \
Whatever uses state, effects, refs, event handlers, `localStorage` or a hook from `next/navigation` \
needs it. Keep `page.tsx` and `layout.tsx` server components that render client components; they \
export `metadata` (`export const metadata: Metadata = { title, description }`), and a file with \
`"use client"` must not.
- Only plain data passes from server to client components: no functions, classes or icons as props. \
Import icons where they are drawn.
- Every page is rendered on the server while building. `window`, `document` and `localStorage` exist \
only in effects and event handlers. The first render must not depend on them, on the time, on the \
time zone or on chance: start from the sample data, then load what was saved (`useSyncExternalStore` \
with a server snapshot, or an effect with a `ready` flag). Dates are formatted with a fixed locale \
and time zone.
- `params` and `searchParams` of a page are promises: `const { id } = await params`. \
`useSearchParams` needs a `<Suspense>` around its component.
- Keep `src/app/layout.tsx` with its imports of the styles, `<html lang>` and `<body>`; change \
`metadata` in it. Never `next/font/google`; the system font is set already.
- Pictures are inline SVG or files in `public/` with `<img alt>`; no `next/image` with remote \
addresses. No route handlers, server actions, middleware or `next.config` changes unless asked for.
- React 19: no `React.FC`, no `forwardRef` (`ref` is a prop), no default import of React; types by \
`import type { ReactNode } from "react"`. Hooks are called at the top, before any return. State is \
never changed in place; what can be computed while rendering is not state. Keys are ids.
"""
