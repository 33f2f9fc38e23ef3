"""Adding the app to a workspace, in a browser: what is kept, and what is refused on the way."""

import base64
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request
from yarl import URL

from bot.slack.manifest import SCOPES
from bot.slack.oauth import INSTALL_PATH, REDIRECT_PATH
from bot.store.slack_port import InstallKey
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack_many import ManyBot, Page, many_bot, many_settings
from tests.fakes.waiting import until


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack(rate_limits=False) as running:
        yield running


@pytest.fixture
async def bot(slack: FakeSlack, tmp_path: Path) -> AsyncIterator[ManyBot]:
    async with many_bot(slack, tmp_path / "zapdev.db") as running:
        yield running


def browser() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))


async def begin(bot: ManyBot, person: aiohttp.ClientSession) -> str:
    """Begin, and stop at Slack's door; the state that it was given."""
    url = f"{bot.url}{INSTALL_PATH}"
    async with person.get(url, allow_redirects=False) as answer:
        return parse_qs(urlsplit(answer.headers["Location"]).query)["state"][0]


async def come_back(bot: ManyBot, person: aiohttp.ClientSession, **query: str) -> Page:
    url = f"{bot.url}{REDIRECT_PATH}"
    async with person.get(url, params=query) as answer:
        return Page(answer.status, await answer.text(), answer.url)


def code(bot: ManyBot, team_id: str = "T1") -> str:
    team = bot.slack.workspace(team_id, installed=False)
    return team.oauth_code(
        f"U{team_id}", redirect_uri=f"{bot.url}{REDIRECT_PATH}", scopes=list(SCOPES)
    )


async def test_a_workspace_that_adds_the_app_is_greeted_and_served(bot: ManyBot) -> None:
    page = await bot.add("T1", by="U1")
    assert (page.status, "Zapdev is in T1" in page.text) == (200, True)
    assert 'href="https://t1.slack.com/"' in page.text
    team = bot.slack.workspace("T1")
    assert sorted(team.installation.scopes) == sorted(SCOPES)
    [greeting] = bot.slack.bot_messages(team.dm("U1").id)
    assert "Tell me what to build" in greeting.text

    team.channel("C1", members=["U1"])
    await bot.slack.command("U1", "C1", "/zapdev", "a kanban board")
    await until(lambda: len(bot.slack.bot_messages("C1")) == 1)
    await bot.slack.command("U1", "C1", "/zapdev", "help")
    assert any(f"<@{team.bot_user}>" in str(m.blocks) for m in bot.slack.ephemeral("U1"))


async def test_each_workspace_is_spoken_to_with_its_own_token(bot: ManyBot) -> None:
    for number in (1, 2, 3):
        await bot.add(f"T{number}", by=f"U{number}")
        bot.slack.workspace(f"T{number}").channel(f"C{number}", members=[f"U{number}"])
    for number in (1, 2, 3):
        await bot.slack.mention(f"U{number}", f"C{number}", f"app {number}")
    await until(lambda: all(len(bot.slack.bot_messages(f"C{n}")) == 1 for n in (1, 2, 3)))
    for number in (1, 2, 3):
        assert f"app {number}" in str(bot.slack.bot_messages(f"C{number}")[0].blocks)
    refused = [call for call in bot.slack.calls if call.error is not None]
    assert refused == []


async def test_adding_it_again_takes_the_place_of_the_old_token(bot: ManyBot) -> None:
    await bot.add("T1", by="U1")
    bot.slack.revoke("T1", tells=False)
    await bot.add("T1", by="U1")
    team = bot.slack.workspace("T1")
    team.channel("C1", members=["U1"])
    await bot.slack.mention("U1", "C1", "a board")
    await until(lambda: len(bot.slack.bot_messages("C1")) == 1)
    assert {call.token for call in bot.slack.calls_of("chat.postMessage")} >= {team.token}


async def test_a_person_who_does_not_allow_it_is_told_that_nothing_was_added(bot: ManyBot) -> None:
    bot.slack.browser.denies = True
    page = await bot.add("T1", by="U1")
    assert (page.status, "Nothing was added" in page.text) == (403, True)
    assert 'href="install"' in page.text, "below whatever path it is served"
    assert await bot.store.installations() == []


