"""Our side of Slack for many workspaces, put together from settings as `zapdev serve` does it.

    async with FakeSlack() as slack, many_bot(slack, tmp_path / "zapdev.db") as bot:
        slack.workspace("T1", installed=False)
        page = await bot.add("T1", by="U1")

Slack's requests come over HTTP, signed, and so do those of people's browsers.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web
from yarl import URL

from agents.models import DEFAULT_CATALOG
from agents.ports import Clock
from agents.system import RandomIds, SystemClock
from bot.config import Settings
from bot.feed import Feed, Hub
from bot.services.downloads import DownloadLinks
from bot.services.previews import PreviewLinks
from bot.services.projects import ProjectService
from bot.services.tasks import TaskService
from bot.slack.app import EVENTS_PATH
from bot.slack.oauth import INSTALL_PATH
from bot.slack.side import SideParts, SlackSide, slack_side
from bot.store.port import Store
from bot.store.sqlite import SqliteStore
from tests.fakes.slack.server import FakeSlack
from tests.fakes.worker import ScriptedWorker

SECRET = b"a secret of thirty-two bytes....."


@dataclass(frozen=True, slots=True)
class Page:
    """What a browser shows in the end."""

    status: int
    text: str
    url: URL


@dataclass(frozen=True, slots=True)
class ManyBot:
    """A running bot and what stands behind it; `url` is where it is served."""

    slack: FakeSlack
    side: SlackSide
    store: Store
    worker: ScriptedWorker
    url: str

    async def add(self, team_id: str, *, by: str) -> Page:
        """Somebody adds the app to their workspace, in a browser of their own."""
        self.slack.workspace(team_id, installed=False).user(by)
        self.slack.browser.signed_in = by
        jar = aiohttp.CookieJar(unsafe=True)  # on an address that is no name
        async with aiohttp.ClientSession(cookie_jar=jar) as browser:
            return await self.open(browser, f"{self.url}{INSTALL_PATH}")

    async def open(self, browser: aiohttp.ClientSession, url: str) -> Page:
        async with browser.get(url) as answer:
            return Page(answer.status, await answer.text(), answer.url)

    async def settled(self) -> None:
        """Until everything that was begun is done, and Slack has told of it."""
        await self.side.app.listeners.work.settled()
        await self.slack.settled()
        await self.side.app.listeners.work.settled()


def many_settings(slack: FakeSlack, **more: str) -> Settings:
    """As an operator sets them for an app that many workspaces add."""
    secrets = slack.secrets
    return Settings.model_validate(
        {
            "slack_api_url": slack.api_url,
            "slack_client_id": secrets.client_id,
            "slack_client_secret": secrets.client_secret,
            "slack_signing_secret": secrets.signing_secret,
            **more,
        }
    )


@asynccontextmanager
async def many_bot(
    slack: FakeSlack,
    at: Path | Store,
    *,
    clock: Clock | None = None,
    holder: str = "worker_scripted",
    settings: Settings | None = None,
) -> AsyncIterator[ManyBot]:
    """The whole side over HTTP, live messages too; the store at a path, or an open one."""
    clock, hub = clock or SystemClock(), Hub()
    async with AsyncExitStack() as stack:
        if isinstance(at, Path):
            store: Store = await SqliteStore.open(at, clock=clock, ids=RandomIds(), waker=hub)
            stack.push_async_callback(store.close)
        else:
            store = at
        parts = SideParts(
            settings=settings or many_settings(slack),
            clock=clock,
            store=store,
            hub=hub,
            feed=Feed(store, hub, clock),
            tasks=TaskService(store, hub),
            projects=ProjectService(store, RandomIds()),
            downloads=DownloadLinks(SECRET, clock, "http://127.0.0.1:8787"),
            links=PreviewLinks(store, "http://127.0.0.1:8787"),
            models=DEFAULT_CATALOG,
            holder=holder,
        )
        side = await stack.enter_async_context(slack_side(parts))
        assert side is not None
        url = await _serve(side, stack)
        slack.attach_http(f"{url}{EVENTS_PATH}")
        stack.callback(slack.attach_http, None)
        yield ManyBot(slack, side, store, ScriptedWorker(store), url)


async def _serve(side: SlackSide, stack: AsyncExitStack) -> str:
    served = web.Application()
    served.add_routes(side.routes)
    runner = web.AppRunner(served, access_log=None, shutdown_timeout=1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"
