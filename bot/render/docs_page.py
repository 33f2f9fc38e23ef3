"""An OpenAPI document as one page to read, whole in itself: no script, no file beside it. Pure.

It knows of OpenAPI what our own document uses.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; --paper: #fafaf8; --sheet: #fff; --line: #e4e4df; --ink: #1a1c1a;
  --soft: #5d615c; --accent: #0b6b4f; --wash: #e6f2ec; --post: #8a5a00; --post-wash: #fbf3e0;
  --mono: ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
@media (prefers-color-scheme: dark) { :root { --paper: #121413; --sheet: #191c1a; --line: #2a2e2b;
  --ink: #eceeea; --soft: #a7ada7; --accent: #6fdcb1; --wash: #17302a; --post: #f0c674;
  --post-wash: #2e2716; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
.page { display: grid; grid-template-columns: 17rem minmax(0, 46rem); gap: 3rem; margin: 0 auto;
  max-width: 70rem; padding: 0 1.5rem; }
nav { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow-y: auto;
  padding: 2rem 0; font-size: .85rem; }
nav a { display: flex; align-items: baseline; padding: .15rem 0; text-decoration: none; overflow-wrap: anywhere; }
nav a:hover { text-decoration: underline; }
nav a > span:last-child { min-width: 0; }
nav h2, summary { font-size: .8rem; font-weight: 600; color: var(--soft); }
nav h2 { margin: 1.2rem 0 .3rem; }
.brief { display: none; }
main { padding: 2rem 0 6rem; }
h1 { font-size: 2rem; letter-spacing: -.02em; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.4rem; letter-spacing: -.01em; margin: 3rem 0 1rem; }
h3 { font: 600 1rem/1.4 var(--mono); margin: 0; overflow-wrap: anywhere; }
h4 { font-size: .8rem; color: var(--soft); margin: 1.1rem 0 .3rem; }
p { margin: .4rem 0; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
section { background: var(--sheet); border: 1px solid var(--line); border-radius: 14px;
  padding: 1.1rem 1.25rem; margin: 1rem 0; }
code, pre { font-family: var(--mono); font-size: .85em; }
pre { margin: .3rem 0 0; padding: .7rem .9rem; overflow-x: auto; border-radius: 10px;
  background: var(--paper); border: 1px solid var(--line); }
.verb { display: inline-block; flex: none; min-width: 3rem; font: 600 .7rem/1.6 var(--mono); text-align: center;
  border-radius: 6px; padding: 0 .4rem; margin-right: .4rem; background: var(--wash);
  color: var(--accent); }
.post { background: var(--post-wash); color: var(--post); }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
td, th { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; font-weight: 400;
  border-top: 1px solid var(--line); overflow-wrap: anywhere; }
tr:first-child > * { border-top: 0; }
th { font: .85rem/1.6 var(--mono); width: 11rem; }
.soft { color: var(--soft); }
@media (max-width: 60rem) { .page { display: block; padding: 0 1rem; } .wide { display: none; }
  .brief { display: block; } nav { position: static; max-height: none; padding: 1rem 0 0; }
  summary { padding: .6rem 0; cursor: pointer; } main { padding-top: 1rem; } th { width: 8rem; } }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

Schema = Mapping[str, Any]


def docs_policy() -> str:
    """The Content-Security-Policy to send with it."""
    return (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )


def render_docs_page(document: Schema, address: str) -> str:
    """`address` is where the examples send their requests."""
    info = document["info"]
    calls = list(_calls(document))
    schemas = document["components"]["schemas"]
    links = "".join(_call_link(verb, path, call) for verb, path, call in calls)
    models = "".join(_link(_id(name), escape(name)) for name in sorted(schemas))
    contents = f"<h2>Calls</h2>{links}<h2>Shapes</h2>{models}"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(info["title"])} API</title>
<style>{_STYLE}</style>
</head>
<body>
<div class="page">
<nav class="wide" aria-label="Contents">{contents}</nav>
<nav class="brief" aria-label="Contents"><details><summary>Contents</summary>{contents}</details></nav>
<main>
<h1>{escape(info["title"])} API</h1>
{_prose(info["description"])}
<p class="soft">Version {escape(info["version"])} · <a href="/openapi.json">openapi.json</a></p>
<h2>Calls</h2>
{"".join(_call(*call, address, schemas) for call in calls)}
<h2>Shapes</h2>
{"".join(_model(name, schemas[name]) for name in sorted(schemas))}
</main>
</div>
</body>
</html>
"""


