"""What a repository is made with, and what can be done where it is none of the five. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agents.errors import ImportDenied
from agents.imports.manifest import Manifest, read_manifest
from agents.types import Framework

_MANIFEST: Final = "package.json"
_WORKSPACES: Final = ("lerna.json", "nx.json", "turbo.json", "rush.json")
_PNPM_PACKAGES: Final = re.compile(rb"^packages\s*:", re.MULTILINE)
"""Without packages a `pnpm-workspace.yaml` holds only settings."""
_ROOT_SOURCE: Final = re.compile(r"index\.html$|(?:src|app|pages)/")
_BESIDE: Final = "There are other apps in its folders; the one at its root is what is built here."
_NAME: Final = re.compile(r"(?:@[\w.-]{1,60}/)?[\w.-]{1,60}")
_DEEPEST: Final = 3
_SHOWN: Final = 6
_FIVE: Final = "Next.js, React, Vue, Angular and Svelte"

_OTHERS: Final[Mapping[str, str]] = {
    "nuxt": "Nuxt",
    "astro": "Astro",
    "gatsby": "Gatsby",
    "@remix-run/react": "Remix",
    "@react-router/dev": "React Router as a framework",
    "@tanstack/react-start": "TanStack Start",
    "expo": "Expo",
    "react-native": "React Native",
    "electron": "Electron",
    "@builder.io/qwik": "Qwik",
    "solid-js": "Solid",
    "preact": "Preact",
    "lit": "Lit",
    "ember-source": "Ember",
    "@ionic/vue": "Ionic",
    "@ionic/angular": "Ionic",
    "vitepress": "VitePress",
    "@docusaurus/core": "Docusaurus",
    "@vue/cli-service": "Vue CLI",
    "@nestjs/core": "NestJS",
    "express": "Express",
    "fastify": "Fastify",
}
"""Packages that say what else an app is made with; the first that is there names it."""

_ADD_ONS: Final = frozenset({"lit", "preact", "vitepress", "express", "fastify", "electron"})
"""Those that an app of the five may have beside its framework."""

_LANGUAGES: Final = dict(
    item.split(":")
    for item in (
        *("py:Python", "ipynb:Python notebooks", "rs:Rust", "go:Go", "java:Java", "kt:Kotlin"),
        *("rb:Ruby", "php:PHP", "cs:C#", "cpp:C++", "c:C", "swift:Swift", "dart:Dart"),
        *("ex:Elixir", "scala:Scala", "html:plain HTML"),
    )
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an app is made with. `title` is for people: `Next.js 15.1`."""

    framework: Framework
    title: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Within:
    """An app in a folder of the repository."""

    path: str
    title: str


def recognise(files: Mapping[str, bytes], manifests: Mapping[str, bytes], *, where: str) -> Verdict:
    """What the app at the root of these files is made with.

    `manifests` are those of all folders; `where` is how the repository is called
    (`owner/repo@ref`), for naming a folder of it.

    Raises: ImportDenied: it is none of the five; the text says what it is, the hint what to do.
    """
    manifest = read_manifest(manifests.get(_MANIFEST))
    found = framework_of(manifest)
    within = apps_within(manifests)
    is_shared = bool(within) and _is_workspace(manifest, files)
    if found is not None and (not is_shared or any(map(_ROOT_SOURCE.match, files))):
        told = [_BESIDE] if is_shared else []
        return Verdict(found[0], found[1], (*told, *_warnings(manifest, files)))
    raise _denied(manifest, files, within, where)


def framework_of(manifest: Manifest) -> tuple[Framework, str] | None:
    """The framework of an app with this manifest, and its name for people; None for others."""
    packages = manifest.packages
    if "next" in packages:
        return Framework.NEXTJS, _titled("Next.js", manifest.version("next"))
    if any(name in packages for name in _OTHERS if name not in _ADD_ONS):
        return None
    if "@angular/core" in packages:
        return Framework.ANGULAR, _titled("Angular", manifest.version("@angular/core"))
    for framework, name, package in _BY_VITE:
        if package in packages and ("vite" in packages or package == "react"):
            return _with_vite(manifest, framework, name, package)
    return None


_BY_VITE: Final = (
    (Framework.SVELTE, "Svelte", "svelte"),
    (Framework.VUE, "Vue", "vue"),
    (Framework.REACT, "React", "react"),
)


def _with_vite(
    manifest: Manifest, framework: Framework, name: str, package: str
) -> tuple[Framework, str] | None:
    title = _titled(name, manifest.version(package))
    if "@sveltejs/kit" in manifest.packages:
        title = _titled("SvelteKit", manifest.version("@sveltejs/kit"))
    if "vite" in manifest.packages:
        return framework, f"{title} with Vite"
    if "react-scripts" in manifest.packages:
        return framework, f"{title} with Create React App"
    return None


