"""What the end of an account, a membership or a session leads to here.

Clerk tells it at least once, in any order, and sometimes not at all; so all of it is harmless when
it comes again, and a token that nobody took back is good for a minute at most.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, assert_never

from agents.errors import NotFound
from agents.logger import create_logger
from agents.types import OwnerId, TaskId
from bot.services.identity import AccountEnds
from bot.services.sign_outs import (
    LEFT_S,
    Marks,
    SignOuts,
    left_mark,
    member_mark,
    organisation_mark,
    session_mark,
    user_mark,
)
from bot.store.port import TaskRow

BY_CLERK = "clerk"
TOLD_S = 8 * 86_400.0
"""How long it is known what was told: longer than anybody tries again by themselves."""

log = create_logger(__name__)


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """Somebody has signed out, or was signed out."""

    session_id: str


@dataclass(frozen=True, slots=True)
class UserEnded:
    """An account was deleted."""

    user_id: str


@dataclass(frozen=True, slots=True)
class MembershipEnded:
    """Somebody has left an organisation, or was removed."""

    org_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class OrganisationEnded:
    """An organisation was deleted."""

    org_id: str


AccountEnd = SessionEnded | UserEnded | MembershipEnded | OrganisationEnded


class OpenTasks(Protocol):
    """Knows what waits and runs."""

    async def open_tasks(self, owner: OwnerId) -> Sequence[TaskId]:
        """This owner's tasks that wait or run."""
        ...


class TaskStopper(Protocol):
    """Stops tasks."""

    async def cancel(self, owner: OwnerId, task_id: TaskId, *, by: str) -> TaskRow:
        """Raises: NotFound."""
        ...


class NewsStore(Marks, OpenTasks, Protocol):
    """The roles of a store that news stand on."""


class AccountNews:
    """Acts on what Clerk tells."""

    def __init__(
        self, store: NewsStore, sign_outs: SignOuts, links: AccountEnds, tasks: TaskStopper
    ) -> None:
        self._store = store
        self._sign_outs = sign_outs
        self._links = links
        self._tasks = tasks

    async def take(self, message_id: str, end: AccountEnd) -> str | None:
        """Carry it out; answers the mark by which readers' streams are to be ended here.

        None: this message was carried out before. Raises: StoreError; then nothing is remembered,
        and it is carried out when it is told again.
        """
        told = f"clerk:{message_id}"
        if told in await self._store.seen([told]):
            return None
        mark = await self._carry_out(end)
        await self._store.first_time(told, keep_s=TOLD_S)
        log.info("account news", what=type(end).__name__)
        return mark

    async def _carry_out(self, end: AccountEnd) -> str:
        match end:
            case SessionEnded(session_id):
                await self._sign_outs.note(mark := session_mark(session_id))
            case UserEnded(user_id):
                await self._sign_outs.note(mark := user_mark(user_id))
                await self._links.account_ended(user_id, by=BY_CLERK)
                await self._stop_all(OwnerId(user_id))
            case MembershipEnded(org_id, user_id):
                await self._sign_outs.note(mark := member_mark(org_id, user_id), keep_s=LEFT_S)
                await self._sign_outs.note(left_mark(org_id, user_id))
                await self._links.account_ended(user_id, owner=OwnerId(org_id), by=BY_CLERK)
            case OrganisationEnded(org_id):
                await self._sign_outs.note(mark := organisation_mark(org_id))
                await self._links.owner_ended(OwnerId(org_id), by=BY_CLERK)
                await self._stop_all(OwnerId(org_id))
            case _:
                assert_never(end)
        return mark

    async def _stop_all(self, owner: OwnerId) -> None:
        for task_id in await self._store.open_tasks(owner):
            try:
                await self._tasks.cancel(owner, task_id, by=BY_CLERK)
            except NotFound:
                log.info("task is gone", task_id=task_id)