def _calls(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    for path, verbs in document["paths"].items():
        for verb, call in verbs.items():
            yield verb, path, call


def _id(name: str) -> str:
    return escape(f"shape-{name}")


def _verb(verb: str) -> str:
    return f'<span class="verb {escape(verb)}">{escape(verb.upper())}</span>'


def _call_link(verb: str, path: str, call: Schema) -> str:
    return _link(escape(call["operationId"]), f"{_verb(verb)}<span>{_breakable(path)}</span>")


def _link(name: str, words: str) -> str:
    return f'<a href="#{name}">{words}</a>'


def _breakable(path: str) -> str:
    """A path that a narrow column breaks before a slash, not within a word."""
    return escape(path).replace("/", "<wbr>/")


def _call(verb: str, path: str, call: Schema, address: str, schemas: Schema) -> str:
    body = call.get("requestBody", {}).get("content", {}).get("application/json")
    parts = [
        f'<section id="{escape(call["operationId"])}"><h3>{_verb(verb)}{escape(path)}</h3>',
        _prose(call["summary"]),
    ]
    if parameters := call.get("parameters"):
        parts.append(f"<h4>Parameters</h4>{_table(map(_parameter, parameters))}")
    if body:
        parts.append(f"<h4>Body</h4><p>{_type(body['schema'])}</p>")
    answers = (_answer(status, reply) for status, reply in call["responses"].items())
    parts.append(f"<h4>Answers</h4>{_table(answers)}")
    example = _curl(verb, f"{address}{path}", call, body and _example(body["schema"], schemas))
    return "".join(parts) + f"<h4>Example</h4><pre>{escape(example)}</pre></section>\n"


def _parameter(parameter: Schema) -> tuple[str, str]:
    place = {"header": " (header)", "query": " (query)"}.get(parameter["in"], "")
    needed = "" if parameter["required"] else " Optional."
    return f"{escape(parameter['name'])}<span class=soft>{place}</span>", (
        f"{_words(parameter['description'])}{needed}"
    )


def _answer(status: str, reply: Schema) -> tuple[str, str]:
    kinds = [
        _type(media["schema"]) if kind == "application/json" else f"<code>{escape(kind)}</code>"
        for kind, media in reply.get("content", {}).items()
    ]
    return escape(status), f"{_words(reply['description'])} {', '.join(kinds)}"


def _model(name: str, schema: Schema) -> str:
    parts = [f'<section id="{_id(name)}"><h3>{escape(name)}</h3>']
    if words := schema.get("description"):
        parts.append(_prose(words))
    if fields := schema.get("properties"):
        required = schema.get("required", ())
        parts.append(_table(_field(key, field, key in required) for key, field in fields.items()))
    else:
        parts.append(f"<p>{_type(schema)}</p>")
    return "".join(parts) + "</section>\n"


def _field(name: str, field: Schema, required: bool) -> tuple[str, str]:  # noqa: FBT001 - a cell
    return escape(name), _type(field) + ("" if required else ' <span class="soft">optional</span>')


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = (f'<tr><th scope="row">{left}</th><td>{right}</td></tr>' for left, right in rows)
    return f"<table>{''.join(lines)}</table>"


def _type(schema: Schema) -> str:
    """The schema in words, as HTML."""
    if reference := schema.get("$ref"):
        name = reference.rpartition("/")[2]
        return f'<a href="#{_id(name)}">{escape(name)}</a>'
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(_type(choice) for choice in schema[key])
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return ", ".join(f"<code>{escape(json.dumps(value))}</code>" for value in values)
    kind = schema.get("type", "anything")
    if kind == "array" and "items" in schema:
        return f"list of {_type(schema['items'])}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"object of {_type(schema['additionalProperties'])}"
    return escape(str(schema.get("format", kind)))


def _example(schema: Schema, schemas: Schema) -> Any:
    """The smallest value of a body: what it must have."""
    if reference := schema.get("$ref"):
        return _example(schemas[reference.rpartition("/")[2]], schemas)
    fields = schema.get("properties", {})
    return {name: _SAMPLES.get(name, "…") for name in fields if name in schema.get("required", ())}


_SAMPLES = {"prompt": "A kanban board for a bike shop", "path": "src/App.tsx"}


def _curl(verb: str, url: str, call: Schema, body: Any) -> str:
    needed = [p["name"] for p in call.get("parameters", ()) if p["in"] == "query" and p["required"]]
    query = "&".join(f"{name}=…" for name in needed)
    parts = ["curl"]
    if any("text/event-stream" in r.get("content", {}) for r in call["responses"].values()):
        parts.append("-N")
    if verb == "post":
        parts.append(f"-d '{json.dumps(body or {}, ensure_ascii=False)}'")
        parts.append("-H 'Content-Type: application/json'")
    if call["security"]:
        parts.append('-H "Authorization: Bearer $TOKEN"')
    parts.append(f"'{url}{'?' if query else ''}{query}'")
    return " \\\n  ".join(parts) if len(parts) > 2 else " ".join(parts)


def _prose(text: str) -> str:
    """Paragraphs with **bold** and `code`."""
    return "".join(f"<p>{_words(part)}</p>" for part in text.strip().split("\n\n"))


def _words(text: str) -> str:
    marked = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(text))
    return re.sub(r"`(.+?)`", r"<code>\1</code>", marked)
