"""Tokens: which calls they allow, how they come, and how they end."""

from urllib.parse import parse_qs, urlsplit

import aiohttp
import jwt
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth.installation_store import Installation
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator
from slack_sdk.web.async_client import AsyncWebClient

from agents.testing import FakeClock
from tests.contracts.slack_host.refusals import error_of
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.tokens import ACCESS_TOKEN_S
from tests.fakes.slack.workspace import Workspace

pytestmark = pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")
"""slack_sdk 3.47 uses what aiohttp 3.14 deprecates, in `oauth.v2.access` and its like."""
BACK = "https://zapdev.test/back"


async def test_each_way_a_token_is_bad_has_its_error(
    client: AsyncWebClient, team: Workspace, slack: FakeSlack
) -> None:
    nobody = AsyncWebClient(base_url=slack.api_url)
    assert await error_of(nobody.auth_test()) == "not_authed"
    assert await error_of(client.auth_test(token="xoxb-other")) == "invalid_auth"
    assert await error_of(client.auth_test(token=slack.app_token)) == "not_allowed_token_type"
    slack.revoke(team)
    assert await error_of(client.auth_test()) == "token_revoked"
    client.token = team.install().token
    slack.uninstall(team)
    assert await error_of(client.auth_test()) == "account_inactive"
    assert [call.error for call in slack.calls][-2:] == ["token_revoked", "account_inactive"]


async def test_a_good_token_tells_who_it_is_and_what_it_may(client: AsyncWebClient) -> None:
    answer = await client.auth_test()

    assert (answer["team_id"], answer["user_id"], answer["bot_id"]) == ("T1", "UBOTT1", "BT1")
    assert "chat:write" in answer.headers["X-OAuth-Scopes"].split(",")


async def test_the_app_s_token_opens_sockets_and_nothing_else(
    client: AsyncWebClient, slack: FakeSlack
) -> None:
    opened = await client.apps_connections_open(app_token=slack.app_token)
    assert opened["url"].startswith("ws://127.0.0.1:")
    wrong = client.apps_connections_open(app_token=client.token or "")
    assert await error_of(wrong) == "not_allowed_token_type"


async def test_a_code_is_exchanged_once_for_a_token(slack: FakeSlack) -> None:
    team = slack.workspace("T2", installed=False)
    code = team.oauth_code("U2", redirect_uri=BACK)
    client = AsyncWebClient(base_url=slack.api_url)
    secrets = {
        "client_id": slack.secrets.client_id,
        "client_secret": slack.secrets.client_secret,
    }

    wrong = client.oauth_v2_access(client_id="1", client_secret="2", code=code)
    assert await error_of(wrong) == "invalid_client_id"
    elsewhere = client.oauth_v2_access(**secrets, code=code, redirect_uri="https://other.test")
    assert await error_of(elsewhere) == "bad_redirect_uri"
    granted = await client.oauth_v2_access(**secrets, code=code, redirect_uri=BACK)
    assert (granted["team"]["id"], granted["authed_user"]["id"]) == ("T2", "U2")
    assert granted["access_token"] == team.token
    await client.auth_test(token=team.token)
    again = client.oauth_v2_access(**secrets, code=code, redirect_uri=BACK)
    assert await error_of(again) == "code_already_used"
    unknown = client.oauth_v2_access(**secrets, code="c", redirect_uri=BACK)
    assert await error_of(unknown) == "invalid_code"


async def test_a_token_rotates_by_a_refresh_token_good_for_one_use() -> None:
    clock = FakeClock()
    async with FakeSlack(clock=clock) as slack:
        team = slack.workspace("T1", rotates=True)
        old, refresh = team.token, team.installation.refresh_token
        client = AsyncWebClient(old, slack.api_url)
        await clock.advance(ACCESS_TOKEN_S)
        assert await error_of(client.auth_test()) == "token_expired"

        rotator = AsyncTokenRotator(
            client_id=slack.secrets.client_id,
            client_secret=slack.secrets.client_secret,
            client=AsyncWebClient(base_url=slack.api_url),
        )
        kept = Installation(
            user_id="U1",
            team_id="T1",
            bot_token=old,
            bot_refresh_token=refresh,
            bot_token_expires_at=1,
        )
        rotated = await rotator.perform_token_rotation(installation=kept)
        assert rotated is not None
        assert rotated.bot_token == team.token != old
        await client.auth_test(token=rotated.bot_token)
        again = client.oauth_v2_access(
            client_id=slack.secrets.client_id,
            client_secret=slack.secrets.client_secret,
            grant_type="refresh_token",
            refresh_token=refresh,
        )
        assert await error_of(again) == "invalid_refresh_token"


