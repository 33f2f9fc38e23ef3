"""Token buckets in memory: how often something may be done, by whom."""

from collections import OrderedDict
from collections.abc import Hashable

from agents.ports import Clock

_BURST_S = 15.0
"""So many seconds' worth may come at once."""
_KEPT = 20_000


class Buckets:
    """A token bucket for each key, kept as the moment at which it is full again."""

    def __init__(self, clock: Clock, per_minute: int) -> None:
        self._clock = clock
        self._each_s = 60.0 / per_minute
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def wait_s(self, key: Hashable) -> float:
        """0 when it may, which counts; else in how many seconds the next one may."""
        now = self._clock.monotonic()
        full_at = max(self._full_at.get(key, now), now) + self._each_s
        too_early_s = full_at - now - max(_BURST_S, self._each_s)
        if too_early_s > 0:
            return too_early_s
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > _KEPT:
            self._full_at.popitem(last=False)
        return 0.0
