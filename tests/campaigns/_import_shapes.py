"""Shapes of projects that people have on GitHub, and what must come of importing each.

The first ones are made here and need no network. The others are made by the frameworks' own
scaffolders from npm, as this machine's npm is set up, and some are changed after that.
"""

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agents.templates import get_template
from agents.types import Framework
from tests.agents.imports.hostile import entry, pack
from tests.fakes.github import Files
from tests.fakes.quick_app import quick_app

SCAFFOLD_S = 300.0
BARE = """export default function RootLayout({ children }: { children: React.ReactNode }) {
  return <html lang="en"><body>{children}</body></html>;
}
"""


@dataclass(frozen=True)
class Shape:
    """`ends`: `green`, `red` (a project without a link), or a word of the refusal.

    `path` is the folder that is imported; `archive` what is sent instead of the files' own.
    """

    name: str
    make: Callable[[], Awaitable[Files]]
    ends: str
    framework: Framework | None = None
    path: str = ""
    archive: bytes | None = None
    told: str = ""
    """Stands in the import's message or warnings."""


def given(files: Files) -> Callable[[], Awaitable[Files]]:
    async def make() -> Files:
        return files

    return make


def made_by(*command: str, **more: object) -> Callable[[], Awaitable[dict[str, str | bytes]]]:
    """What `npx` of these words makes in a folder called `app`. `more` changes its manifest."""

    async def make() -> dict[str, str | bytes]:
        with tempfile.TemporaryDirectory(prefix="zapdev-scaffold-") as folder:
            await run_in(Path(folder), "npx", "--yes", *command)
            files = read(Path(folder) / "app")
        return changed(files, **more) if more else files

    return make


async def run_in(folder: Path, *command: str) -> None:
    """Run a tool of npm's to its end, without questions. Raises: RuntimeError, TimeoutError."""
    process = await asyncio.create_subprocess_exec(
        *("env", "CI=1", "NG_CLI_ANALYTICS=false", "NEXT_TELEMETRY_DISABLED=1", *command),
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(SCAFFOLD_S):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode != 0:
        raise RuntimeError(f"{command}: {said.decode(errors='replace')[-500:]}")


def read(folder: Path) -> dict[str, str | bytes]:
    """All files but those that git would not have."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {"node_modules", ".git"} & set(path.parts)
    }


def changed(files: Mapping[str, str | bytes], **keys: object) -> dict[str, str | bytes]:
    """The same app with these keys of its manifest."""
    manifest = json.loads(files["package.json"]) | keys
    return {**files, "package.json": json.dumps(manifest, indent=2)}


_NEXT = (
    *("create-next-app@16", "app", "--ts", "--eslint", "--no-src-dir", "--no-react-compiler"),
    *("--import-alias", "@/*", "--skip-install", "--disable-git", "--use-npm", "--yes"),
)
_NG = (
    *("@angular/cli@21.2.27", "new", "app", "--defaults", "--skip-install", "--skip-git"),
    *("--style", "css", "--ssr", "false", "--interactive=false"),
)


def vite(template: str) -> tuple[str, ...]:
    return ("create-vite@9", "app", "--template", template, "--no-interactive")


async def with_pnpm() -> Files:
    """A Vue app with pnpm's lock file and no other."""
    with tempfile.TemporaryDirectory(prefix="zapdev-scaffold-") as folder:
        await run_in(Path(folder), "npx", "--yes", *vite("vue-ts"))
        await run_in(Path(folder) / "app", "npx", "--yes", "pnpm@10", "install", "--lockfile-only")
        return changed(read(Path(folder) / "app"), packageManager="pnpm@10.0.0")


async def monorepo() -> Files:
    """Workspaces: a web app beside a library that it does not need."""
    app = await made_by(*vite("react-ts"))()
    return {
        "package.json": '{"private": true, "workspaces": ["apps/*", "packages/*"]}',
        "turbo.json": "{}",
        "packages/ui/package.json": '{"name": "@acme/ui", "version": "0.0.0"}',
        **{f"apps/web/{path}": content for path, content in app.items()},
    }


async def broken() -> Files:
    return {**await made_by(*vite("react-ts"))(), "src/App.tsx": "export default <h1>;\n"}


def _quick() -> Files:
    return {**get_template(Framework.REACT).files, **quick_app()}


HERE: tuple[Shape, ...] = (
    Shape("empty", given({"README.md": "# Nothing yet\n"}), "no package.json"),
    Shape("huge", given({f"docs/{n}.md": "x" for n in range(2_001)}), "more than 2,000 files"),
    Shape("hostile archive", given({}), "of a single repository", archive=pack(entry("../x"))),
    Shape("exported from here", given(_quick()), "green", Framework.REACT),
    Shape("another language", given({"app.py": "", "requirements.txt": ""}), "mostly Python"),
    Shape(
        "another framework",
        given({"package.json": '{"dependencies": {"nuxt": "4"}}', "app.vue": ""}),
        "made with Nuxt",
    ),
)
SCAFFOLDED: tuple[Shape, ...] = (
    Shape("vite react-ts", made_by(*vite("react-ts")), "green", Framework.REACT),
    Shape("vite react", made_by(*vite("react")), "green", Framework.REACT),
    Shape("vite vue-ts", made_by(*vite("vue-ts")), "green", Framework.VUE),
    Shape("create-vue", made_by("create-vue@3", "app", "--ts", "--bare"), "green", Framework.VUE),
    Shape("vite svelte-ts", made_by(*vite("svelte-ts")), "green", Framework.SVELTE),
    Shape(
        "sveltekit",
        made_by(
            *("sv@0.17", "create", "app", "--template", "minimal", "--types", "ts"),
            *("--no-add-ons", "--no-install"),
        ),
        "green",
        Framework.SVELTE,
    ),
    Shape(
        "next, app router",
        made_by(*_NEXT, "--app", "--empty", "--no-tailwind"),
        "green",
        Framework.NEXTJS,
    ),
    Shape(
        "next, pages",
        made_by(*_NEXT, "--no-app", "--empty", "--no-tailwind"),
        "green",
        Framework.NEXTJS,
    ),
    Shape(
        "next with Google's fonts",
        made_by(*_NEXT, "--app", "--tailwind"),
        "red",
        Framework.NEXTJS,
        told="fonts from Google",
    ),
    Shape("angular", made_by(*_NG), "green", Framework.ANGULAR),
    Shape("pnpm", with_pnpm, "green", Framework.VUE),
    Shape(
        "no scripts",
        made_by(*vite("react-ts"), scripts={}),
        "green",
        Framework.REACT,
        told="no build script",
    ),
    Shape("monorepo, a folder", monorepo, "green", Framework.REACT, path="apps/web"),
    Shape("monorepo, all of it", monorepo, "apps/web (React"),
    Shape("broken build", broken, "red", Framework.REACT),
)
SHAPES = HERE + SCAFFOLDED
