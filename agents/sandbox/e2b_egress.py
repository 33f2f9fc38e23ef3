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
from agents.errors import SandboxError
from agents.sandbox.bridge import registry_env
from agents.sandbox.e2b_remote import Remote
from agents.sandbox.toolchain import Registry

FindRegistry = Callable[[], Awaitable[Registry | None]]


class Egress:
    """Opened while somebody needs it. A new sandbox begins with it shut."""

    def __init__(self, remote: Remote, registry: FindRegistry) -> None:
        self._remote = remote
        self._registry = registry
        self._background = Background()
        self._changing = asyncio.Lock()
        self._users = 0

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[dict[str, str]]:
        """The registry can be reached while inside; what npm must be told of it.

        Where nobody knows which one that is, everything can. Raises: SandboxLost.
        """
        registry = await self._registry()
        async with self._changing:
            if self._users == 0:
                await self._remote.set_egress(None if registry is None else [registry.address[0]])
            self._users += 1
        try:
            yield {} if registry is None else registry_env(registry, None)
        finally:
            self._background.spawn(self._leave(), name="shut egress")

    async def close(self) -> None:
        await self._background.stop()

    async def _leave(self) -> None:
        async with self._changing:
            self._users -= 1
            if self._users == 0:
                try:
                    await self._remote.set_egress([])
                except SandboxError:
                    return  # it is gone, and nothing leaves it
