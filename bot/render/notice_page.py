"""A small page that says one thing, whole in itself: no script, no file beside it. Pure."""

import base64
import hashlib
from html import escape

_STYLE = """
:root { color-scheme: light dark; --ink: #14161a; --paper: #fbfbfa; --soft: #5c6270; }
@media (prefers-color-scheme: dark) { :root { --ink: #f2f2ef; --paper: #131418; --soft: #a4a9b5; } }
body { margin: 0; min-height: 100vh; display: grid; place-content: center; padding: 1.5rem;
  box-sizing: border-box; background: var(--paper); color: var(--ink);
  font: 1rem/1.6 system-ui, sans-serif; }
main { max-width: 32rem; }
h1 { font-size: 1.75rem; line-height: 1.2; letter-spacing: -.02em; margin: 0 0 .5rem; }
p { color: var(--soft); margin: 0 0 1.5rem; white-space: pre-wrap; overflow-wrap: anywhere; }
a { display: inline-block; padding: .6rem 1.1rem; border-radius: 10px; text-decoration: none;
  font-weight: 600; background: var(--ink); color: var(--paper); }
a:focus-visible { outline: 3px solid #4c7df0; outline-offset: 2px; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


def notice_policy(*, frame_ancestors: str = "'none'") -> str:
    """The Content-Security-Policy to send with it."""
    return (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
        f"form-action 'none'; frame-ancestors {frame_ancestors}"
    )


def render_notice_page(
    title: str, words: str, *, link: tuple[str, str] | None = None, again_s: int | None = None
) -> str:
    """`link` is an address and its label; with `again_s` the page is asked for again by itself."""
    button = f'<a href="{escape(link[0])}">{escape(link[1])}</a>' if link and link[0] else ""
    refresh = f'<meta http-equiv="refresh" content="{again_s}">\n' if again_s is not None else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{refresh}<title>{escape(title)} · Zapdev</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
<p role="status">{escape(words)}</p>
{button}
</main>
</body>
</html>
"""
