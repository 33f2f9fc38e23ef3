"""Linking at the real program, as an operator sets it up: Slack over HTTP, Clerk, its Backend API."""

from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bot.slack.app import EVENTS_PATH
from bot.slack.oauth import INSTALL_PATH
from tests.fakes.clerk.backend import Person
from tests.fakes.clerk.server import FakeClerk, serving_clerk
from tests.fakes.clerk.tokens import organisation
from tests.fakes.link_house import LinkBrowser
from tests.fakes.server import free_port, serving
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.world import Message
from tests.fakes.waiting import until

BIKES = "org_2bikes"
BUILT_S = 60.0


@dataclass(frozen=True)
class Served:
    url: str
    clerk: FakeClerk
    slack: FakeSlack


def direct(slack: FakeSlack, user: str) -> list[Message]:
    return slack.bot_messages(slack.workspace("T1").dm(user).id)


def settings_of(clerk: FakeClerk, slack: FakeSlack) -> dict[str, str]:
    """As an operator sets them for many workspaces with accounts."""
    clerk.backend.add(Person("user_ada", "ada@bikes.example"))
    return {
        "SLACK_CLIENT_ID": slack.secrets.client_id,
        "SLACK_CLIENT_SECRET": slack.secrets.client_secret,
        "SLACK_SIGNING_SECRET": slack.secrets.signing_secret,
        "SLACK_API_URL": slack.api_url.rstrip("/"),
        "CLERK_ISSUER": clerk.issuer,
        "CLERK_API_URL": clerk.issuer,
        "CLERK_SECRET_KEY": clerk.backend.secret_key,
        "ZAPDEV_PORT": str(free_port()),
    }


async def add(slack: FakeSlack, url: str, http: aiohttp.ClientSession) -> None:
    """U1 adds the app to their workspace, and it hears of what is said there."""
    slack.attach_http(f"{url}{EVENTS_PATH}")
    slack.workspace("T1", called="Bikes", installed=False).user("U1")
    slack.browser.signed_in = "U1"
    async with http.get(f"{url}{INSTALL_PATH}") as answer:
        assert answer.status == 200
    slack.workspace("T1").channel("C1", members=["U1"])


async def link(browser: LinkBrowser) -> None:
    """As U1, who sees both names before they confirm."""
    browser.in_slack = "U1"
    await browser.begin()
    assert await browser.open("/slack/oidc") == (200, "/link")
    standing = await browser.standing()
    assert standing["account"] == "ada@bikes.example"
    assert standing["request"] == {"person": "u1 in Bikes", "agreed": True}
    status, made = await browser.confirm()
    assert (status, made["account"]) == (200, "ada@bikes.example")


async def test_who_meets_the_wall_is_linked_and_their_build_begins_by_itself(
    tmp_path: Path,
) -> None:
    async with serving_clerk() as clerk, FakeSlack() as slack:
        jar = aiohttp.CookieJar(unsafe=True)
        async with (
            serving(tmp_path / "data", **settings_of(clerk, slack)) as server,
            aiohttp.ClientSession(cookie_jar=jar) as http,
        ):
            await add(slack, server.url, http)
            await slack.command("U1", "C1", "/zapdev", "a kanban board --framework react")
            await until(lambda: len(slack.ephemeral("U1")) == 1)
            assert f"{server.url}/link" in str(slack.ephemeral("U1")[0].blocks)
            assert slack.bot_messages("C1") == []

            served = Served(server.url, clerk, slack)
            browser = LinkBrowser(served, http, "user_ada", "sess_ada", organisation(BIKES))
            await link(browser)
            await until(lambda: len(direct(slack, "U1")) == 2, BUILT_S)
            await until(lambda: len(slack.bot_messages("C1")) >= 1, BUILT_S)
            async with http.get(f"{server.url}/api/projects", headers=browser.headers) as answer:
                [project] = (await answer.json())["projects"]
            assert "kanban" in project["title"].lower()

            await slack.click("U1", direct(slack, "U1")[-1], "zd_link_not_me")
            await until(lambda: "The link is ended" in direct(slack, "U1")[-1].text, BUILT_S)
            assert (await browser.standing())["mine"] == []
            slack.attach_http(None)
        assert not [line for line in server.log if '"level": "error"' in line]
