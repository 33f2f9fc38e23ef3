"""Linking over HTTP: each attack is refused, each way links the right two, and what waited begins."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.store.identity_port import SlackPerson
from tests.fakes.link_house import FRIEND, LinkHouse, greeting, link_house
from tests.fakes.waiting import until_async

ANN = SlackPerson("T1", "U1")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[LinkHouse]:
    async with link_house(tmp_path / "zapdev.db") as running:
        yield running


@pytest.fixture
async def codes(tmp_path: Path) -> AsyncIterator[LinkHouse]:
    async with link_house(tmp_path / "zapdev.db", by_code=True) as running:
        yield running


async def begun(house: LinkHouse, owner: str) -> list[str]:
    return [row.prompt for row in await house.bot.tasks_of(owner)]


async def test_two_proofs_and_a_confirmation_link_and_what_waited_begins_by_itself(
    house: LinkHouse,
) -> None:
    await house.slack.mention("U1", "C1", "a shop")
    await house.bot.settled()
    ada = await house.browser("user_ada", org_id="org_bikes")
    assert await ada.begin() == {"code": None, "goTo": "/slack/oidc", "lastsS": 600}
    assert await ada.prove("U1") == (200, "/link")
    standing = await ada.standing()
    assert (standing["mode"], standing["account"]) == ("slack", "ada@bikes.example")
    assert standing["request"] == {"person": "u1 in Bikes", "agreed": True}
    async with greeting(house):
        status, link = await ada.confirm()
        assert (status, link["person"], link["account"]) == (
            200,
            "u1 in Bikes",
            "ada@bikes.example",
        )

        async def has_begun() -> bool:
            return await begun(house, "org_bikes") == ["a shop"]

        await until_async(has_begun)
    assert [one["person"] for one in (await ada.standing())["mine"]] == ["u1 in Bikes"]


async def test_by_a_code_both_sides_confirm(codes: LinkHouse) -> None:
    ada = await codes.browser("user_ada")
    code = (await ada.begin())["code"]
    assert (await ada.standing())["request"] == {"person": None, "agreed": False}
    await codes.slack.command("U1", "C1", "/zapdev", f"link {code}")
    await codes.bot.settled()
    assert (await ada.standing())["request"] == {"person": "u1 in T1", "agreed": False}
    assert (await ada.confirm())[0] == 400
    await codes.slack.click("U1", codes.slack.ephemeral("U1")[-1], "zd_link_agree")
    await codes.bot.settled()
    assert (await ada.confirm())[0] == 200
    link = await codes.store.link_of(ANN)
    assert link is not None
    assert link.account.user_id == "user_ada"


async def test_the_page_says_from_where_to_where_a_link_moves(house: LinkHouse) -> None:
    ada = await house.browser("user_ada", org_id="org_bikes")
    await ada.link("U1")
    alone = await house.browser("user_ada")
    await alone.begin()
    assert (await alone.standing())["moves"] is None
    await alone.prove("U1")
    assert (await alone.standing())["moves"] == "from the organisation org_bikes to yourself alone"
    assert (await alone.confirm())[0] == 200


async def test_looking_changes_nothing(house: LinkHouse) -> None:
    """A mail scanner, or a preview of the link, opens every address; nothing comes of it."""
    ada = await house.browser("user_ada")
    await ada.begin()
    await ada.prove("U1")
    scanner = await house.browser("user_eve")
    for path in ("/link", "/slack/oidc", "/slack/oidc_redirect?code=x&state=y"):
        await scanner.open(path)
        await ada.open("/link")
    assert await house.store.link_of(ANN) is None
    assert (await ada.standing())["request"] == {"person": "u1 in Bikes", "agreed": True}


async def test_the_page_is_for_no_frame_no_referrer_no_cache_and_few_scripts(
    house: LinkHouse,
) -> None:
    async with house.sidecar.http.get("/link") as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in answer.headers
    assert f"script-src 'self' {house.clerk.issuer};" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


async def test_the_browsers_secret_is_out_of_reach_for_scripts_and_other_sites(
    house: LinkHouse,
) -> None:
    ada = await house.browser("user_ada")
    ada.in_slack = "U1"
    async with ada.http.post(f"{house.url}/api/link/code", json={}, headers=ada.headers) as answer:
        cookie = answer.headers["Set-Cookie"]
        assert "code" in await answer.json()
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    secret = cookie.partition("=")[2].partition(";")[0]
    assert len(secret) >= 40
    assert secret not in await ada.answer_of_slack()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": FRIEND},
        {"Origin": ""},
        {"Origin": None},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_another_sites_page_links_nothing(
    house: LinkHouse, headers: dict[str, str | None]
) -> None:
    ada = await house.browser("user_ada")
    await ada.begin()
    await ada.prove("U1")
    for path in ("/api/link/confirm", "/api/link/code", "/api/link/unlink"):
        assert (await ada.post(path, {"linkId": "x"}, **headers))[0] == 403
    assert await house.store.link_of(ANN) is None


async def test_an_answer_of_slacks_is_good_in_the_browser_that_asked_and_once(
    house: LinkHouse,
) -> None:
    ada, eve = await house.browser("user_ada"), await house.browser("user_eve")
    for browser, who in ((ada, "U1"), (eve, "U2")):
        browser.in_slack = who
        await browser.begin()
    back = await ada.answer_of_slack()
    assert (await eve.open(back))[0] == 400, "login CSRF: the state is another browser's"
    assert (await ada.open(back)) == (200, "/link")
    assert (await ada.open(back))[0] == 400, "Slack takes a code once"
    assert (await eve.standing())["request"] == {"person": None, "agreed": False}


async def test_a_workspace_without_the_app_proves_nobody(house: LinkHouse) -> None:
    ada = await house.browser("user_ada")
    await ada.begin()
    status, _ = await ada.prove("U9")
    assert status == 400
    assert (await ada.standing())["request"] == {"person": None, "agreed": False}


async def test_who_says_no_at_slack_is_linked_to_nothing(house: LinkHouse) -> None:
    ada = await house.browser("user_ada")
    await ada.begin()
    house.slack.browser.denies = True
    assert (await ada.prove("U1"))[0] == 400


async def test_an_old_session_and_staff_that_acts_as_somebody_link_nothing(
    house: LinkHouse,
) -> None:
    ada = await house.browser("user_ada")
    await ada.begin()
    await ada.prove("U1")
    for claims, code in (
        ({"fva": [11, -1]}, "sign_in_again"),
        ({"act": {"sub": "user_staff", "iss": "x", "sid": "y"}}, "impersonated"),
    ):
        ada.claims = claims
        status, answer = await ada.confirm()
        assert (status, answer["error"]["code"]) == (403, code)
    ada.claims = {}
    assert (await ada.confirm())[0] == 200


async def test_the_account_that_ends_on_the_page_ends_in_slack(house: LinkHouse) -> None:
    ada = await house.browser("user_ada")
    _, link = await ada.link("U1")
    ben = await house.browser("user_ben")
    await ben.post("/api/link/unlink", {"linkId": link["id"]})
    assert await house.store.link_of(ANN) is not None
    assert (await ada.post("/api/link/unlink", {"linkId": link["id"]}))[0] == 200
    assert await house.store.link_of(ANN) is None
