"""What people call their account: asked of Clerk's Backend API, and known for a while."""

from typing import Any

import aiohttp

from agents.logger import create_logger
from agents.ports import Clock

log = create_logger(__name__)

KNOWN_S = 300.0
ANSWER_S = 5.0
_MOST = 1_000


class ClerkPeople:
    """Implements `bot.services.linking.AccountNames`. Without a secret key nobody has a name.

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
        found = await self._asked(user_id) if self._secret is not None else None
        if found is None:
            return known or f"the account {user_id}"
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[user_id] = found, self._clock.monotonic()
        return found

    async def _asked(self, user_id: str) -> str | None:
        headers = {"Authorization": f"Bearer {self._secret}"}
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as http,
                http.get(
                    f"{self._api_url}/v1/users/{user_id}", headers=headers, allow_redirects=False
                ) as answer,
            ):
                if answer.status != 200:
                    log.warning("account not looked up", status=answer.status)
                    return None
                return _name_of(user_id, await answer.json())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            log.warning("account not looked up", error=repr(error))
            return None


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