def apps_within(manifests: Mapping[str, bytes]) -> list[Within]:
    """The apps in folders of the repository, at most three folders deep, sorted by path."""
    found = []
    for path in sorted(manifests):
        folder = path.rpartition("/")[0]
        if not folder or folder.count("/") >= _DEEPEST:
            continue
        known = framework_of(read_manifest(manifests[path]))
        if known is not None:
            found.append(Within(folder, known[1]))
    return found


def package_manager(manifest: Manifest, paths: Callable[[str], bool]) -> str:
    """npm, pnpm, yarn or bun: by its lock file, then by what the manifest says.

    `paths` tells whether the app has a file.
    """
    for lock, name in _LOCKS:
        if paths(lock):
            return name
    named = manifest.package_manager.partition("@")[0]
    return named if named in ("pnpm", "yarn", "bun") else "npm"


_LOCKS: Final = (
    ("package-lock.json", "npm"),
    ("npm-shrinkwrap.json", "npm"),
    ("pnpm-lock.yaml", "pnpm"),
    ("yarn.lock", "yarn"),
    ("bun.lock", "bun"),
    ("bun.lockb", "bun"),
)


def _warnings(manifest: Manifest, files: Mapping[str, bytes]) -> list[str]:
    """What may go wrong with it here."""
    told = []
    manager = package_manager(manifest, files.__contains__)
    if manager == "bun":
        told.append("Its bun lock file is not used: npm chooses the packages' versions.")
    if manager == "yarn" and b"__metadata:" in files.get("yarn.lock", b"")[:2_000]:
        told.append("Its lock file of Yarn 2+ is not used: npm chooses the packages' versions.")
    local = [
        name
        for name, wanted in manifest.packages.items()
        if _is_local(wanted) and _NAME.fullmatch(name)
    ]
    if local:
        told.append(
            f"It needs other packages of its repository ({_listed(sorted(local)[:_SHOWN])}), "
            "which an import of one folder does not bring."
        )
    called = [word for word in ("pnpm", "yarn", "bun") if _calls(manifest.scripts, word)]
    if called:
        told.append(f"Its build calls {_listed(called)}, which apps here do not have.")
    if not manifest.scripts.get("build"):
        told.append("It has no build script; the framework's own command is used.")
    if ".gitmodules" in files:
        told.append("Its submodules are repositories of their own, and are not brought.")
    if any(_GOOGLE_FONTS in content for content in files.values()):
        told.append(
            "It loads fonts from Google while it is built, and nothing but packages can be "
            "reached from here: that fails until they are fonts of its own."
        )
    if any(content.startswith(_LFS) for content in files.values()):
        told.append("Large files kept in Git LFS are only placeholders here.")
    return told


_GOOGLE_FONTS: Final = b"next/font/google"
_LFS: Final = b"version https://git-lfs.github.com/spec/"


def _is_local(wanted: str) -> bool:
    return wanted.startswith(("workspace:", "file:..", "link:.."))


def _calls(scripts: Mapping[str, str], word: str) -> bool:
    return word in scripts.get("build", "").replace("&&", " ").replace(";", " ").split()


def _is_workspace(manifest: Manifest, files: Mapping[str, bytes]) -> bool:
    by_pnpm = _PNPM_PACKAGES.search(files.get("pnpm-workspace.yaml", b"")) is not None
    return manifest.has_workspaces or by_pnpm or any(name in files for name in _WORKSPACES)


def _denied(
    manifest: Manifest, files: Mapping[str, bytes], within: Sequence[Within], where: str
) -> ImportDenied:
    if within:
        listed = _listed([f"{app.path} ({app.title})" for app in within[:_SHOWN]])
        more = f", and {len(within) - _SHOWN} more" if len(within) > _SHOWN else ""
        return ImportDenied(
            f"This repository holds several things. Apps in it: {listed}{more}.",
            hint=f"Import one of them: {where}/{within[0].path}",
        )
    what = _what_it_is(manifest, files)
    return ImportDenied(
        f"{what} I work on apps made with {_FIVE}.",
        hint="Tell me in words what it does, and I build it anew with one of those.",
    )


def _what_it_is(manifest: Manifest, files: Mapping[str, bytes]) -> str:
    if not files:
        return "There is nothing in it."
    if _MANIFEST not in files:
        kinds = Counter(_LANGUAGES.get(path.rpartition(".")[2].lower(), "") for path in files)
        kinds.pop("", None)
        mostly = f" and is mostly {kinds.most_common(1)[0][0]}" if kinds else ""
        return f"It has no package.json{mostly}."
    if not manifest.is_readable:
        return "Its package.json cannot be read."
    other = next((name for package, name in _OTHERS.items() if package in manifest.packages), None)
    if other is not None:
        return f"It is made with {other}."
    for _, name, package in _BY_VITE:
        if package in manifest.packages:
            return f"It uses {name}, but without Vite, so I cannot tell how to start it."
    return "It is a package of JavaScript, but no web app that I know."


def _titled(name: str, version: str) -> str:
    return f"{name} {version}" if version else name


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
