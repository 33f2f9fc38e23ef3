"""Answers people in words that are written for them, whatever comes up."""

from collections.abc import Awaitable

from agents.errors import BadRequest, NotFound, SeqConflict, StoreError, UserError
from agents.logger import create_logger
from agents.types import Framework
from bot.render import slack_replies as replies
from bot.render.slack_blocks import SlackMessage
from bot.slack.desk import BUSY, BUSY_HINT, Desk
from bot.slack.intents import Aside, Choose, Import, Intent, Show
from bot.slack.payloads import Said
from bot.slack.shelf import Shelf

log = create_logger(__name__)


class Reception:
    """The desk, where things are done, and the shelf, where they are looked at."""

    def __init__(self, desk: Desk, shelf: Shelf) -> None:
        self.desk = desk
        self.shelf = shelf

    async def answer(self, said: Said, intent: Intent) -> SlackMessage | None:
        """Do what is meant, or tell. None when there is nothing to add. Never raises."""
        if said.is_foreign:
            return render_foreign()
        return await settle(self._do(said, intent))

    async def _do(self, said: Said, intent: Intent) -> SlackMessage | None:
        match intent:
            case Aside():
                return None
            case Show(topic=topic):
                return await self.shelf.show(said, topic)
            case Choose():
                raise self._choice(intent)
            case Import():
                raise BadRequest(
                    "Imports from GitHub and Figma are not available yet.",
                    hint="Describe the app in words, and I build it.",
                )
            case _:
                return await self.desk.do(said, intent)

    def _choice(self, choose: Choose) -> BadRequest:
        """Models and frameworks are named with each request until settings are kept."""
        known = list(self.shelf.models) if choose.what == "model" else list(Framework)
        listed = ", ".join(known)
        return BadRequest(
            f"Name the {choose.what} with what you want built.",
            hint=f"For example: a board --{choose.what} {known[-1]}. There are: {listed}.",
        )


async def settle(asked: Awaitable[SlackMessage | None]) -> SlackMessage | None:
    """An answer, also where the work is refused. A boundary: a defect is logged, and said so."""
    try:
        return await asked
    except UserError as error:
        return replies.render_refused(str(error), error.hint, replies.HELP)
    except NotFound:
        return replies.render_refused("That app is not there any more.", "Start a new one.")
    except SeqConflict:
        return replies.render_refused(BUSY, BUSY_HINT)
    except StoreError as error:
        log.warning("store unavailable", action="slack", reason=str(error))
    except Exception:
        log.exception("request from Slack failed")
    return replies.render_trouble()


def render_foreign() -> SlackMessage:
    """Somebody of another workspace asked, in a channel that is shared with it."""
    return replies.render_refused(
        "I work for the people of this workspace only.",
        "You are here from another one. Ask somebody of this workspace, or install me in yours.",
    )
