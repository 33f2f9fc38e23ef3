"""Says short answers in Slack. What cannot be said is logged: the work itself is in the store."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

from agents.errors import ProviderError
from agents.logger import create_logger
from agents.ports import Clock
from agents.retry import RetryPolicy, retry_on_rate_limit, with_retry
from bot.render.slack_blocks import SlackMessage, View, modal, section
from bot.slack.door import SlackDoor
from bot.slack.errors import ChannelGone
from bot.slack.payloads import Said

log = create_logger(__name__)

T = TypeVar("T")

ANSWER_VIEW = "zd_answer"

PATIENCE = RetryPolicy(
    6, base_s=1.0, factor=1.5, cap_s=10.0, retry_on=retry_on_rate_limit, limit_s=60.0
)
"""When many speak in a channel Slack says: later. Only then: of other troubles nobody knows whether
the answer was not shown all the same."""


class Respond(Protocol):
    """Bolt's way to a `response_url`: it works where the bot is no member, five times."""

    def __call__(
        self,
        *,
        text: str,
        blocks: list[Any] | None = None,
        response_type: str | None = None,
        replace_original: bool | None = None,
    ) -> Awaitable[Any]: ...


class Voice:
    """Speaks in threads, to one person alone, and in views."""

    def __init__(self, door: SlackDoor, clock: Clock) -> None:
        self._door = door
        self._clock = clock

    async def say(self, said: Said, answer: SlackMessage) -> None:
        """In the thread, for all to read; where that is closed to us, to the person directly."""
        place = (said.team_id, said.channel_id)
        try:
            await self._patiently(lambda: self._door.post(*place, answer, thread_ts=said.thread_ts))
        except ChannelGone:
            await self.write(said, answer)
        except ProviderError as error:
            log.warning("answer not posted", error=str(error))

    async def whisper(self, said: Said, answer: SlackMessage) -> None:
        """To the person alone, where they spoke."""
        if not await self.can_whisper(said, answer):
            await self.write(said, answer)

    async def can_whisper(self, said: Said, answer: SlackMessage) -> bool:
        """Whisper it; False when the channel is closed to us, and nobody was told."""
        place = (said.team_id, said.channel_id, said.user_id)
        try:
            await self._patiently(lambda: self._door.whisper(*place, answer, said.thread_ts))
        except ChannelGone:
            return False
        except ProviderError as error:
            log.warning("answer not whispered", error=str(error))
        return True

    async def write(self, said: Said, answer: SlackMessage) -> None:
        """In the direct messages with the person."""
        try:
            channel = await self._patiently(
                lambda: self._door.direct_channel(said.team_id, said.user_id)
            )
            await self._patiently(lambda: self._door.post(said.team_id, channel, answer))
        except ProviderError as error:
            log.warning("answer not sent", error=str(error))

    async def _patiently(self, speak: Callable[[], Awaitable[T]]) -> T:
        return await with_retry(PATIENCE, speak, clock=self._clock)

    async def turn(
        self, said: Said, view_id: str, view: View, is_wanted: Callable[[], bool] = lambda: True
    ) -> None:
        """A view shows this now, unless it is not wanted any more when its turn comes."""

        async def update() -> None:
            if is_wanted():
                await self._door.update_view(said.team_id, view_id, view)

        try:
            await self._patiently(update)
        except ProviderError as error:  # it was closed meanwhile
            log.info("view not updated", error=str(error))

    async def show(self, said: Said, trigger_id: str, answer: SlackMessage) -> None:
        """In a modal, for what was asked in the Home tab."""
        try:
            await self._door.open_view(said.team_id, trigger_id, as_view(answer))
        except ProviderError as error:
            log.warning("answer not shown", error=str(error))


async def respond_with(respond: Respond, answer: SlackMessage, *, over: bool = False) -> None:
    """By the `response_url` of a command or a click; `over` takes the place of its message.

    A boundary: Bolt raises whatever its HTTP client does.
    """
    private = None if over else "ephemeral"
    payload = as_payload(answer)
    try:
        await respond(**payload, response_type=private, replace_original=over)
    except Exception as error:  # noqa: BLE001 - the boundary, as the docstring says
        log.warning("answer not sent", error=repr(error))


def as_payload(message: SlackMessage) -> dict[str, Any]:
    """A message as an acknowledgement takes it."""
    return {"text": message.text, "blocks": message.blocks or None}


def as_view(message: SlackMessage) -> View:
    return modal("Zapdev", message.blocks or [section(message.text)], callback_id=ANSWER_VIEW)


def private_ack(message: SlackMessage | None) -> Mapping[str, Any]:
    """An acknowledgement that says this to the person alone, or nothing."""
    if message is None:
        return {}
    return {"response_type": "ephemeral", **as_payload(message)}
