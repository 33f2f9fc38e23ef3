"""Slack's own sign that an agent is at work in a thread, with its own Stop button. Best effort.

Slack never takes the sign away by itself, so the end is told as often as it takes; no failure
matters to a task or to its message.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from agents.background import Background
from agents.errors import BadProviderResponse, ProviderError, RateLimited, TransientError
from agents.logger import create_logger
from agents.ports import Clock
from bot.slack.door import SessionStatus, SlackDoor
from bot.slack.errors import WorkspaceGone

log = create_logger(__name__)

_TRIES = 5
_AGAIN_S = 2.0


@dataclass(slots=True)
class _Thread:
    """Who works in a thread, and what Slack was told."""

    tasks: set[str] = field(default_factory=set)
    title: str = ""
    user_id: str = ""
    told: SessionStatus | None = None
    busy: bool = False

    @property
    def wanted(self) -> SessionStatus:
        return "processing" if self.tasks else "active"


class Sessions:
    """The sessions of one workspace's threads: the newest wish wins."""

    def __init__(
        self, door: SlackDoor, clock: Clock, team_id: str, check_held: Callable[[], None]
    ) -> None:
        self._door = door
        self._clock = clock
        self._team_id = team_id
        self._check_held = check_held
        self._threads: defaultdict[tuple[str, str], _Thread] = defaultdict(_Thread)
        self._is_off = False
        self._background = Background()

    async def close(self) -> None:
        """Tell nothing more."""
        await self._background.stop()

    def begin(
        self, task_id: str, channel_id: str, thread_ts: str, title: str, user_id: str
    ) -> None:
        """Work goes on in this thread."""
        thread = self._threads[channel_id, thread_ts]
        thread.tasks.add(task_id)
        thread.title, thread.user_id = title, user_id
        self._tell((channel_id, thread_ts))

    def end(self, task_id: str, channel_id: str, thread_ts: str) -> None:
        """This task does not work there any more."""
        if thread_ts:
            self._threads[channel_id, thread_ts].tasks.discard(task_id)
            self._tell((channel_id, thread_ts))

    def _tell(self, place: tuple[str, str]) -> None:
        thread = self._threads[place]
        if self._is_off:
            del self._threads[place]
        elif not thread.busy:
            thread.busy = True
            self._background.spawn(self._keep_telling(place, thread), name="slack-session")

    async def _keep_telling(self, place: tuple[str, str], thread: _Thread) -> None:
        """A boundary: a spinner that is wrong is better than anything that stops."""
        try:
            tries = 0
            while thread.told != thread.wanted and tries < _TRIES and not self._is_off:
                tries += 1
                await self._tell_once(place, thread)
        except Exception as error:  # noqa: BLE001 - see above
            log.warning("session status not set", error=str(error))
        finally:
            thread.busy = False
            if not thread.tasks:
                self._threads.pop(place, None)

    async def _tell_once(self, place: tuple[str, str], thread: _Thread) -> None:
        status = thread.wanted
        try:
            self._check_held()
            await self._door.set_session_status(
                self._team_id, *place, status, title=thread.title, user_id=thread.user_id
            )
            thread.told = status
        except RateLimited as error:
            await self._clock.sleep(error.retry_after_s or _AGAIN_S)
        except TransientError:
            await self._clock.sleep(_AGAIN_S)
        except (BadProviderResponse, WorkspaceGone) as error:
            log.info("no session status here", reason=str(error))
            self._is_off = True  # the app is not declared an agent, or may not do this
        except ProviderError:
            thread.told = status  # the channel or the thread are gone
