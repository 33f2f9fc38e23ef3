"""Imports that no manifest declares: found by reading the source, before a build says so. Pure."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from agents.packages.manifest import declared

SOURCES: Final = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte")
ALIAS_FILES: Final = ("tsconfig.json", "tsconfig.app.json", "jsconfig.json")
"""Where path aliases are declared."""

_BUILTINS: Final = frozenset(
    [
        *("assert", "async_hooks", "buffer", "child_process", "cluster", "console"),
        *("constants", "crypto", "dgram", "dns", "domain", "events", "fs", "http"),
        *("http2", "https", "inspector", "module", "net", "os", "path", "perf_hooks"),
        *("process", "punycode", "querystring", "readline", "repl", "stream"),
        *("string_decoder", "sys", "timers", "tls", "tty", "url", "util", "v8", "vm"),
        *("wasi", "worker_threads", "zlib"),
    ]
)
_MADE: Final = (
    "$app",
    "$env",
    "$lib",
    "$service-worker",
    "virtual:",
    "astro:",
    "~icons",
    "~/",
    "bun:",
)
"""What a framework or bundler makes up itself, each by its beginning."""
_SCRIPT: Final = re.compile(r"<script\b[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)
_TOKEN: Final = re.compile(
    r"""//[^\n]*|/\*.*?\*/|`(?:[^`\\]|\\.)*`|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'""", re.DOTALL
)
_BEFORE: Final = re.compile(
    r"(?:^|[;}\s])(?:import|from)\s*$|(?:^|[^.\w$])(?:import|require)\s*\(\s*$"
)
_PACKAGE: Final = re.compile(r"(?:@[a-z0-9~][\w.~-]*/)?[a-z0-9~][\w.~-]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Undeclared:
    """A package that files import and no manifest names; `files` in the order they were given."""

    package: str
    files: tuple[str, ...]


def find_undeclared(
    sources: Mapping[str, str], manifest: str | bytes, configs: Iterable[str] = ()
) -> list[Undeclared]:
    """Which packages the sources import that `package.json` does not declare, by name.

    `configs` are the texts of `ALIAS_FILES`: what they alias is no package. Types that are
    declared as `@types/…` count as declared.
    """
    known = declared(manifest)
    aliases = [*_aliases(configs), *_own_imports(manifest)]
    found: dict[str, list[str]] = {}
    for path, text in sources.items():
        for package in dict.fromkeys(imported_packages(path, text, aliases)):
            if package not in known and _types_of(package) not in known:
                found.setdefault(package, []).append(path)
    return [Undeclared(package, tuple(paths)) for package, paths in sorted(found.items())]


def imported_packages(path: str, text: str, aliases: Collection[str] = ()) -> Iterator[str]:
    """The packages one file imports, in its order; builtins, paths and aliases left out."""
    for specifier in _specifiers(path, text):
        if specifier.startswith((".", "/", "#", "node:", "data:", "http:", "https:", *_MADE)):
            continue
        if any(_is_aliased(specifier, alias) for alias in aliases):
            continue
        name = _PACKAGE.match(specifier)
        if name and name[0].partition("/")[0] not in _BUILTINS:
            yield name[0]


def _specifiers(path: str, text: str) -> Iterator[str]:
    if not path.endswith(SOURCES):
        return
    scripts = _SCRIPT.findall(text) if path.endswith((".vue", ".svelte")) else [text]
    for script in scripts:
        for token in _TOKEN.finditer(script):
            if token[0][0] not in "\"'`" or "${" in token[0]:
                continue
            if _BEFORE.search(script[max(0, token.start() - 40) : token.start()]):
                yield token[0][1:-1]


def _is_aliased(specifier: str, alias: str) -> bool:
    head, star, tail = alias.partition("*")
    if not star:
        return specifier == alias
    return specifier.startswith(head) and specifier.endswith(tail)


def _aliases(configs: Iterable[str]) -> Iterator[str]:
    """The `paths` of TypeScript's configurations, which may hold comments and trailing commas."""
    for text in configs:
        options = _loads(text).get("compilerOptions")
        paths = options.get("paths") if isinstance(options, dict) else None
        if isinstance(paths, dict):
            yield from (alias for alias in paths if alias.strip("*"))


def _own_imports(manifest: str | bytes) -> Iterator[str]:
    own = _loads(manifest.decode(errors="replace") if isinstance(manifest, bytes) else manifest)
    imports = own.get("imports")
    if isinstance(imports, dict):
        yield from imports


def _loads(text: str) -> dict[str, Any]:
    plain = _TOKEN.sub(lambda found: "" if found[0][0] == "/" else found[0], text)
    try:
        loaded = json.loads(re.sub(r",(\s*[}\]])", r"\1", plain))
    except (ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _types_of(package: str) -> str:
    return "@types/" + package.removeprefix("@").replace("/", "__")