async def test_what_began_in_another_browser_is_not_finished(bot: ManyBot) -> None:
    async with browser() as mine, browser() as anothers:
        state = await begin(bot, mine)
        for given in ({"state": state}, {}, {"state": ""}, {"state": "é"}):
            page = await come_back(bot, anothers, code=code(bot), **given)
            assert (page.status, "did not begin here" in page.text) == (400, True)
        _ = await begin(bot, anothers)
        page = await come_back(bot, anothers, code=code(bot), state=state)
        assert page.status == 400, "with a cookie of one's own neither"
        assert await bot.store.installations() == []
        assert (await come_back(bot, mine, code=code(bot), state=state)).status == 200


async def test_a_state_is_good_once(bot: ManyBot) -> None:
    async with browser() as person:
        state = await begin(bot, person)
        cookies = {c.key: c.value for c in person.cookie_jar}
        assert (await come_back(bot, person, code=code(bot), state=state)).status == 200
        assert list(person.cookie_jar) == []
        person.cookie_jar.update_cookies(cookies, response_url=URL(bot.url))
        page = await come_back(bot, person, code=code(bot, "T2"), state=state)
    assert (page.status, "took too long" in page.text) == (400, True)
    assert await bot.store.installations() == [InstallKey(team_id="T1")]


async def test_a_state_of_something_else_adds_nothing(bot: ManyBot) -> None:
    async with browser() as person:
        state = await begin(bot, person)
        assert await bot.store.use_state(state) is not None
        await bot.store.keep_state(state, "sign-in", keep_s=60)
        assert (await come_back(bot, person, code=code(bot), state=state)).status == 400
    assert await bot.store.installations() == []


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        ("invalid_code", 400, "Slack did not accept that"),
        ("bad_client_secret", 400, "Slack did not accept that"),
        ("internal_error", 503, "Slack does not answer"),
        ("ratelimited", 503, "Slack does not answer"),
    ],
)
async def test_what_slack_refuses_is_said_on_a_page_with_a_way_back(
    bot: ManyBot, error: str, status: int, words: str
) -> None:
    bot.slack.fail("oauth.v2.access", error)
    page = await bot.add("T1", by="U1")
    assert (page.status, words in page.text, 'href="install"' in page.text) == (status, True, True)
    assert await bot.store.installations() == []
    assert (await bot.add("T1", by="U1")).status == 200


async def test_a_code_that_somebody_made_up_is_refused(bot: ManyBot) -> None:
    async with browser() as person:
        state = await begin(bot, person)
        assert (await come_back(bot, person, code="made-up", state=state)).status == 400


async def test_a_whole_organisation_is_told_to_choose_a_workspace(bot: ManyBot) -> None:
    installation = bot.slack.install_org_wide("E1", "T1", "T2")
    async with browser() as person:
        state = await begin(bot, person)
        page = await come_back(bot, person, code=code(bot), state=state)
    assert installation.is_org_wide
    assert (page.status, "one workspace at a time" in page.text) == (400, True)
    assert bot.slack.tokens.complaint(installation.token) == "token_revoked", "given back"
    assert await bot.store.installations() == []


async def test_nobody_to_greet_is_no_failure(bot: ManyBot) -> None:
    bot.slack.fail("conversations.open", "internal_error", times=None)
    assert (await bot.add("T1", by="U1")).status == 200


async def test_pages_run_nothing_and_foreign_names_are_text(bot: ManyBot) -> None:
    bot.slack.workspace("T1", called="<script>alert(1)</script>", installed=False)
    async with browser() as person:
        state = await begin(bot, person)
        url = f"{bot.url}{REDIRECT_PATH}"
        query = {"code": code(bot), "state": state}
        async with person.get(url, params=query) as answer:
            text = await answer.text()
            policy = answer.headers["Content-Security-Policy"]
    style = text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert "<script" not in text
    assert "&lt;script&gt;" in text


async def test_behind_a_public_address_slack_comes_back_there_and_the_cookie_is_kept_close(
    slack: FakeSlack, tmp_path: Path
) -> None:
    settings = many_settings(slack, public_url="https://apps.example.com")
    async with many_bot(slack, tmp_path / "zapdev.db", settings=settings) as bot:
        assert bot.side.pages is not None
        answer = await bot.side.pages.begin(make_mocked_request("GET", INSTALL_PATH))
    asked = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert asked["redirect_uri"] == [f"https://apps.example.com{REDIRECT_PATH}"]
    [cookie] = answer.cookies.values()
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")
    assert len(cookie.value) >= 40
