"""How fast a workspace may be written to. Pure, but for the clock it is given.

`chat.update` is allowed about 50 times a minute for each workspace (Tier 3), `chat.postMessage` once
a second for each channel and some hundred times a minute for the workspace
(docs.slack.dev/apis/web-api/rate-limits). They are counted apart, so each has a lane of its own. We
stay below both, as the limits are shared by all that the app does.
"""

from collections import defaultdict
from dataclasses import dataclass

from agents.ports import Clock

CHANNEL_GAP_S = 1.1
MESSAGE_GAP_S = 2.5
URGENT_GAP_S = 1.0

_MARGIN_S = 0.3
"""On top of what Slack asks us to wait: its clock is not ours."""

_LONGEST_HOLD_S = 3_600.0
_CHANNELS_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in a minute, and `burst` at once after a pause, of which `reserve` are for finals.

    A new lane begins with `first` of them: another process may have written until a moment ago, so
    `per_minute + burst + first` is the most in any minute.
    """

    per_minute: int
    burst: int
    reserve: int
    first: int

    @property
    def seconds_each(self) -> float:
        """How long one call's worth of budget takes to come back."""
        return 60 / self.per_minute


EDITS = Rate(per_minute=40, burst=6, reserve=3, first=3)
POSTS = Rate(per_minute=100, burst=10, reserve=0, first=5)


class Lane:
    """One method's budget in one workspace, and what Slack has told us to wait."""

    def __init__(self, clock: Clock, rate: Rate) -> None:
        self.rate = rate
        self._clock = clock
        self._tokens = float(rate.first)
        self._counted_at = clock.monotonic()
        self._blocked_until = float("-inf")
        self._channel_at: defaultdict[str, float] = defaultdict(lambda: float("-inf"))

    def wait_s(self, channel_id: str, *, final: bool) -> float:
        """Seconds until something may go out to this channel."""
        now = self._clock.monotonic()
        passed_s, self._counted_at = now - self._counted_at, now
        self._tokens = min(self.rate.burst, self._tokens + passed_s / self.rate.seconds_each)
        needed = 1 if final else 1 + self.rate.reserve
        missing_s = max(0.0, needed - self._tokens) * self.rate.seconds_each
        channel_s = self._channel_at[channel_id] + CHANNEL_GAP_S - now
        return max(self._blocked_until - now, missing_s, channel_s, 0.0)

    def take(self, channel_id: str) -> None:
        """Something goes out."""
        now = self._clock.monotonic()
        self._tokens -= 1
        self._channel_at[channel_id] = now
        if len(self._channel_at) > _CHANNELS_KEPT:
            for name, at in list(self._channel_at.items()):
                if now - at >= CHANNEL_GAP_S:
                    del self._channel_at[name]

    def hold_back(self, seconds: float | None) -> None:
        """Slack limits us: nothing goes out for so long, to no channel."""
        held_s = min(max(seconds or 0.0, 1.0), _LONGEST_HOLD_S) + _MARGIN_S
        self._blocked_until = max(self._blocked_until, self._clock.monotonic() + held_s)
        self._tokens = min(self._tokens, 0.0)


def message_gap_s(*, urgent: bool, waiting: int, rate: Rate) -> float:
    """Seconds between two edits of one message: longer, the more wait for the same budget."""
    return URGENT_GAP_S if urgent else max(MESSAGE_GAP_S, waiting * rate.seconds_each / 2)
