"""What somebody may try to be linked as another, or to have another linked as them.

Each attack answers, for every try, whether it was refused and left no link behind.
"""

import random
import secrets
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlencode

from yarl import URL

from bot.render.slack_accounts import AGREE
from bot.services.linking import GUESSES, hash_of, new_code
from bot.store.identity_port import SlackPerson
from tests.fakes.link_house import FRIEND, LinkBrowser, LinkHouse

Attack = Callable[[LinkHouse, random.Random], Awaitable[list[bool]]]

VICTIM, ATTACKER = "UVICTIM", "UATTACK"
TRIES = 5
CALLBACK = "/slack/oidc_redirect"


async def unlinked(house: LinkHouse, *people: str) -> bool:
    """Whether none of these is linked."""
    found = [await house.store.link_of(SlackPerson("T1", name)) for name in people]
    return found == [None] * len(people)


async def pair(house: LinkHouse) -> tuple[LinkBrowser, LinkBrowser]:
    """A victim's browser and an attacker's; both have begun."""
    victim = await house.browser(f"user_v{secrets.token_hex(6)}")
    attacker = await house.browser(f"user_a{secrets.token_hex(6)}")
    victim.in_slack, attacker.in_slack = VICTIM, ATTACKER
    for browser in (victim, attacker):
        await browser.begin()
    return victim, attacker


async def forwarded_link(house: LinkHouse, _rng: random.Random) -> list[bool]:
    """The attacker has proven who they are in Slack, and sends each address to the victim."""
    victim, attacker = await pair(house)
    await attacker.prove(ATTACKER)
    refused = []
    for path in ("/link", "/slack/oidc"):
        await victim.open(path)
        links_attacker = (await victim.standing())["request"]
        refused.append((links_attacker or {}).get("person") != f"{ATTACKER.lower()} in Bikes")
    await victim.confirm()  # the victim confirms whatever is there: themselves
    link = await house.store.link_of(SlackPerson("T1", VICTIM))
    itself = link is not None and link.account.user_id == victim.user_id
    refused.append(itself and await unlinked(house, ATTACKER))
    if link is not None:
        await house.store.unlink(link.person, link.id, by="campaign")
    return refused


async def forged_state(house: LinkHouse, rng: random.Random) -> list[bool]:
    """With a code that is right: only the state tells that this browser did not ask."""
    victim, _attacker = await pair(house)
    code = (await victim.answer_of_slack()).partition("code=")[2]
    states = ["", "x", "A" * 43, *(f"{rng.getrandbits(256):064x}" for _ in range(TRIES))]
    refused = []
    for state in states:
        query = urlencode({"state": state, "code": code})
        status, _ = await victim.open(f"{CALLBACK}?{query}")
        refused.append(status == 400 and (await victim.standing())["request"]["person"] is None)
    return refused


async def foreign_state(house: LinkHouse, _rng: random.Random) -> list[bool]:
    """Login CSRF: the victim's browser is led back with the attacker's answer of Slack's."""
    victim, attacker = await pair(house)
    bystander = await house.browser("user_nobody")
    back = await attacker.answer_of_slack()
    statuses = [(await browser.open(back))[0] for browser in (victim, bystander)]
    mine = (await victim.standing())["request"]["person"] is None
    return [status == 400 and mine for status in statuses]


