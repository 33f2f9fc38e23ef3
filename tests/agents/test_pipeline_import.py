"""An import through the pipeline: fetched, run and looked at as it is, and a start for what follows."""

import json
from collections.abc import Mapping

import pytest

from agents import events as e
from agents.errors import ImportDenied, SandboxLost
from agents.pipeline import Built, run_pipeline
from agents.ports import CommandResult
from agents.revival import Reviver
from agents.run import Job, Run
from agents.sandbox.manager import SandboxManager
from agents.sources import Source
from agents.system import SystemClock
from agents.templates import get_template
from agents.testing import InMemorySandbox, InMemorySandboxProvider, ScriptedFetcher, ScriptedLLM
from agents.types import Check, Framework, LeftOut, TaskKind
from tests.fakes.pipelines import GOOD_PAGE, SUMMARY, TASK, Stage, call, job, say

PACKAGE = json.dumps(
    {
        "name": "shop",
        "scripts": {"build": "next build"},
        "dependencies": {"next": "^15.1.0", "react": "^19.0.0"},
    }
).encode()
FILES = {"package.json": PACKAGE, "app/page.tsx": b"export default () => <h1>Shop</h1>\n"}
PNPM = FILES | {"pnpm-lock.yaml": b"lockfileVersion: '9.0'\n"}


class ScriptedSources:
    """Implements `agents.sources.Sources`: the same repository, or a refusal, each time."""

    def __init__(
        self,
        files: Mapping[str, bytes] = FILES,
        *,
        left_out: tuple[LeftOut, ...] = (),
        overflow: str | None = None,
        manifests: Mapping[str, bytes] | None = None,
    ) -> None:
        self._files = files
        self._left_out = left_out
        self._overflow = overflow
        self._manifests = manifests or {
            p: c for p, c in files.items() if p.endswith("package.json")
        }
        self.asked: list[str] = []

    async def fetch(self, reference: str) -> Source:
        self.asked.append(reference)
        return Source(
            origin="github.com/acme/shop",
            ref="main",
            commit="0123456789" * 4,
            path="",
            files=self._files,
            left_out=self._left_out,
            manifests=self._manifests,
            overflow=self._overflow,
        )


def import_job(**more: object) -> Job:
    return Job(TASK, TaskKind.IMPORT, "Import acme/shop@main", **more)  # type: ignore[arg-type]


def no_model() -> ScriptedLLM:
    """An import asks no model: any request would fail."""
    return ScriptedLLM()


def of_kind(stage: Stage, kind: type[e.Event]) -> list[e.Event]:
    return [event for event in stage.journal.events if isinstance(event, kind)]


async def built(stage: Stage, run: Run) -> Built:
    outcome = await run_pipeline(run)
    assert isinstance(outcome, Built)
    return outcome


async def test_an_import_is_built_and_looked_at_without_any_model() -> None:
    stage, sources = Stage(no_model()), ScriptedSources()
    outcome = await built(stage, stage.run(import_job(), sources=sources))

    assert sources.asked == ["acme/shop@main"]
    assert outcome.framework is Framework.NEXTJS
    assert outcome.preview_url == "http://127.0.0.1:3000"
    assert outcome.red == ()
    kept = await stage.blobs.get(list(outcome.files.values()))
    assert {path: kept[blob] for path, blob in outcome.files.items()} == FILES
    assert outcome.summary == e.SummaryWritten(
        title="shop",
        summary="Imported github.com/acme/shop (main, 0123456): 2 files, made with Next.js 15.1.0.",
    )


async def test_an_import_runs_by_its_own_commands() -> None:
    stage = Stage(no_model())
    await built(stage, stage.run(import_job(), sources=ScriptedSources(PNPM)))

    [sandbox] = stage.provider.sandboxes.values()
    assert [c for c in sandbox.networked if "pnpm@10 install" in c]
    assert "npm run build" in sandbox.commands
    assert [c for c, _ in sandbox.served if "next start -H 127.0.0.1 -p 3000" in c]


