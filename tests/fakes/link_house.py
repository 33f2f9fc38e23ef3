"""Everything that linking an account takes, on loopback: Slack, Clerk, our bot and our sidecar.

    async with link_house(tmp_path / "zapdev.db") as house:
        await house.slack.mention("U1", "C1", "a shop")        # meets the wall
        browser = house.browser("user_ada")
        await browser.link("U1")                               # and the shop is begun

A `LinkBrowser` does by HTTP what the page does, with the cookies of a browser of its own.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from agents.background import Background
from agents.system import SystemClock
from bot.config import Settings
from bot.sidecar.deps import LinkDoor
from bot.sidecar.sign_in import clerk_page, clerk_sign_in
from bot.slack.directory import SlackDirectory
from bot.slack.openid import SlackOpenId
from bot.slack.workspaces import OneWorkspace, Workspace
from bot.store.port import Store
from tests.fakes.clerk.browser import Person
from tests.fakes.clerk.server import FakeClerk, serving_clerk
from tests.fakes.clerk.tokens import organisation
from tests.fakes.server import free_port
from tests.fakes.sidecar import RunningSidecar, running_sidecar
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack_bot import Bot, slack_bot

FRIEND = "https://friend.example"
"""A page of another origin that may use the API, and yet links nobody."""

ADA = Person("user_ada", "Ada Lovelace", {"org_bikes": "Bike Shop"})
BEN = Person("user_ben", "Ben Bitdiddle")


class Place(Protocol):
    """Where people are linked."""

    @property
    def url(self) -> str: ...

    @property
    def clerk(self) -> FakeClerk: ...

    @property
    def slack(self) -> FakeSlack: ...


@dataclass
class LinkBrowser:
    """One browser: its cookies, and who is signed in at Clerk and at Slack."""

    house: Place
    http: aiohttp.ClientSession
    user_id: str
    session_id: str
    claims: dict[str, Any] = field(default_factory=dict)
    in_slack: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        url = self.house.url
        token = self.house.clerk.mint(sub=self.user_id, sid=self.session_id, azp=url, **self.claims)
        return {"Authorization": f"Bearer {token}", "Origin": url, "Sec-Fetch-Site": "same-origin"}

    async def post(
        self, path: str, body: Any = None, **headers: str | None
    ) -> tuple[int, dict[str, Any]]:
        """A header that is None is left out."""
        sent = {**self.headers, **headers}
        given = {name: value for name, value in sent.items() if value is not None}
        async with self.http.post(f"{self.house.url}{path}", json=body or {}, headers=given) as r:
            return r.status, await r.json()

    async def standing(self) -> dict[str, Any]:
        async with self.http.get(f"{self.house.url}/api/link", headers=self.headers) as answer:
            assert answer.status == 200, await answer.text()
            found: dict[str, Any] = await answer.json()
            return found

    async def begin(self) -> dict[str, Any]:
        status, begun = await self.post("/api/link/code")
        assert status == 200, begun
        return begun

    async def open(self, path: str) -> tuple[int, str]:
        """Follow an address of ours, as this person in Slack; where it ends."""
        self.house.slack.browser.signed_in = self.in_slack
        async with self.http.get(f"{self.house.url}{path}") as answer:
            await answer.read()
            return answer.status, answer.url.path

    async def answer_of_slack(self) -> str:
        """Go to Slack, and stop before coming back: the address that leads back, with its code."""
        self.house.slack.browser.signed_in = self.in_slack
        there = f"{self.house.url}/slack/oidc"
        async with self.http.get(there, allow_redirects=False) as answer:
            address = answer.headers["Location"]
        async with self.http.get(address, allow_redirects=False) as answer:
            return answer.headers["Location"].removeprefix(self.house.url)

    async def prove(self, slack_user: str) -> tuple[int, str]:
        """Sign in with Slack as this person."""
        self.in_slack = slack_user
        return await self.open("/slack/oidc")

    async def confirm(self, **headers: str | None) -> tuple[int, dict[str, Any]]:
        return await self.post("/api/link/confirm", **headers)

    async def link(self, slack_user: str) -> tuple[int, dict[str, Any]]:
        """All of it."""
        await self.begin()
        await self.prove(slack_user)
        return await self.confirm()


@dataclass(frozen=True)
class LinkHouse:
    """What runs. `T1` has the app, U1 and U2 in C1; `T9` has it not, with U9 in it."""

    clerk: FakeClerk
    slack: FakeSlack
    bot: Bot
    sidecar: RunningSidecar
    stack: AsyncExitStack

    @property
    def url(self) -> str:
        return self.sidecar.url

    @property
    def store(self) -> Store:
        return self.bot.store

    async def browser(
        self, user_id: str, session_id: str | None = None, *, org_id: str | None = None
    ) -> LinkBrowser:
        jar = aiohttp.CookieJar(unsafe=True)  # on an address that is no name
        http = await self.stack.enter_async_context(aiohttp.ClientSession(cookie_jar=jar))
        session = session_id or f"sess_{user_id}"
        claims = {} if org_id is None else organisation(org_id)
        return LinkBrowser(self, http, user_id, session, claims)


@asynccontextmanager
async def link_house(at: Path | Store, *, by_code: bool = False) -> AsyncIterator[LinkHouse]:
    """Serve it all; `by_code`: no client id is configured, so a code is typed in Slack."""
    async with AsyncExitStack() as stack:
        clerk = await stack.enter_async_context(serving_clerk())
        clerk.browsers.people |= {"ada": ADA, "ben": BEN}
        slack = await stack.enter_async_context(FakeSlack(rate_limits=False))
        team = slack.workspace("T1", called="Bikes")
        team.channel("C1", members=["U1", "U2"])
        slack.workspace("T9", installed=False).user("U9")
        bot = await stack.enter_async_context(slack_bot(slack, at, with_accounts=True))
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        settings = Settings(
            clerk_issuer=clerk.issuer, clerk_authorized_parties=frozenset({url}), port=port
        )
        sign_in = clerk_sign_in(settings, SystemClock())
        assert sign_in is not None
        stack.push_async_callback(sign_in.keys.close)
        sidecar = await stack.enter_async_context(
            running_sidecar(
                bot.store,
                port=port,
                sign_in=sign_in,
                clerk=clerk_page(settings),
                cors_origins=frozenset({FRIEND}),
                linking=_door(slack, bot, url, by_code=by_code),
            )
        )
        yield LinkHouse(clerk, slack, bot, sidecar, stack)


@asynccontextmanager
async def greeting(house: LinkHouse) -> AsyncIterator[None]:
    """The bot sees to new links by itself while inside, as it does when it is served."""
    linking, background = house.bot.linking, Background()
    assert linking is not None
    newcomers = house.bot.app.listeners.newcomers
    background.spawn(newcomers.run(linking._waker, "a process"), name="newcomers")  # type: ignore[arg-type]
    try:
        yield
    finally:
        await background.stop()


def _door(slack: FakeSlack, bot: Bot, url: str, *, by_code: bool) -> LinkDoor:
    assert bot.linking is not None
    bot.linking.address = url
    secrets, line = slack.secrets, bot.door.line
    us = Workspace(bot.team.id, bot.team.bot_user, bot.team.installation.bot_id, name="Bikes")
    people = SlackDirectory(bot.door, OneWorkspace(us, bot.team.token))
    if by_code:
        return LinkDoor(bot.linking, people)
    site = slack.world.base_url
    openid = SlackOpenId(
        line, site, client_id=secrets.client_id, client_secret=secrets.client_secret
    )
    return LinkDoor(bot.linking, people, openid)
