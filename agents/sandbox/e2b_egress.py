"""What may leave a sandbox at E2B: nothing, and the package registry while a command asks for it.

E2B's rules hold for the whole sandbox, not for one command: what runs beside an install reaches
the registry as well, and while a host is allowed by name E2B lets requests to its name server out.
A name is matched on the ports 80 and 443 only, so a registry on another port cannot be let through.
(e2b.dev/docs/network/internet-access)
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from agents.background import Background
from agents.errors import SandboxError, SandboxLost
from agents.logger import create_logger
from agents.sandbox.bridge import registry_env
from agents.sandbox.e2b_remote import Remote
from agents.sandbox.toolchain import Registry

log = create_logger(__name__)

FindRegistry = Callable[[], Awaitable[Registry]]
"""Raises: SandboxUnavailable where none is known."""


class Egress:
    """Opened while somebody needs it. A new sandbox begins with it shut."""

    def __init__(self, remote: Remote, registry: FindRegistry) -> None:
        self._remote = remote
        self._registry = registry
        self._background = Background()
        self._changing = asyncio.Lock()
        self._users = 0
        self._is_open = False

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[dict[str, str]]:
        """The registry can be reached while inside; what npm must be told of it.

        Raises: SandboxLost, SandboxUnavailable (no registry is known).
        """
        registry = await self._registry()
        self._users += 1
        opening = self._background.start(self._open(registry), name="open egress")
        try:
            await asyncio.wait({opening})
            if opening.cancelled():
                raise SandboxLost(f"sandbox {self._remote.id} is closed")
            opening.result()
            yield registry_env(registry, None)
        finally:
            self._background.spawn(self._leave(opening), name="shut egress")

    async def shut(self) -> None:
        """Let nothing out any more; where that cannot be done, end the sandbox. Never raises."""
        self._is_open = False
        if self._remote.gone:
            return
        try:
            await self._remote.set_egress([])
        except SandboxError as error:
            log.warning("egress not shut: ending its sandbox", reason=str(error)[:300])
            await self._remote.end()

    async def close(self) -> None:
        await self._background.stop()

    async def _open(self, registry: Registry) -> None:
        async with self._changing:
            if not self._is_open:
                await self._remote.set_egress([registry.address[0]])
                self._is_open = True

    async def _leave(self, opening: asyncio.Task[None]) -> None:
        """Shut it after the last, also where nobody heard whether it was opened.

        An opening that nobody waits for any more runs to its end, so that it is not done later.
        """
        await asyncio.gather(opening, return_exceptions=True)
        async with self._changing:
            self._users -= 1
            if self._users == 0:
                await self.shut()
