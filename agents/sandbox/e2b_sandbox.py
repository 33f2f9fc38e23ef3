"""A sandbox at E2B behind the sandbox port."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from agents.background import Background
from agents.errors import PackagesUnavailable
from agents.logger import create_logger
from agents.ports import Clock, CommandResult, OnOutput
from agents.sandbox.e2b_commands import RemoteCommands
from agents.sandbox.e2b_egress import Egress, FindRegistry
from agents.sandbox.e2b_files import RemoteFiles
from agents.sandbox.e2b_guest import APP_NAME, MARKER_NAME, OURS_NAME
from agents.sandbox.e2b_remote import Remote
from agents.templates import Template
from agents.types import AppFiles, Framework, SandboxId

log = create_logger(__name__)

INSTALL_S = 300.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a sandbox shares with the others of its provider."""

    clock: Clock
    registry: FindRegistry
    preview_url: str
    forget: Callable[[SandboxId], None]


class E2BSandbox:
    """Implements `agents.ports.Sandbox`. Made by `E2BSandboxProvider`."""

    def __init__(self, remote: Remote, template: Template, shared: Surroundings) -> None:
        self._remote = remote
        self._template = template
        self._shared = shared
        self._files = RemoteFiles(remote, template.ignore)
        self._commands = RemoteCommands(remote, shared.clock)
        self._egress = Egress(remote, shared.registry)
        self._background = Background()
        self._closing: asyncio.Task[None] | None = None
        self._notice: str | None = None

    @property
    def id(self) -> SandboxId:
        return SandboxId(self._remote.id)

    @property
    def framework(self) -> Framework:
        return self._template.framework

    @property
    def notice(self) -> str | None:
        return self._notice

    async def write(self, files: AppFiles) -> None:
        await self._files.write(files)

    async def remove(self, paths: Sequence[str]) -> None:
        await self._files.remove(paths)

    async def read(self, path: str) -> bytes | None:
        return await self._files.read(path)

    async def tree(self) -> dict[str, bytes]:
        return await self._files.tree()

    async def run(
        self,
        command: str,
        *,
        timeout_s: float,
        network: bool = False,
        on_output: OnOutput | None = None,
    ) -> CommandResult:
        if not network:
            return await self._commands.run(
                command, timeout_s=timeout_s, envs={}, on_output=on_output
            )
        async with self._egress.opened() as envs:
            return await self._commands.run(
                command, timeout_s=timeout_s, envs=envs, on_output=on_output
            )

    async def serve(self, command: str, *, port: int) -> str:
        host = self._remote.host(port)
        url = self._shared.preview_url.format(host=host, port=port, sandbox_id=self.id)
        envs = {
            "HOST": "0.0.0.0",  # noqa: S104 - inside the sandbox, where E2B's proxy comes in
            "PORT": str(port),
            "__VITE_ADDITIONAL_SERVER_ALLOWED_HOSTS": urlsplit(url).hostname or host,
        }
        await self._commands.serve(command.replace("127.0.0.1", envs["HOST"]), envs)
        return url

    async def server_output(self) -> str | None:
        return await self._commands.server_output()

    async def pause(self) -> bool:
        if self._closing is not None:
            return False
        await self._commands.let_go()
        if not await self._remote.pause():
            return False
        await self.close()  # what is left of it here
        return True

    async def close(self) -> None:
        if self._closing is None:
            self._closing = self._background.start(self._close(), name=f"close {self.id}")
        await asyncio.shield(self._closing)

    async def settle(self) -> None:
        """Make sure that the app's folder is as the template has it.

        Where the sandbox was not made from a template of ours, or from an older one, its files
        are uploaded and its packages installed, which `notice` then says.
        Raises: SandboxLost, SandboxFull, PackagesUnavailable, SandboxUnavailable.
        """
        if await self._is_prepared():
            return
        title = self._template.title
        log.info("preparing a sandbox from the base image", framework=self.framework.value)
        await self._remote.ask(
            f"rm -rf {APP_NAME} {OURS_NAME} && mkdir -p {APP_NAME} {OURS_NAME}", within_s=60
        )
        await self.write(self._template.files)
        result = await self.run(self._template.install, timeout_s=INSTALL_S, network=True)
        if not result.ok:
            raise PackagesUnavailable(f"{title} at E2B: {result.output.strip()[-500:]}")
        await self.write(self._template.files)
        await self.remove([path for path in await self.tree() if path not in self._template.files])
        await self._remote.ask(f"printf %s {self._template.digest} >{MARKER_NAME}")
        self._notice = (
            f"E2B has no current {title} template, so the packages were installed from scratch. "
            "`zapdev templates build` makes one, which saves that time for every app."
        )

    async def is_whole(self) -> bool:
        """Whether a sandbox that was found again still holds an app.

        Raises: SandboxLost, ProviderError (E2B does not say so now).
        """
        said = await self._remote.look(f"test -f {MARKER_NAME} && test -f {APP_NAME}/package.json")
        return said.ok

    async def resume(self) -> None:
        """Wake it when it is paused, and renew its life. Raises: SandboxLost, ProviderError."""
        await self._remote.resume()

    async def shut(self) -> None:
        """Let nothing out of it; where that cannot be done, end it. Never raises."""
        await self._egress.shut()

    async def _is_prepared(self) -> bool:
        said = await self._remote.ask(f"test -d {APP_NAME} && cat {MARKER_NAME}")
        return said.ok and said.output.strip() == self._template.digest

    async def _close(self) -> None:
        await self._remote.end()
        await self._commands.close()
        await self._egress.close()
        await self._remote.close()
        self._shared.forget(self.id)
