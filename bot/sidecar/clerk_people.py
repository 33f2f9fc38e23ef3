"""What people call their account: asked of Clerk's Backend API, and known for a while."""

from typing import Any

import aiohttp

from agents.logger import create_logger
from agents.ports import Clock
from bot.services.link_checks import AccountState

log = create_logger(__name__)

KNOWN_S = 300.0
ANSWER_S = 5.0
_MOST = 1_000


class ClerkPeople:
    """Implements `AccountNames` of `bot.services.linking` and `AccountStates` of
    `bot.services.link_checks`. Without a secret key nobody has a name.

    https://clerk.com/docs/reference/backend-api, “Retrieve a user”.
    """

    def __init__(self, api_url: str, secret: str | None, clock: Clock) -> None:
        self._api_url = api_url
        self._secret = secret
        self._clock = clock
        self._known: dict[str, tuple[str, float]] = {}

    async def name(self, user_id: str) -> str:
        """Their address, else their id, with what they call themselves where Clerk can be asked."""
        known, at = self._known.get(user_id, ("", 0.0))
        if known and self._clock.monotonic() - at < KNOWN_S:
            return known
        _, user = await self._asked(user_id)
        found = _name_of(user_id, user)
        if found is None:
            return known or f"the account {user_id}"
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[user_id] = found, self._clock.monotonic()
        return found

    async def state(self, user_id: str) -> AccountState | None:
        """None where Clerk is not asked, does not answer or refuses to."""
        status, user = await self._asked(user_id)
        if status == 404:
            return "gone"
        if status != 200 or not isinstance(user, dict):
            return None
        return "banned" if user.get("banned") is True else "here"

    async def _asked(self, user_id: str) -> tuple[int | None, Any]:
        """Status and answer. A status of None: nobody has answered."""
        if self._secret is None:
            return None, None
        headers = {"Authorization": f"Bearer {self._secret}"}
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as http,
                http.get(
                    f"{self._api_url}/v1/users/{user_id}", headers=headers, allow_redirects=False
                ) as answer,
            ):
                if answer.status == 200:
                    return 200, await answer.json()
                log.warning("account not looked up", status=answer.status)
                return answer.status, None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            log.warning("account not looked up", error=repr(error))
            return None, None


def _name_of(user_id: str, user: Any) -> str | None:
    """The address that they have proven to be theirs, else what they call themselves.

    The latter may be anything, somebody else's address too; so it stands behind their id.
    """
    if not isinstance(user, dict):
        return None
    for address in user.get("email_addresses") or ():
        proven = (address.get("verification") or {}).get("status") == "verified"
        if proven and address.get("id") == user.get("primary_email_address_id"):
            return str(address["email_address"])
    names = (user.get("first_name"), user.get("last_name"))
    called = " ".join(str(name) for name in names if name) or user.get("username")
    return f"the account {user_id}, called “{called}”" if called else None
