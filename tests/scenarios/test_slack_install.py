"""Two workspaces add the app of the real program, over HTTP: tokens expire, one removes it again.

The offline model, real sandboxes and real previews; only Slack, and who sits before it, is played.
"""

from pathlib import Path

import aiohttp

from bot.render import slack_actions as buttons
from bot.slack.app import EVENTS_PATH
from bot.slack.oauth import INSTALL_PATH
from tests.fakes.server import Server, serving
from tests.fakes.slack.server import FakeSlack
from tests.fakes.waiting import until

DONE_S = 90.0


async def add(slack: FakeSlack, server: Server, team_id: str, by: str) -> None:
    """Somebody adds the app, in a browser of their own."""
    slack.workspace(team_id, installed=False).user(by)
    slack.browser.signed_in, slack.browser.rotates = by, True
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        aiohttp.ClientSession(cookie_jar=jar) as browser,
        browser.get(f"{server.url}{INSTALL_PATH}") as answer,
    ):
        assert answer.status == 200
        assert f"Zapdev is in {team_id}" in await answer.text()
    slack.workspace(team_id).channel(f"C{team_id}", members=[by])


def shows(slack: FakeSlack, channel: str, action: str) -> bool:
    """Whether the first message there has this button by now."""
    messages = slack.bot_messages(channel)
    return bool(messages) and action in str(messages[0].blocks)


async def test_two_workspaces_are_served_until_one_removes_the_app(tmp_path: Path) -> None:
    async with FakeSlack() as slack:
        settings = {
            "SLACK_CLIENT_ID": slack.secrets.client_id,
            "SLACK_CLIENT_SECRET": slack.secrets.client_secret,
            "SLACK_SIGNING_SECRET": slack.secrets.signing_secret,
            "SLACK_API_URL": slack.api_url.rstrip("/"),
        }
        async with serving(tmp_path / "data", **settings) as server:
            slack.attach_http(f"{server.url}{EVENTS_PATH}")
            await add(slack, server, "T1", "U1")
            await add(slack, server, "T2", "U2")
            await slack.command("U1", "CT1", "/zapdev", "a kanban board --framework react")
            await slack.mention("U2", "CT2", "a tip calculator --framework vue")
            await until(lambda: shows(slack, "CT1", buttons.STOP), DONE_S)
            await until(lambda: shows(slack, "CT2", buttons.STOP), DONE_S)

            old = slack.workspace("T1").token
            slack.expire_token("T1")
            slack.uninstall("T2")
            await until(lambda: shows(slack, "CT1", buttons.FILES), DONE_S)
            assert slack.workspace("T1").token != old, "exchanged for the next one"
            refused = {(call.team, call.error) for call in slack.calls if call.error is not None}
            assert refused <= {("T1", "token_expired"), ("T2", "account_inactive")}
            assert [call.error for call in slack.calls if call.team == "T1"].count(
                "token_expired"
            ) <= 3

            slack.attach_http(None)
        assert sum("added to a workspace" in line for line in server.log) == 2
        assert not [line for line in server.log if '"level": "error"' in line]
        kept = (tmp_path / "data" / "zapdev.db").read_bytes()
        for token in slack.tokens.all:
            assert token.encode() not in kept
            assert not [line for line in server.log if token in line]