async def test_a_workspace_installs_the_app_again_after_removing_it(
    slack: FakeSlack, team: Workspace, client: AsyncWebClient
) -> None:
    old = team.token
    secrets = (slack.secrets.client_id, slack.secrets.client_secret)
    await client.apps_uninstall(client_id=secrets[0], client_secret=secrets[1])
    code = team.oauth_code("U1")
    granted = await client.oauth_v2_access(
        client_id=secrets[0], client_secret=secrets[1], code=code
    )

    await client.auth_test(token=granted["access_token"])
    assert await error_of(client.auth_test(token=old)) == "account_inactive"


async def test_a_bot_revokes_itself(slack: FakeSlack, client: AsyncWebClient) -> None:
    assert not (await client.auth_revoke(test=True))["revoked"]
    assert (await client.auth_revoke())["revoked"]
    assert await error_of(client.auth_test()) == "token_revoked"


async def test_an_organisation_has_one_token_for_its_workspaces(slack: FakeSlack) -> None:
    installation = slack.install_org_wide("E1", "T1", "T2")
    slack.workspace("T2").channel("C2", members=["U2"])
    client = AsyncWebClient(installation.token, slack.api_url)

    answer = await client.auth_test()
    assert (answer["enterprise_id"], answer["is_enterprise_install"]) == ("E1", True)
    await client.chat_postMessage(channel="C2", text="x")
    [envelope] = [
        slack.payloads.event("T2", {"type": "message", "channel": "C2", "event_ts": "1.1"})
    ]
    assert envelope["authorizations"][0]["team_id"] is None


async def test_a_browser_is_sent_back_with_a_code_and_its_state(
    slack: FakeSlack, team: Workspace
) -> None:
    slack.browser.signed_in = "U1"
    query = {
        "client_id": slack.secrets.client_id,
        "scope": "chat:write,commands",
        "state": "s1",
        "redirect_uri": BACK,
    }
    async with aiohttp.ClientSession() as http:
        sent = http.get(slack.authorize_url, params=query, allow_redirects=False)
        async with sent as answer:
            back = parse_qs(urlsplit(answer.headers["Location"]).query)
        slack.browser.denies = True
        sent = http.get(slack.authorize_url, params=query, allow_redirects=False)
        async with sent as answer:
            denied = parse_qs(urlsplit(answer.headers["Location"]).query)

    assert back["state"] == ["s1"]
    granted = await AsyncWebClient(base_url=slack.api_url).oauth_v2_access(
        client_id=slack.secrets.client_id,
        client_secret=slack.secrets.client_secret,
        code=back["code"][0],
        redirect_uri=BACK,
    )
    assert granted["scope"] == "chat:write,commands"
    assert denied["error"] == ["access_denied"]


async def test_a_code_that_was_asked_for_with_a_challenge_takes_its_verifier(
    slack: FakeSlack, team: Workspace
) -> None:
    """RFC 7636: the challenge of this verifier is the one in its appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    client, told = AsyncWebClient(base_url=slack.api_url), []
    for given in ("another", verifier):
        code = team.openid_code("U1", redirect_uri=BACK, challenge=challenge)
        app = {"client_id": slack.secrets.client_id, "client_secret": slack.secrets.client_secret}
        asked = {**app, "code": code, "redirect_uri": BACK, "code_verifier": given}
        try:
            await client.api_call("openid.connect.token", data=asked)
        except SlackApiError as error:
            told.append(error.response["error"])
        else:
            told.append("granted")
    assert told == ["invalid_grant", "granted"]


async def test_sign_in_with_slack_gives_a_signed_id_token(
    slack: FakeSlack, team: Workspace
) -> None:
    code = team.openid_code("U1", redirect_uri=BACK, nonce="n1")
    client = AsyncWebClient(base_url=slack.api_url)
    granted = await client.openid_connect_token(
        client_id=slack.secrets.client_id,
        client_secret=slack.secrets.client_secret,
        code=code,
        redirect_uri=BACK,
    )
    async with aiohttp.ClientSession() as http, http.get(f"{slack.openid_url}/keys") as answer:
        keys = await answer.json()

    key = jwt.PyJWKSet.from_dict(keys).keys[0]
    claims = jwt.decode(granted["id_token"], key, ["RS256"], audience=slack.secrets.client_id)
    assert (claims["https://slack.com/user_id"], claims["nonce"]) == ("U1", "n1")
    assert claims["iss"] == "https://slack.com"
    info = await client.openid_connect_userInfo(token=granted["access_token"])
    assert info["https://slack.com/team_id"] == "T1"
