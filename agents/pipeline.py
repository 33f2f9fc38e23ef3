"""The one place where the order of stages can be read.

framework ─┐
sandbox ───┴─ generate ─ settle ─┬─ lint ──┐
              (files and install │  build ─┴─ preview ─┬─ finish
               while it writes)  └─ summary ───────────┘
                                    └─ red: fix, then check again

A design is read before all this, and is what the model builds from.
An import of code: fetch ─ framework ─ sandbox ─ settle ─ lint, build ─ preview ─ finish, whatever they find.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from agents import events as e
from agents.background import Background
from agents.code_generation import Assignment, generate_code
from agents.conversation import opening_messages, read_sources
from agents.design_intake import compare_with_design, design_request
from agents.error_fixer import FixLoop, StuckReason
from agents.errors import BadOutput
from agents.intake import describe_import
from agents.logger import span
from agents.models import get_model
from agents.ports import Sandbox
from agents.preview import PreviewGate
from agents.provision import provision
from agents.run import Refused, Run
from agents.summary import summarize, title_from
from agents.templates import Template
from agents.types import BlobHash, Check, Diagnostic, Framework, Stage, TaskKind
from agents.validation import run_validation
from agents.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Built:
    """An app: its files, the sandbox that holds it, and its link.

    `red` is empty, and the link verified, unless a person chose to keep what the checks refused:
    then there may be no link.
    """

    framework: Framework
    summary: e.SummaryWritten
    files: Mapping[str, BlobHash]
    sandbox: Sandbox
    preview_url: str | None
    lint: tuple[Diagnostic, ...]
    red: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """Nothing had to change; `text` is the answer."""

    framework: Framework
    text: str


@dataclass(frozen=True, slots=True)
class Stuck:
    """The checks stay red; a person has to choose how to go on."""

    framework: Framework
    findings: tuple[Diagnostic, ...]
    reason: StuckReason = "exhausted"


Outcome = Built | Answered | Stuck


async def run_pipeline(run: Run) -> Outcome:
    """Take a job from its sentence to a verified preview, or go on where a dead worker left it.

    A `Built` outcome hands over a running sandbox that the caller must keep or close; in every
    other case, errors and cancellation included, nothing is left running.

    Raises:
        LimitExceeded, ProviderError, GenerationError, SandboxError, LeaseLost, StoreUnavailable;
        BadRequest, ImportDenied (an import).
    """
    background = Background()
    workspace: Workspace | None = None
    built = False
    try:
        template, workspace = await provision(run, background)
        outcome = await _build(run, workspace, template, background)
        built = isinstance(outcome, Built)
        return outcome
    finally:
        if workspace is not None:
            await workspace.close(keep=built)
        await background.stop()


async def _build(
    run: Run, workspace: Workspace, template: Template, background: Background
) -> Outcome:
    if run.job.keep is not None:
        return await _keep(run, workspace, template, run.job.keep)
    if run.job.brings_app:
        return await _take_as_it_is(run, workspace, template, background)
    text = "The checks were run again."
    if run.job.kind is not TaskKind.FIX:
        text = await _generate(run, workspace, template)
        if not run.changed(workspace.known):
            if run.job.base is None:
                raise BadOutput("The model wrote no file.")
            return Answered(template.framework, text)
    if run.kit.browser is not None:  # it is needed when the build is done
        background.spawn(run.kit.browser.warm_up(), name="browser")
    await workspace.settle()
    model, _ = get_model(run.job.model, run.models)
    summary = background.start(summarize(run, model, text), name="summary")
    fixes = FixLoop(run, workspace, template)
    while True:
        checked = await _check(run, workspace, template)
        if not checked.red:
            break
        reason = fixes.gives_up_on(checked.red)
        if reason is not None:
            return Stuck(template.framework, checked.red, reason)
        await fixes.attempt(checked.red)
        await workspace.settle()
    run.enter(Stage.FINISHING, "Saving the app")
    return await _finish(run, workspace, template, checked, await summary)


async def _keep(run: Run, workspace: Workspace, template: Template, refused: Refused) -> Built:
    """Make a version of what the checks refused; they run once more and are told, not obeyed."""
    run.enter(Stage.GENERATING, "Putting back what the checks refused")
    await workspace.apply(refused.files)
    await workspace.settle()
    checked = await _check(run, workspace, template)
    title = title_from(refused.prompt)
    summary = e.SummaryWritten(title=title, summary=f"{title}: kept as it is.")
    return await _finish(run, workspace, template, checked, summary)


async def _take_as_it_is(
    run: Run, workspace: Workspace, template: Template, background: Background
) -> Built:
    """Make a version of what was imported. What the checks find is told: mending it is a wish."""
    run.enter(Stage.GENERATING, "Installing its packages")
    if run.kit.browser is not None:
        background.spawn(run.kit.browser.warm_up(), name="browser")
    await workspace.settle()
    checked = await _check(run, workspace, template)
    run.enter(Stage.FINISHING, "Saving the app")
    return await _finish(run, workspace, template, checked, describe_import(run))


async def _finish(
    run: Run,
    workspace: Workspace,
    template: Template,
    checked: "_Checked",
    summary: e.SummaryWritten,
) -> Built:
    run.journal.record(summary)
    return Built(
        framework=template.framework,
        summary=summary,
        files=dict(workspace.known),
        sandbox=await workspace.sandbox(),
        preview_url=checked.url if not checked.red else None,
        lint=checked.lint,
        red=checked.red,
    )


async def _generate(run: Run, workspace: Workspace, template: Template) -> str:
    """The model writes; answers all it said."""
    run.enter(Stage.GENERATING, "Writing the app" if run.job.base is None else "Making the change")
    model, known = get_model(run.job.model, run.models)
    if not known:
        run.notice(
            f"There is no model named {run.job.model!r} here, so the {model.id} model is used."
        )
    texts: dict[str, str] = {}
    if run.job.base is not None:
        texts = await read_sources(workspace.known, run.kit.blobs)
    paths, limit = list(workspace.known), run.kit.budget.context_tokens
    job = replace(run.job, prompt=await design_request(run)) if run.job.brings_design else run.job
    messages = await asyncio.to_thread(opening_messages, job, template, paths, texts, limit)
    return await generate_code(
        run, workspace, Assignment("generate", model, template.framework), messages
    )


@dataclass(frozen=True, slots=True)
class _Checked:
    """What the checks say now. Lint findings alone never make an app red."""

    url: str
    lint: tuple[Diagnostic, ...]
    red: tuple[Diagnostic, ...]


async def _check(run: Run, workspace: Workspace, template: Template) -> _Checked:
    """Lint and build, then the preview gate when the build is green."""
    run.enter(Stage.VALIDATING, "Checking: lint and build")
    checks = await run_validation(run, workspace, template)
    lint, build = checks[Check.LINT], checks[Check.BUILD]
    found = () if lint.skipped else lint.diagnostics  # time that ran out is not the app's fault
    errors = tuple(d for d in found if d.severity == "error")
    if not build.ok:  # skipped is not green either: the template's manifest has a build script
        missing = Diagnostic(message="There is no build script.", file="package.json")
        red = (missing,) if build.skipped else build.diagnostics
        return _Checked("", found, red + errors)
    url, red = await _look(run, await workspace.sandbox(), template)
    return _Checked(url, found, red + errors if red else ())


async def _look(
    run: Run, sandbox: Sandbox, template: Template
) -> tuple[str, tuple[Diagnostic, ...]]:
    """The preview gate: the app's address, and why it may not be handed out."""
    run.enter(Stage.PREVIEW, "Starting the app")
    run.journal.record(e.CheckStarted(check=Check.PREVIEW))
    began = run.kit.clock.monotonic()
    gate = PreviewGate(run.kit.fetcher, run.kit.clock, run.kit.browser)
    with span("check", Check.PREVIEW):
        verdict = await gate.verify(sandbox, template)
    finished = e.CheckFinished(
        check=Check.PREVIEW,
        ok=verdict.ok,
        diagnostics=verdict.findings,
        duration_s=round(run.kit.clock.monotonic() - began, 2),
    )
    run.journal.record(finished)
    if verdict.ok:
        picture: BlobHash | None = None
        if verdict.screenshot is not None:
            [picture] = await run.kit.blobs.put([verdict.screenshot])
        seen = e.PreviewVerified(url=verdict.url, checks=verdict.checks, screenshot=picture)
        run.journal.record(seen)
        if verdict.screenshot is not None:
            await compare_with_design(run, verdict.screenshot)
    return verdict.url, () if verdict.ok else verdict.findings