async def test_the_log_holds_all_files_before_it_says_that_they_are_there() -> None:
    stage = Stage(no_model())
    left = (LeftOut(path=".env", reason="may hold secrets"),)
    files = {**FILES, ".next/cache": b"x", "out/index.html": b"x"}
    await built(stage, stage.run(import_job(), sources=ScriptedSources(files, left_out=left)))

    kinds = stage.journal.kinds
    last_file = len(kinds) - 1 - kinds[::-1].index("file_changed")
    assert last_file < kinds.index("source_imported")
    [imported] = of_kind(stage, e.SourceImported)
    assert isinstance(imported, e.SourceImported)
    assert imported.left_out == (
        *left,
        LeftOut(path=".next", reason="made by tools, not written"),
        LeftOut(path="out", reason="made by tools, not written"),
    )
    [summary] = of_kind(stage, e.SummaryWritten)
    assert isinstance(summary, e.SummaryWritten)
    assert "Left out: 2 (made by tools, not written), 1 (may hold secrets)." in summary.summary
    assert ".env" not in summary.summary


async def test_an_app_that_does_not_build_becomes_a_version_without_a_link() -> None:
    def command(_: InMemorySandbox, line: str) -> CommandResult:
        broken = "Failed to compile.\n\n./app/page.tsx:1:1\nType error: no.\n"
        return CommandResult(1, broken) if line == "npm run build" else CommandResult(0, "")

    stage = Stage(no_model(), provider=InMemorySandboxProvider(on_command=command))
    outcome = await built(stage, stage.run(import_job(), sources=ScriptedSources()))

    assert outcome.preview_url is None
    assert outcome.red
    assert set(outcome.files) == set(FILES)
    assert of_kind(stage, e.FixStarted) == []


async def test_an_app_whose_packages_do_not_install_becomes_a_version_too() -> None:
    def command(_: InMemorySandbox, line: str) -> CommandResult:
        return CommandResult(1, "npm ERR! 404") if "npm install" in line else CommandResult(0, "")

    stage = Stage(no_model(), provider=InMemorySandboxProvider(on_command=command))
    outcome = await built(stage, stage.run(import_job(), sources=ScriptedSources()))
    assert outcome.preview_url is None
    assert "Installing the dependencies failed." in str(outcome.red)


async def test_an_install_that_takes_too_long_is_told_as_that() -> None:
    def command(_: InMemorySandbox, line: str) -> CommandResult:
        timed_out = "npm install" in line
        return CommandResult(124 if timed_out else 0, "", timed_out=timed_out)

    stage = Stage(no_model(), provider=InMemorySandboxProvider(on_command=command))
    outcome = await built(stage, stage.run(import_job(), sources=ScriptedSources()))
    assert [found.message for found in outcome.red] == [
        "Installing the dependencies failed. It did not end within 300 seconds."
    ]


async def test_what_is_none_of_the_five_is_refused_and_leaves_nothing_behind() -> None:
    stage = Stage(no_model())
    sources = ScriptedSources({"main.py": b"print()\n"})
    with pytest.raises(ImportDenied, match="mostly Python"):
        await run_pipeline(stage.run(import_job(), sources=sources))
    assert stage.provider.sandboxes == {}
    assert stage.changes() == []


async def test_a_repository_that_is_too_large_names_the_apps_in_it() -> None:
    stage = Stage(no_model())
    manifests = {"apps/web/package.json": PACKAGE}
    sources = ScriptedSources({}, overflow="more than 2,000 files", manifests=manifests)
    with pytest.raises(ImportDenied, match="Apps in it: apps/web") as refused:
        await run_pipeline(stage.run(import_job(), sources=sources))
    assert refused.value.hint == "Import one folder of it: acme/shop@main/apps/web"


async def test_where_nothing_can_be_imported_it_is_said() -> None:
    stage = Stage(no_model())
    with pytest.raises(ImportDenied, match="Nothing can be imported here"):
        await run_pipeline(stage.run(import_job()))


# --- another worker goes on --------------------------------------------------------------


async def test_a_worker_that_takes_over_an_import_does_not_fetch_it_again() -> None:
    def dies(_: InMemorySandbox, line: str) -> CommandResult:
        if "npm install" in line:
            raise SandboxLost("gone")
        return CommandResult(0, "")

    stage = Stage(no_model(), provider=InMemorySandboxProvider(on_command=dies))
    with pytest.raises(SandboxLost):
        await run_pipeline(stage.run(import_job(), sources=ScriptedSources()))

    again = Stage(no_model(), blobs=stage.blobs)
    sources = ScriptedSources({"package.json": b"another commit"})
    outcome = await built(again, again.run(import_job(log=stage.log()), sources=sources))
    assert sources.asked == []
    assert set(outcome.files) == set(FILES)
    assert outcome.summary.title == "shop"


