"""Lint and build side by side, with the framework's own commands."""

import asyncio
import json
from collections.abc import Mapping
from typing import Literal

from agents import events as e
from agents.diagnostics import parse
from agents.logger import breadcrumb, span
from agents.ports import CommandResult
from agents.run import Run
from agents.templates import Template
from agents.types import Check, Diagnostic, ValidationResult
from agents.workspace import INSTALL_TIMEOUT_S, Workspace

LINT_TIMEOUT_S = 30.0
BUILD_TIMEOUT_S = 120.0

_KINDS: Mapping[Check, Literal["lint", "build"]] = {Check.BUILD: "build", Check.LINT: "lint"}


async def run_validation(
    run: Run, workspace: Workspace, template: Template
) -> dict[Check, e.CheckFinished]:
    """Run both checks and record their verdicts. A failed install fails the build.

    A build that runs out of time is run once more; only then is it the app's fault.
    """
    install = await workspace.installed()
    scripts = _scripts(await workspace.peek("package.json"))
    lint, build = await asyncio.gather(
        _run_check(run, workspace, Check.LINT, template.lint, scripts),
        _run_check(run, workspace, Check.BUILD, template.build, scripts)
        if install is None or install.ok
        else _report_install(run, install),
    )
    await run.journal.flush()
    return {Check.LINT: lint, Check.BUILD: build}


def as_validation_result(checks: dict[Check, e.CheckFinished]) -> ValidationResult:
    """The plan's shape of the two verdicts."""
    for check, kind in _KINDS.items():
        verdict = checks.get(check)
        if verdict is not None and not verdict.ok and not verdict.skipped:
            errors = "\n".join(format_diagnostic(d) for d in verdict.diagnostics)
            return ValidationResult(success=False, errors=errors, type=kind)
    return ValidationResult(success=True)


def format_diagnostic(diagnostic: Diagnostic) -> str:
    """`file:line: message`, as far as known."""
    place = ":".join(str(p) for p in (diagnostic.file, diagnostic.line) if p is not None)
    return f"{place}: {diagnostic.message}" if place else diagnostic.message


async def _run_check(
    run: Run, workspace: Workspace, check: Check, command: str, scripts: frozenset[str]
) -> e.CheckFinished:
    run.journal.record(e.CheckStarted(check=check))
    script = command.removeprefix("npm run ").split()[0]
    if command.startswith("npm run ") and script not in scripts:
        return _record(run, e.CheckFinished(check=check, ok=False, skipped=True))
    timeout_s = LINT_TIMEOUT_S if check is Check.LINT else BUILD_TIMEOUT_S
    with span("check", check):
        result = await workspace.check(command, timeout_s=timeout_s)
        if result.timed_out and check is Check.BUILD:  # a machine short of time looks like that
            result = await workspace.check(command, timeout_s=timeout_s)
    return _record(run, _verdict(check, result, timeout_s))


async def _report_install(run: Run, install: CommandResult) -> e.CheckFinished:
    run.journal.record(e.CheckStarted(check=Check.BUILD))
    late = f" It did not end within {INSTALL_TIMEOUT_S:.0f} seconds." if install.timed_out else ""
    message = f"Installing the dependencies failed.{late}"
    first = Diagnostic(message=message, file="package.json")
    said = () if install.timed_out else parse("build", install.output)
    verdict = e.CheckFinished(
        check=Check.BUILD,
        ok=False,
        diagnostics=(first, *said),
        duration_s=round(install.duration_s, 2),
    )
    return _record(run, verdict)


def _verdict(check: Check, result: CommandResult, timeout_s: float) -> e.CheckFinished:
    """What it says of the app. Time that ran out is told alone: the rest was cut off.

    A lint that ran out of time says nothing of the app, so it counts as skipped.
    """
    diagnostics = () if result.ok else parse(_KINDS[check], result.output)
    late = f"not finished within {timeout_s:.0f} s"
    if result.timed_out and check is Check.LINT:
        diagnostics = (Diagnostic(message=late, severity="warning"),)
    elif result.timed_out:
        diagnostics = (Diagnostic(message=f"The build was {late}, twice."),)
    return e.CheckFinished(
        check=check,
        ok=result.ok,
        skipped=result.timed_out and check is Check.LINT,
        diagnostics=diagnostics,
        duration_s=round(result.duration_s, 2),
    )


def _record(run: Run, verdict: e.CheckFinished) -> e.CheckFinished:
    breadcrumb("check", verdict.check, ok=verdict.ok, findings=len(verdict.diagnostics))
    run.journal.record(verdict)
    return verdict


def _scripts(manifest: bytes | None) -> frozenset[str]:
    """The script names in package.json; none when it is missing or broken."""
    try:
        loaded = json.loads(manifest or b"{}")
    except ValueError:
        return frozenset()
    scripts = loaded.get("scripts") if isinstance(loaded, dict) else None
    return frozenset(scripts) if isinstance(scripts, dict) else frozenset()
