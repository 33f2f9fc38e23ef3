"""Once a day: is everybody who is linked still somebody at Clerk?

Clerk's messages tell of an end at once. This finds those that were lost, and accounts that are
banned, which is no end to Clerk.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

from agents.errors import StoreError
from agents.logger import create_logger
from agents.ports import Clock
from bot.services.account_news import AccountNews, UserEnded

log = create_logger(__name__)

DAY_S = 86_400.0
LOOK_S = 3_600.0
"""How often a process looks whether it is time again."""
PAUSE_S = 1.0
"""Between two questions: a small part of what Clerk allows to a key (1,000 in 10 s)."""

_KEY = "links checked"

AccountState = Literal["here", "banned", "gone"]


class AccountStates(Protocol):
    """Knows what has become of an account."""

    async def state(self, user_id: str) -> AccountState | None:
        """None where it is not said."""
        ...


class LinkedStore(Protocol):
    """The roles of a store that checks stand on."""

    async def linked_accounts(self, after: str = "") -> Sequence[str]:
        """The Clerk users who are linked, page by page."""
        ...

    async def first_time(self, key: str, *, keep_s: float) -> bool:
        """Whether this key is new; it is remembered for `keep_s` seconds."""
        ...


class LinkChecks:
    """Ends the links of accounts that are no more, by the same way as Clerk's messages do."""

    def __init__(
        self, store: LinkedStore, accounts: AccountStates, news: AccountNews, clock: Clock
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._news = news
        self._clock = clock

    async def run(self) -> None:
        """Check every day, until cancelled. A day on which the database fails is left out."""
        while True:
            try:
                await self.check()
            except StoreError as error:
                log.warning("links not checked", error=repr(error))
            await self._clock.sleep(LOOK_S)

    async def check(self) -> int:
        """Ask for everybody who is linked, one each second; how many accounts have ended.

        Nobody is asked for twice a day, by however many processes. Where Clerk knows nobody of
        them, the key is likely that of another instance, and nothing ends. Raises: StoreError.
        """
        if not await self._store.first_time(_KEY, keep_s=DAY_S):
            return 0
        states = await self._states()
        ended = [user_id for user_id, state in states.items() if state in ("banned", "gone")]
        if ended and all(state in (None, "gone") for state in states.values()):
            log.warning("no linked account is known at Clerk: is CLERK_SECRET_KEY its instance's?")
            return 0
        day = f"{self._clock.now():%Y-%m-%d}"
        for user_id in ended:
            await self._news.take(f"check {day} {user_id}", UserEnded(user_id))
        return len(ended)

    async def _states(self) -> dict[str, AccountState | None]:
        states: dict[str, AccountState | None] = {}
        after = ""
        while page := await self._store.linked_accounts(after):
            for after in page:
                states[after] = await self._accounts.state(after)
                await self._clock.sleep(PAUSE_S)
        return states
