"""Answers people in words that are written for them, whatever comes up."""

from collections.abc import Awaitable
from dataclasses import replace

from agents.errors import (
    NotFound,
    QuotaExceeded,
    SeqConflict,
    StoreError,
    StoreUnavailable,
    UserError,
)
from agents.logger import create_logger
from agents.types import TaskId
from bot.render import slack_replies as replies
from bot.render.slack_blocks import SlackMessage
from bot.render.slack_sharing import render_may_only_look
from bot.render.slack_usage import render_quota
from bot.slack.accounts import Accounts, Kept, LinkFirst, Pressed
from bot.slack.desk import BUSY, BUSY_HINT, Desk
from bot.slack.errors import WorkspaceGone
from bot.slack.intents import (
    Aside,
    Choose,
    Identify,
    Intent,
    NewLink,
    Share,
    Sharing,
    Show,
)
from bot.slack.link_desk import LinkDesk
from bot.slack.payloads import Said
from bot.slack.rights import MayOnlyLook
from bot.slack.shelf import Shelf

log = create_logger(__name__)


class Reception:
    """The desk, where things are done, the shelf, where they are looked at, and who may."""

    def __init__(self, desk: Desk, shelf: Shelf, accounts: Accounts, link_desk: LinkDesk) -> None:
        self.desk = desk
        self.shelf = shelf
        self.accounts = accounts
        self.link_desk = link_desk

    async def answer(self, said: Said, intent: Intent) -> SlackMessage | None:
        """Do what is meant, or tell. None when there is nothing to add. Never raises."""
        if said.is_foreign:
            return render_foreign()
        return await settle(self._let_in(said, intent))

    async def wall(self, said: Said, intent: Intent) -> SlackMessage | None:
        """What is said before anything else to who is not linked yet; None to everybody else."""

        async def look() -> None:
            if not said.is_foreign:
                await self.accounts.known(said, intent)

        return await settle(look())

    async def press(self, said: Said, pressed: Pressed) -> SlackMessage | None:
        """A button of a task's message. Raises: UserError, StoreError."""
        said = await self.accounts.known(said, pressed)
        task_id = TaskId(pressed.task_id)
        return await self.desk.press(said, pressed.press, task_id, pressed.number)

    async def resume(self, said: Said, kept: Kept) -> tuple[bool, SlackMessage | None]:
        """Begin what was asked for at the wall, by who is linked now: whether it has begun, and
        what there is to be said. Raises: StoreUnavailable.
        """
        away: list[StoreUnavailable] = []
        done: list[SlackMessage | None] = []

        async def again() -> SlackMessage | None:
            try:
                done.append(await self._resume(said, kept))
            except StoreUnavailable as error:
                away.append(error)
                raise
            return done[0]

        answer = await settle(again())
        if away:
            raise away[0]
        return bool(done) and (kept.pressed is None or answer is None), answer

    async def _resume(self, said: Said, kept: Kept) -> SlackMessage | None:
        if kept.pressed is not None:
            return await self.press(said, kept.pressed)
        intent = kept.build or kept.again or kept.undo or kept.imported
        return None if intent is None else await self._do(said, intent)

    async def _let_in(self, said: Said, intent: Intent) -> SlackMessage | None:
        match intent:
            case Aside():
                return None
            case Identify():
                return await self.link_desk.answer(said, intent)
            case Show(topic="help"):
                return await self.shelf.show(said, "help")
            case _:
                return await self._do(await self.accounts.known(said, intent), intent)

    async def _do(self, said: Said, intent: Intent) -> SlackMessage | None:
        match intent:
            case Aside() | Identify():
                return None
            case Sharing():
                return await self.desk.rights.show(said, await self.desk.here(said))
            case Show(topic=topic):
                return await self.shelf.show(said, topic)
            case Choose() | Share() | NewLink():
                is_new = await self.desk.first_time(f"decided:{said.key}")
                return await self._decide(said, intent) if is_new else None
            case _:
                return await self.desk.do(said, intent)

    async def _decide(self, said: Said, intent: Choose | Share | NewLink) -> SlackMessage | None:
        """Once: told again, it might undo what was decided since."""
        match intent:
            case Choose():
                return await self.shelf.defaults.choose(said.owner, intent)
            case NewLink():
                there = await self.desk.here(said)
                return await self.desk.rights.renew_link(said, there, self.shelf.links)
            case Share():
                return await self.desk.do(said, intent)


async def settle(asked: Awaitable[SlackMessage | None]) -> SlackMessage | None:
    """An answer, also where the work is refused. A boundary: a defect is logged, and said so."""
    try:
        return await asked
    except UserError as error:
        return _refusal(error)
    except NotFound:
        return replies.render_refused("That app is not there any more.", "Start a new one.")
    except SeqConflict:
        return replies.render_refused(BUSY, BUSY_HINT)
    except (StoreError, WorkspaceGone) as error:
        log.warning("store unavailable", action="slack", reason=str(error))
    except Exception:
        log.exception("request from Slack failed")
    return replies.render_trouble()


def _refusal(error: UserError) -> SlackMessage:
    match error:
        case MayOnlyLook():
            return render_may_only_look(error.owner_user_id, error.thread_ts)
        case QuotaExceeded():
            return render_quota(error)
        case LinkFirst():
            return replies.render_needs_link(error.url, is_kept=error.is_kept)
        case _:
            return replies.render_refused(str(error), error.hint, replies.HELP)


def render_foreign() -> SlackMessage:
    """Somebody of another workspace asked, in a channel that is shared with it."""
    said = replies.render_refused(
        "I work for the people of this workspace only.",
        "You are here from another one. Ask somebody of this workspace, or install me in yours.",
    )
    return replace(said, is_private=True)
