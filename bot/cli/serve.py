"""`zapdev serve`: everything the settings switch on, until somebody stops it."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from agents.errors import UserError
from bot.bootstrap import Services, running
from bot.cli.shell import Outcome, on_stop, say
from bot.config import Settings
from bot.sidecar.app import runner_of

if TYPE_CHECKING:
    from bot.slack.side import SlackSide

_GRACE_S = 2.0
"""How long open streams may take to end; their clients come back to the next process."""


async def serve_all(settings: Settings) -> Outcome:
    """Serve until Ctrl-C or SIGTERM; leases go back to the queue on the way out.

    Raises: UserError for an address that cannot be listened on; StoreError.
    """
    stop = asyncio.Event()
    with on_stop(stop.set):
        async with running(settings, roles=settings.roles) as services:
            spare_the_collector()
            async with _connected(services) as slack:
                where = "" if slack is None else "Slack is connected."
                if "sidecar" in settings.roles:
                    async with listening(services, slack) as url:
                        if slack is not None and slack.install_path is not None:
                            where += f" Add it to a workspace: {url}{slack.install_path}"
                        await _serve_until(stop, settings, f"Zapdev is ready: {url}", where)
                else:
                    ready = "Zapdev is ready; it serves no page."
                    await _serve_until(stop, settings, ready, where)
    return Outcome.DONE


def spare_the_collector() -> None:
    """What is loaded by now stays: looking through it again would stop the loop for 30 ms each time."""
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def _connected(services: Services) -> AsyncIterator["SlackSide | None"]:
    """Slack, where this process has that role and a token is set. Raises: UserError."""
    if "slack" not in services.settings.roles:
        yield None
        return
    async with services.slack() as slack:
        yield slack


async def _serve_until(stop: asyncio.Event, settings: Settings, greeting: str, where: str) -> None:
    say(greeting)
    if where:
        say(where)
    if settings.offline:
        say("The built-in offline model answers: sample apps, no AI.")
        say("For a real one set OPENROUTER_API_KEY, or OPENROUTER_BASE_URL. Ctrl-C stops.")
    await stop.wait()
    say("Stopping. Tasks that run go back to the queue.")


@asynccontextmanager
async def listening(services: Services, slack: "SlackSide | None" = None) -> AsyncIterator[str]:
    """Serve page, API and what Slack sends over HTTP; answers the address people use.

    Raises: UserError.
    """
    settings = services.settings
    app = services.sidecar(slack)
    if slack is not None:
        app.add_routes(slack.routes)
    runner = runner_of(app, shutdown_timeout=_GRACE_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
    except OSError as error:
        await runner.cleanup()
        raise UserError(
            f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}.",
            field="ZAPDEV_PORT",
            hint="Choose another port: make run PORT=9000, or zapdev serve --port 9000.",
        ) from error
    try:
        port = int(runner.addresses[0][1])
        url = settings.model_copy(update={"port": port}).app_url
        services.downloads.address = url
        if services.linking is not None:
            services.linking.address = url
        if settings.public_url is not None or settings.sandbox_kind == "local":
            services.links.address = url  # else the provider's own address is the better one
        yield url
    finally:
        await runner.cleanup()
