"""A stand-in for E2B on loopback that the real SDK talks to; commands really run, here.

    async with serving_e2b() as e2b:
        e2b.images["zapdev-react"] = …
        provider = E2BSandboxProvider(e2b.account, …)

One port serves the control plane and every sandbox's daemon, told apart by `E2b-Sandbox-Id`.
Nothing outlives the context: not when a test fails, and not when its process is killed.
"""

import shutil
import sys
import tempfile
from asyncio import create_subprocess_exec
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.fakes.e2b import builds, control, envd
from tests.fakes.e2b.cloud import Cloud

_BODY_LIMIT = 1 << 30
PREVIEW_URL = "http://127.0.0.1:{sandbox_id}"


class StandIn(Cloud):
    """The account, and where it is reached."""

    @property
    def settings(self) -> dict[str, str]:
        """What a server has to be told to use it."""
        return {
            "E2B_API_KEY": self.key,
            "E2B_API_URL": self.url,
            "E2B_SANDBOX_URL": self.url,
            "ZAPDEV_E2B_PREVIEW_URL": PREVIEW_URL,
        }


@asynccontextmanager
async def serving_e2b() -> AsyncIterator[StandIn]:
    """Serve on a free loopback port while inside."""
    root = Path(tempfile.mkdtemp(prefix="zapdev-e2b-", dir="/var/tmp"))
    cloud = StandIn(root)
    warden = await create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(Path(__file__).with_name("warden.py")), cloud.tag),
        stdin=PIPE,
        stdout=DEVNULL,
        start_new_session=True,
    )
    app = web.Application(client_max_size=_BODY_LIMIT)
    app[control.CLOUD] = cloud
    app[builds.YARD] = yard = builds.Yard()
    app.add_routes([*control.routes(), *builds.routes(), *envd.routes()])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=512)
    await site.start()
    address: Any = runner.addresses[0]
    cloud.url = f"http://{address[0]}:{address[1]}"
    await cloud.open()
    try:
        yield cloud
    finally:
        cloud.faults.released.set()
        await runner.cleanup()
        await yard.background.stop()
        await cloud.close()
        assert warden.stdin is not None
        warden.stdin.close()
        await warden.wait()
        shutil.rmtree(root, ignore_errors=True)
