"""Imports that no manifest declares: found by reading the source, before a build says so. Pure."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from posixpath import normpath
from typing import Any, Final

from agents.packages.manifest import declared

SOURCES: Final = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte")

_ALIAS_FILE: Final = re.compile(
    r"(?:.*/)?(?:(?:tsconfig|jsconfig)[\w.-]*\.json|(?:vite|svelte)\.config\.[cm]?[jt]s)"
)
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
_ALIAS_BLOCK: Final = re.compile(r"\balias\s*:\s*(\{[^}]*\}|\[[^\]]*\])")
_ALIAS_KEY: Final = re.compile(
    r"""\bfind\s*:\s*["']([^"'\n]+)["']|[{,]\s*(?:["']([^"'\n]+)["']|((?!find\b)[\w$]+))\s*:"""
)
_PACKAGE: Final = re.compile(r"(?:@[a-z0-9~][\w.~-]*/)?[a-z0-9~][\w.~-]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Undeclared:
    """A package that files import and no manifest names; `files` in the order they were given."""

    package: str
    files: tuple[str, ...]


def is_alias_file(path: str) -> bool:
    """Whether path aliases are declared in this file."""
    return _ALIAS_FILE.fullmatch(path) is not None


def find_undeclared(
    sources: Mapping[str, str],
    manifests: Collection[str | bytes],
    configs: Collection[str] = (),
    paths: Collection[str] = (),
) -> list[Undeclared]:
    """Which packages the sources import that no `package.json` declares, by name.

    `configs` are the texts of files for which `is_alias_file` holds: what they alias is no
    package, nor is what lies below a `baseUrl` among `paths`, the app's files. Types that are
    declared as `@types/…` count as declared.
    """
    known = frozenset[str]().union(*map(declared, manifests))
    own = [alias for manifest in manifests for alias in _own_imports(manifest)]
    aliases = [*_aliases(configs), *_below_base_urls(configs, paths), *own]
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
    """The `paths` of TypeScript's configurations, and the `alias` of Vite's and SvelteKit's."""
    for text in configs:
        paths = _compiler_options(text).get("paths")
        if isinstance(paths, dict):
            yield from (alias for alias in paths if alias.strip("*"))
        for block in _ALIAS_BLOCK.findall(text):
            for name in filter(None, (word for key in _ALIAS_KEY.findall(block) for word in key)):
                yield from (name, f"{name.removesuffix('/*').rstrip('/')}/*")


def _below_base_urls(configs: Iterable[str], paths: Collection[str]) -> Iterator[str]:
    """What TypeScript finds in the folders named by a `baseUrl`, as aliases."""
    for text in configs:
        base = _compiler_options(text).get("baseUrl")
        if not isinstance(base, str):
            continue
        folder = normpath(base).strip("/")
        start = "" if folder == "." else f"{folder}/"
        for path in paths:
            if path.startswith(start):
                name, slash, _ = path.removeprefix(start).partition("/")
                yield f"{name}/*" if slash else name.partition(".")[0]


def _compiler_options(text: str) -> dict[str, Any]:
    """Of a configuration that may hold comments and trailing commas."""
    options = _loads(text).get("compilerOptions")
    return options if isinstance(options, dict) else {}


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
