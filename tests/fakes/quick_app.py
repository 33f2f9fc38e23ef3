"""A real app that lints, builds and starts in a second: what is tested is the way, not the app.

The template's tools run, on files that give them next to nothing to do.
"""

import html

WORDS = "Bikes and boards"


def quick_app(words: str = WORDS) -> dict[str, str]:
    """Files over the React template; the page holds the words."""
    return {
        "index.html": (
            f"<!doctype html><title>{html.escape(words)}</title><h1>{html.escape(words)}</h1>\n"
        ),
        "tsconfig.json": '{ "extends": "./tsconfig.app.json", "files": [], "include": [] }\n',
        "eslint.config.js": "export default [{}];\n",
        "vite.config.ts": "export default {};\n",
    }
