"""How an app is made to run: by its template's commands, or by what its own files say. Pure.

What is derived here is derived again whenever it is needed, from the app's files alone, so that a
follow-up, a repair or a wake-up of years later agrees with the import. An app that still has its
template's name and scripts is the template's.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Final

from agents.imports.detection import framework_of, package_manager
from agents.imports.manifest import Manifest, read_manifest
from agents.templates import Template
from agents.types import Framework

_PNPM: Final = re.compile(r"pnpm@(\d{1,3}(?:\.\d{1,4}){0,2})(?![\d.])")
_PNPM_NOW: Final = "10"
_BIN: Final = "node_modules/.bin"
_CRA: Final = "react-scripts"
_MOST_NAMED: Final = 30
_OWN_SHAPE: Final = """\
This app was imported: it keeps its own structure, components, styles and conventions. Where they \
differ from the rules below, do as the app does; read what it has before you add to it"""
_BY_PNPM: Final = """\
Its packages are installed by pnpm: add one by writing it into package.json, from where it installs \
by itself; never by npm"""
_ENTRIES: Final = (
    *("src/app/page.tsx", "app/page.tsx", "src/pages/index.tsx", "pages/index.tsx"),
    *("src/app/page.jsx", "app/page.jsx", "app/page.js", "pages/index.js", "pages/index.jsx"),
    *("src/App.tsx", "src/App.jsx", "src/App.js", "src/App.vue", "src/App.svelte"),
    *("src/routes/+page.svelte", "src/app/app.ts", "src/app/app.component.ts", "src/main.ts"),
    "index.html",
)


def fitted(template: Template, manifest: bytes | None, has: Callable[[str], bool]) -> Template:
    """The template with the commands and facts of the app whose `package.json` this is.

    `has` tells whether the app has a file of that path.
    """
    if manifest is None or manifest == template.files.get("package.json"):
        return template
    own, ours = read_manifest(manifest), _manifest_of(template)
    if own.name == ours.name and ours.scripts.items() <= own.scripts.items():
        return template
    known = framework_of(own)
    title = known[1] if known is not None and known[0] is template.framework else template.title
    return replace(
        template,
        title=title,
        stack=_stack(own, title),
        install=_install(template, own, has),
        build="npm run build" if "build" in own.scripts else _own_build(template.framework, own),
        preview=_preview(template, own),
        entry=tuple(path for path in _ENTRIES if has(path))[:2] or template.entry,
        ui=(_OWN_SHAPE, _BY_PNPM) if package_manager(own, has) == "pnpm" else (_OWN_SHAPE,),
    )


@lru_cache
def _read_ours(content: bytes) -> Manifest:
    return read_manifest(content)


def _manifest_of(template: Template) -> Manifest:
    return _read_ours(template.files.get("package.json", b""))


def _install(template: Template, own: Manifest, has: Callable[[str], bool]) -> str:
    """With npm, which heeds lock files of its own and of Yarn 1; pnpm is fetched for its own.

    The app's own code does not run meanwhile, neither as a script nor as a hook of pnpm.
    """
    if package_manager(own, has) != "pnpm":
        return template.install
    found = _PNPM.match(own.package_manager)
    version = found[1] if found else _PNPM_NOW
    return (
        "{ [ -d node_modules/.pnpm ] || rm -rf node_modules; } && "
        "npm_config_manage_package_manager_versions=false "
        f"npx --yes pnpm@{version} install --no-frozen-lockfile --prefer-offline --ignore-scripts "
        "--ignore-pnpmfile"
    )


def _own_build(framework: Framework, own: Manifest) -> str:
    if framework is Framework.NEXTJS:
        return f"{_BIN}/next build"
    if framework is Framework.ANGULAR:
        return f"{_BIN}/ng build"
    return f"{_BIN}/react-scripts build" if _is_cra(own) else f"{_BIN}/vite build"


def _preview(template: Template, own: Manifest) -> str:
    """What was built is served where the framework can; Angular and Create React App cannot."""
    port = template.port
    if template.framework is Framework.NEXTJS:
        at = f"-H 127.0.0.1 -p {port}"
        exported = r"output\W+export"
        return (
            f"if grep -qsE '{exported}' next.config.*; then {_BIN}/next dev {at}; "
            f"else {_BIN}/next start {at}; fi"
        )
    if template.framework is Framework.ANGULAR:
        return f"{_BIN}/ng serve --host 127.0.0.1 --port {port}"
    if _is_cra(own):
        return (
            f"HOST=127.0.0.1 PORT={port} BROWSER=none DANGEROUSLY_DISABLE_HOST_CHECK=true "
            f"{_BIN}/react-scripts start"
        )
    return f"{_BIN}/vite preview --host 127.0.0.1 --port {port} --strictPort"


def _is_cra(own: Manifest) -> bool:
    return _CRA in own.packages and "vite" not in own.packages


def _stack(own: Manifest, title: str) -> str:
    """The packages it asks for, by name; of a stranger, so only what looks like names."""
    named = [
        f"{name} {own.version(name)}".strip()
        for name in sorted(own.packages)
        if re.fullmatch(r"(?:@[\w.-]{1,60}/)?[\w.-]{1,60}", name)
    ]
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return f"{title}, with {', '.join(named[:_MOST_NAMED]) or 'no packages'}{more}"
