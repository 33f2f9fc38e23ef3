"""Repair what the checks found, and know when going on would be going in circles."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from agents import events as e
from agents.code_generation import Assignment, run_agent
from agents.diagnostics import fingerprint, telling_findings
from agents.ports import Message
from agents.prompts import get_fix_prompt
from agents.run import Run
from agents.templates import Template
from agents.types import Diagnostic, Stage
from agents.validation import format_diagnostic
from agents.workspace import Workspace

MAX_FIXES = 2
_MAX_FILES = 8
_MAX_FILE_BYTES = 60_000


StuckReason = Literal["repeated", "alternating", "growing", "exhausted"]
"""Why no further repair is tried: see `FixLoop.gives_up_on`."""


class FixLoop:
    """At most two attempts, and none once they go in circles or make things worse."""

    def __init__(self, run: Run, workspace: Workspace, template: Template) -> None:
        self._run = run
        self._workspace = workspace
        self._template = template
        self._seen = list(run.progress.fingerprints)
        rounds = run.progress.rounds
        is_whole = list(map(fingerprint, rounds)) == self._seen
        self._rounds = [Counter(telling_findings(found)) for found in rounds] if is_whole else []

    def gives_up_on(self, findings: Sequence[Diagnostic]) -> StuckReason | None:
        """Why another attempt is pointless; None when it is not.

        repeated: the last attempt left the findings as they were. alternating: these findings
        were there before another attempt. growing: all of them are still there and more, or their
        number rose with every attempt. exhausted: there have been two attempts.
        """
        mark, now = fingerprint(findings), Counter(telling_findings(findings))
        if mark in self._seen:
            return "repeated" if mark == self._seen[-1] else "alternating"
        if self._rounds and now > self._rounds[-1]:
            return "growing"
        if len(self._seen) < MAX_FIXES:
            return None
        numbers = [seen.total() for seen in (*self._rounds, now)]
        rising = len(numbers) > MAX_FIXES and all(a < b for a, b in pairwise(numbers))
        return "growing" if rising else "exhausted"

    async def attempt(self, findings: Sequence[Diagnostic]) -> None:
        """Let the fixer work on these findings once. Raises: as `run_agent`."""
        mark = fingerprint(findings)
        self._seen.append(mark)
        self._rounds.append(Counter(telling_findings(findings)))
        number = len(self._seen)
        run = self._run
        run.enter(Stage.FIXING, f"Fixing {_count(findings)} (attempt {number} of {MAX_FIXES})")
        run.journal.record(e.FixStarted(attempt=number, fingerprint=mark))
        await fix_errors(run, self._workspace, self._template, findings)


async def fix_errors(
    run: Run, workspace: Workspace, template: Template, findings: Sequence[Diagnostic]
) -> str:
    """Show the fixer the findings and the files they name; it repairs with the usual tools."""
    named = list(dict.fromkeys(d.file for d in findings if d.file))[:_MAX_FILES]
    named = named or list(template.entry)  # what a browser finds often names no file
    files: dict[str, str] = {}
    for path in named:
        content = await workspace.read(path) if path in workspace.known else None
        if content is not None and len(content) <= _MAX_FILE_BYTES:
            files[path] = content.decode(errors="replace")
    prompt = get_fix_prompt(
        [format_diagnostic(finding) for finding in findings],
        files,
        framework=template.framework,
        template=template,
    )
    messages = [Message("system", prompt.system), Message("user", prompt.user)]
    assignment = Assignment("fix", run.models.fixer, template.framework)
    return await run_agent(run, workspace, assignment, messages)


def _count(findings: Sequence[Diagnostic]) -> str:
    return "1 problem" if len(findings) == 1 else f"{len(findings)} problems"
