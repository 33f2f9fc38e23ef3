"""An app brought back from its stored files: built and started again, as it was before."""

from collections.abc import Callable
from dataclasses import dataclass

from agents.errors import SandboxError
from agents.imports.fitting import fitted
from agents.ports import Clock, PageFetcher, Sandbox, SandboxSource
from agents.preview import PreviewGate
from agents.retry import SANDBOX, with_retry
from agents.templates import Template, get_template
from agents.types import AppFiles, Framework, TaskId

INSTALL_S = 300.0
BUILD_S = 180.0
_TOLD = 500

Say = Callable[[str], None]
"""Told in plain words what is being done."""


class NotRevived(SandboxError):
    """The app does not build or start any more; the text says what it said."""

    key = "not_revived"


@dataclass(frozen=True, slots=True)
class Reviver:
    """Brings apps back, in sandboxes of this source."""

    sandboxes: SandboxSource
    fetcher: PageFetcher
    clock: Clock

    async def revive(
        self, framework: Framework, files: AppFiles, task_id: TaskId, say: Say
    ) -> tuple[Sandbox, str]:
        """A running sandbox with exactly these files, and its address; the caller keeps it.

        Raises: NotRevived, and what `SandboxSource.acquire` does.
        """
        template = get_template(framework)
        template = fitted(template, files.get("package.json"), files.__contains__)
        say("Getting its files")
        sandbox = await with_retry(
            SANDBOX, lambda: self.sandboxes.acquire(framework, files, task_id), clock=self.clock
        )
        try:
            return sandbox, await self._start(sandbox, template, files, say)
        except BaseException:
            await sandbox.close()
            raise

    async def start_again(self, sandbox: Sandbox) -> str | None:
        """The address of what such a sandbox holds, started anew; None where it does not start.

        Raises: SandboxLost, SandboxFull.
        """
        gate = PreviewGate(self.fetcher, self.clock)
        manifest = await sandbox.read("package.json")
        template = fitted(get_template(sandbox.framework), manifest, lambda _: False)
        verdict = await gate.verify(sandbox, template)
        return verdict.url if verdict.ok else None

    async def _start(self, sandbox: Sandbox, template: Template, files: AppFiles, say: Say) -> str:
        if files.get("package.json") != template.files["package.json"]:
            say("Installing its packages")
            await _run(sandbox, template.install, INSTALL_S, network=True)
        say("Building it")
        await _run(sandbox, template.build, BUILD_S)
        say("Starting it")
        verdict = await PreviewGate(self.fetcher, self.clock).verify(sandbox, template)
        if not verdict.ok:
            raise NotRevived(verdict.findings[0].message[:_TOLD])
        return verdict.url


async def _run(sandbox: Sandbox, command: str, limit_s: float, *, network: bool = False) -> None:
    """Raises: NotRevived, SandboxLost, SandboxFull."""
    result = await sandbox.run(command, timeout_s=limit_s, network=network)
    if not result.ok:
        raise NotRevived(result.output[-_TOLD:].strip() or f"{command} failed")
