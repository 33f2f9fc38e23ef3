"""What a finished app looks like, as a picture in its thread: best effort, and at most once.

It is uploaded, so that it shows without a public address. Slack takes files only for channels that
the bot is a member of.
"""

from collections.abc import Callable
from typing import Protocol

from agents.errors import NotFound, ProviderError, StoreError
from agents.logger import create_logger
from agents.ports import Blobs, Clock
from agents.retry import with_retry
from agents.task_state import TaskState
from agents.types import TaskStatus
from bot.render.slack import app_name
from bot.slack.door import Picture, SlackDoor
from bot.slack.voice import PATIENCE
from bot.store.slack_port import SlackState

log = create_logger(__name__)

_REMEMBERED_S = 7 * 86_400.0


class PictureStore(SlackState, Blobs, Protocol):
    """The roles of a store that pictures need."""


class Pictures:
    """Shows them in one workspace, for as long as `check_held` lets."""

    def __init__(
        self,
        store: PictureStore,
        door: SlackDoor,
        clock: Clock,
        team_id: str,
        check_held: Callable[[], None],
    ) -> None:
        self._store = store
        self._door = door
        self._clock = clock
        self._team_id = team_id
        self._check_held = check_held

    async def show(self, state: TaskState, channel_id: str, thread_ts: str) -> None:
        """A boundary: a picture that is missing is better than anything that stops."""
        if state.status is not TaskStatus.COMPLETE or state.screenshot is None or not thread_ts:
            return
        try:
            mark = f"slack:{state.task_id}:picture"
            if not await self._store.first_time(mark, keep_s=_REMEMBERED_S):
                return
            content = (await self._store.get([state.screenshot]))[state.screenshot]
            name = app_name(state)
            picture = Picture("preview.jpg", f"{name}: what it looks like", content)
            await self._share(channel_id, thread_ts, picture)
        except (NotFound, StoreError, ProviderError) as error:
            log.info("picture not shown", task_id=state.task_id, reason=str(error))
        except Exception:
            log.exception("picture not shown", task_id=state.task_id)

    async def _share(self, channel_id: str, thread_ts: str, picture: Picture) -> None:
        async def share() -> None:
            self._check_held()
            await self._door.share_picture(self._team_id, channel_id, thread_ts, picture)

        await with_retry(PATIENCE, share, clock=self._clock)
