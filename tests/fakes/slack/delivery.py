"""What Slack sends to the app: each payload, how often it was tried, and how it was taken."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from agents.ports import Clock
from tests.fakes.slack.rates import Window
from tests.fakes.slack.world import Json

Kind = Literal["event", "command", "interactive"]
AS_SLACK_RETRIES_S = (0.0, 60.0, 300.0)
EVENTS_PER_HOUR = 30_000


@dataclass(frozen=True)
class Attempt:
    """One try. It was taken when `error` is None."""

    transport: str
    at: float
    latency_s: float
    error: str | None = None
    """A reason such as Slack gives: http_timeout, http_error, connection_failed, timeout, …"""
    status: int | None = None
    ack: Any = None
    """What the acknowledgement said: JSON, a text, or nothing."""
    is_final: bool = False
    """The app does not want it again."""


@dataclass(eq=False)
class Delivery:
    """A payload on its way. Commands and interactions are tried once, events four times."""

    kind: Kind
    payload: Json
    attempts: list[Attempt] = field(default_factory=list)
    is_over: bool = False

    @property
    def event(self) -> Json:
        event: Json = self.payload.get("event", {})
        return event

    @property
    def type(self) -> str:
        """`app_mention`, `message`, `block_actions`, `/zapdev`, …"""
        name = self.event.get("type") or self.payload.get("type") or self.payload.get("command")
        return str(name)

    @property
    def is_acked(self) -> bool:
        return bool(self.attempts) and self.attempts[-1].error is None

    @property
    def ack(self) -> Any:
        return self.attempts[-1].ack if self.is_acked else None

    @property
    def latency_s(self) -> float:
        """How long the acknowledgement took."""
        return self.attempts[-1].latency_s


class Transport(Protocol):
    """A way to the app."""

    @property
    def is_open(self) -> bool: ...

    async def attempt(self, delivery: Delivery, number: int, reason: str | None) -> Attempt:
        """Try once; `number` counts the retries, `reason` says why there is one."""
        ...


class Courier:
    """Brings payloads to the app by the first transport that is open, with Slack's retries."""

    def __init__(self, clock: Clock, retries_s: Sequence[float]) -> None:
        self._clock = clock
        self._retries_s = retries_s
        self.transports: list[Transport] = []
        self.deliveries: list[Delivery] = []
        self.on_limited: Callable[[Json], Json] | None = None
        """Makes the `app_rate_limited` payload of an event that was dropped."""
        self.events_per_hour = EVENTS_PER_HOUR
        self._hours: dict[str, Window] = {}
        self._minutes: dict[str, int] = {}

    def over(self, transport: Transport) -> "Courier":
        """Another one, by this transport only, with the same records."""
        other = Courier(self._clock, self._retries_s)
        other.transports, other.deliveries = [transport], self.deliveries
        return other

    async def deliver(self, kind: Kind, payload: Json) -> Delivery:
        """Returns when the app has taken it, or when nothing more is tried."""
        if kind == "event" and (told := self._instead(payload)) is not None:
            if not told:
                return Delivery(kind, payload, is_over=True)
            payload = told
        delivery = Delivery(kind, payload)
        self.deliveries.append(delivery)
        try:
            await self._try(delivery)
        finally:
            delivery.is_over = True
        return delivery

    async def _try(self, delivery: Delivery) -> None:
        pauses = self._retries_s if delivery.kind == "event" else ()
        await self._attempt(delivery, 0, None)
        for number, pause in enumerate(pauses, start=1):
            last = delivery.attempts[-1]
            if last.error is None or last.is_final:
                return
            if pause:
                await self._clock.sleep(pause)
            await self._attempt(delivery, number, last.error)

    async def _attempt(self, delivery: Delivery, number: int, reason: str | None) -> None:
        transport = next((t for t in self.transports if t.is_open), None)
        if transport is None:
            attempt = Attempt("none", self._clock.monotonic(), 0.0, "connection_failed")
        else:
            attempt = await transport.attempt(delivery, number, reason)
        delivery.attempts.append(attempt)

    def _instead(self, payload: Json) -> Json | None:
        """None: deliver it. Beyond an hour's events: once a minute another payload, or nothing."""
        team = str(payload.get("team_id"))
        now = self._clock.monotonic()
        hour = self._hours.setdefault(team, Window(self.events_per_hour, 3_600.0))
        hour.most = self.events_per_hour
        if hour.wait(now) <= 0:
            hour.take(now)
            return None
        minute = int(now // 60)
        if self.on_limited is None or self._minutes.get(team) == minute:
            return {}
        self._minutes[team] = minute
        return self.on_limited(payload)


def read_ack(body: str) -> Any:
    """What an acknowledgement's body says."""
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body