async def login_csrf(house: LinkHouse, _rng: random.Random) -> list[bool]:
    """Another site posts; another session or account uses what this browser has begun."""
    victim, attacker = await pair(house)
    await victim.prove(VICTIM)
    sites: list[dict[str, str | None]] = [
        {"Origin": "https://evil.example"},
        {"Origin": FRIEND},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": None},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ]
    statuses = [(await victim.confirm(**headers))[0] for headers in sites]
    own = victim.user_id, victim.session_id
    for user_id, session_id in (
        (attacker.user_id, attacker.session_id),
        (attacker.user_id, victim.session_id),
        (victim.user_id, "sess_another"),
    ):
        victim.user_id, victim.session_id = user_id, session_id
        statuses.append((await victim.confirm())[0])
    victim.user_id, victim.session_id = own
    for claims in ({"fva": [11, -1]}, {"act": {"sub": "user_x", "iss": "i", "sid": "s"}}):
        victim.claims = claims
        statuses.append((await victim.confirm())[0])
    return [status >= 400 and await unlinked(house, VICTIM) for status in statuses]


async def expired(house: LinkHouse, _rng: random.Random) -> list[bool]:
    """Everything is there, but ten minutes have passed."""
    victim, _attacker = await pair(house)
    await victim.prove(VICTIM)
    cookies = victim.http.cookie_jar.filter_cookies(_url(house))
    request = await house.store.link_request(hash_of(cookies["zapdev-link"].value))
    assert request is not None
    await house.store.begin_link(request, keep_s=0.0)
    await house.store.prove_link(request.hash, SlackPerson("T1", VICTIM), "V", is_agreed=True)
    status, _answer = await victim.confirm()
    return [status == 400 and await unlinked(house, VICTIM)]


async def replayed(house: LinkHouse, _rng: random.Random) -> list[bool]:
    """A code of Slack's, and a confirmation, each a second time."""
    victim, _attacker = await pair(house)
    back = await victim.answer_of_slack()
    first = (await victim.open(back))[0]
    again = (await victim.open(back))[0]
    kept = {c.key: c.value for c in victim.http.cookie_jar}
    _, link = await victim.confirm()
    person = SlackPerson("T1", VICTIM)
    made = await house.store.link_of(person)
    assert (first, made is not None) == (200, True), link
    await house.store.unlink(person, link["id"], by="campaign")
    victim.http.cookie_jar.update_cookies(kept, _url(house))
    statuses = [again, *[(await victim.confirm())[0] for _ in range(TRIES)]]
    return [status == 400 and await unlinked(house, VICTIM) for status in statuses]


async def other_workspace(house: LinkHouse, _rng: random.Random) -> list[bool]:
    """Proven, but in a workspace without the app; or there as a guest, or not any more."""
    refused = []
    guest, gone = house.bot.team.user("UGUEST"), house.bot.team.user("UGONE")
    guest.is_guest, gone.has_left = True, True
    for who in ("U9", "UGUEST", "UGONE"):
        browser, _ = await pair(house)
        status, _path = await browser.prove(who)
        confirmed, _answer = await browser.confirm()
        refused.append(status == 400 and confirmed == 400 and await unlinked(house, who))
    return refused


async def silent_relink(house: LinkHouse, _rng: random.Random) -> list[bool]:
    """Somebody is linked; others prove to be them, and confirm."""
    victim, _attacker = await pair(house)
    await victim.prove(VICTIM)
    _, link = await victim.confirm()
    refused, person = [], SlackPerson("T1", VICTIM)
    for number in range(TRIES):
        other = await house.browser(f"user_other{number}")
        await other.begin()
        await other.prove(VICTIM)
        status, answer = await other.confirm()
        there = await house.store.link_of(person)
        stays = there is not None and there.id == link["id"]
        refused.append(status == 400 and answer["error"]["code"] == "link_taken" and stays)
    await house.store.unlink(person, link["id"], by="campaign")
    return refused


async def scanner_prefetch(house: LinkHouse, _rng: random.Random) -> list[bool]:
    """A scanner of mail opens every address there is, with and without the browser's cookies."""
    victim, _attacker = await pair(house)
    await victim.prove(VICTIM)
    before = await victim.standing()
    scanner = await house.browser("user_scanner")
    refused = []
    for path in ("/link", "/link?confirm=1", "/slack/oidc", CALLBACK, f"{CALLBACK}?code=1&state=2"):
        for browser in (scanner, victim):
            if not (browser is victim and path == "/slack/oidc"):  # where it would go to Slack
                await browser.open(path)
            same = await victim.standing() == before
            refused.append(same and await unlinked(house, VICTIM, ATTACKER))
    return refused


# --- by a code ---------------------------------------------------------------------------


async def guessed_code(house: LinkHouse, _rng: random.Random) -> list[bool]:
    """Codes are tried in Slack; after a few of them even the right one is refused."""
    victim = await house.browser(f"user_v{secrets.token_hex(6)}")
    code = (await victim.begin())["code"]
    refused = []
    for guess in [*(new_code() for _ in range(GUESSES + TRIES)), code]:
        told = await _typed(house, "U2", guess)
        nobody = (await victim.standing())["request"]["person"] is None
        refused.append("[Yes, that is me]" not in told and nobody)
    return refused


async def forwarded_code(house: LinkHouse, _rng: random.Random) -> list[bool]:
    """The victim typed the attacker's code, and was asked; somebody else says yes for them."""
    attacker = await house.browser(f"user_a{secrets.token_hex(6)}")
    code = (await attacker.begin())["code"]
    told = await _typed(house, "U1", code)
    statuses = [(await attacker.confirm())[0] for _ in range(TRIES)]
    refused = [status == 400 and await unlinked(house, "U1") for status in statuses]
    other = house.bot.team.user("U2")
    question = house.slack.ephemeral("U1")[-1]
    element = next(e for b in question.blocks for e in b.get("elements", []))
    assert (element["action_id"], "[Yes, that is me]" in told) == (AGREE, True)
    action = {"type": "button", "action_id": AGREE, "value": element["value"]}
    payload = house.slack.payloads.block_actions(other, question, action)
    await house.slack.deliver("interactive", payload)
    await house.bot.settled()
    status, _answer = await attacker.confirm()
    return [*refused, status == 400 and await unlinked(house, "U1", "U2")]


async def _typed(house: LinkHouse, user: str, code: str) -> str:
    await house.slack.command(user, "C1", "/zapdev", f"link {code}")
    await house.bot.settled()
    return house.bot.whispers(user)[-1]


def _url(house: LinkHouse) -> URL:
    return URL(house.url)


BY_SLACK: Mapping[str, Attack] = {
    "forwarded link": forwarded_link,
    "forged state": forged_state,
    "foreign state": foreign_state,
    "login CSRF": login_csrf,
    "expired": expired,
    "replayed": replayed,
    "other workspace": other_workspace,
    "silent re-link": silent_relink,
    "scanner prefetch": scanner_prefetch,
}
BY_CODE: Mapping[str, Attack] = {"guessed code": guessed_code, "forwarded code": forwarded_code}