async def test_an_import_that_was_cut_while_it_was_recorded_is_fetched_again_whole() -> None:
    stage = Stage(no_model())
    await built(stage, stage.run(import_job(), sources=ScriptedSources({**FILES, "old.ts": b""})))
    kinds = stage.journal.kinds
    cut = stage.log()[: kinds.index("source_imported")]

    again = Stage(no_model(), blobs=stage.blobs)
    outcome = await built(again, again.run(import_job(log=cut), sources=ScriptedSources()))
    assert set(outcome.files) == set(FILES)
    assert [c.path for c in again.changes() if c.action == "deleted"] == ["old.ts"]


# --- what follows ------------------------------------------------------------------------


async def test_a_follow_up_starts_from_the_real_code_and_keeps_its_commands() -> None:
    stage = Stage(no_model())
    imported = await built(stage, stage.run(import_job(), sources=ScriptedSources(PNPM)))

    edit = {"path": "app/page.tsx", "edits": [{"search": "Shop", "replace": "Store"}]}
    llm = ScriptedLLM(
        call("readFiles", {"paths": ["app/page.tsx"]}),
        call("editFile", edit, "c2"),
        say("<task_summary>It is a store.</task_summary>"),
        by_purpose={"summarize": [SUMMARY]},
    )
    later = Stage(llm, blobs=stage.blobs)
    follow_up = job("Call it a store", framework=imported.framework, base=imported.files)
    outcome = await built(later, later.run(follow_up))

    assert [c.path for c in later.changes()] == ["app/page.tsx"]
    assert set(outcome.files) == set(PNPM)
    [sandbox] = later.provider.sandboxes.values()
    assert [c for c, _ in sandbox.served if "next start" in c]
    system = llm.requests[0].messages[0].content
    assert "This app was imported" in system
    assert "@/components/ui/button" not in system


async def test_errors_of_an_import_are_mended_as_any() -> None:
    left = [1]

    def command(_: InMemorySandbox, line: str) -> CommandResult:
        if line == "npm run build" and left:
            left.pop()
            return CommandResult(1, "./app/page.tsx:1:1\nType error: no.\n")
        return CommandResult(0, "")

    stage = Stage(no_model())
    imported = await built(stage, stage.run(import_job(), sources=ScriptedSources()))
    edit = {"path": "app/page.tsx", "edits": [{"search": "Shop", "replace": "Mended"}]}
    fixes = [
        call("readFiles", {"paths": ["app/page.tsx"]}),
        call("editFile", edit, "f2"),
        say("Done."),
    ]
    llm = ScriptedLLM(by_purpose={"fix": fixes, "summarize": [SUMMARY]})
    later = Stage(llm, blobs=stage.blobs, provider=InMemorySandboxProvider(on_command=command))
    fix = job("Fix", framework=imported.framework, kind=TaskKind.FIX, base=imported.files)
    outcome = await built(later, later.run(fix))

    verdicts = [v.ok for v in of_kind(later, e.CheckFinished) if v.check is Check.BUILD]  # type: ignore[union-attr]
    assert verdicts == [False, True]
    assert outcome.preview_url is not None


async def test_apps_of_our_templates_are_run_as_before() -> None:
    template = get_template(Framework.NEXTJS)
    stage = Stage(no_model())
    files = {**template.files, "src/app/page.tsx": b"export default () => null\n"}
    await built(stage, stage.run(import_job(), sources=ScriptedSources(files)))
    [sandbox] = stage.provider.sandboxes.values()
    assert sandbox.served == [(template.preview, template.port)]


async def test_an_imported_app_is_brought_back_by_its_own_commands() -> None:
    provider = InMemorySandboxProvider()
    clock = SystemClock()
    reviver = Reviver(SandboxManager(provider, clock), ScriptedFetcher(GOOD_PAGE), clock)
    sandbox, url = await reviver.revive(Framework.NEXTJS, PNPM, TASK, lambda _: None)
    assert url == "http://127.0.0.1:3000"
    assert await reviver.start_again(sandbox) == url
    [made] = provider.sandboxes.values()
    assert made.files == PNPM
    assert "pnpm@10 install" in made.commands[0]
    assert made.commands[1:] == ["npm run build"]
    assert ["next start" in command for command, _ in made.served] == [True, True]
