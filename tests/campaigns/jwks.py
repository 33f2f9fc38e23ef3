"""Campaign `jwks`: Clerk's keys come slowly, not at all, changed, or as nonsense, and are asked for
under `size` ids that nobody has, while people sign in.

`loop_lag_ms`: the longest our event loop stood still, in real time, beside `machine_lag_ms`: an idle
loop in a process of its own, on the same machine. `loop_busy_ms`: the most processor time that ours
used in one go, which is what it held up by itself where others keep the machine busy. `slowest_known_ms`: the longest that a token with
a known key took. `known_key_failures`: tokens with a known key that were not accepted.
`unknown_accepted`: others that were. `shortest_gap_s`: between two requests for the keys, on the
clock that the cache goes by; the campaign moves it. `rotated_after_s`: until a new key counted.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

from agents.background import Background
from agents.system import SystemClock
from agents.testing import FakeClock
from bot.cli.serve import spare_the_collector
from bot.services.principals import NotSignedIn, SignInUnavailable
from bot.sidecar.clerk import ClerkSignIn, Rules
from bot.sidecar.clerk_keys import BETWEEN_FETCHES_S, JwksCache
from tests.campaigns._machine_watch import LoopWatch, machine_watch
from tests.fakes.clerk.server import FakeClerk, serving_clerk
from tests.fakes.clerk.tokens import SigningKey, segment_of
from tests.fakes.waiting import until

DEFAULT_SIZE = 10_000
LAG_MS = 20.0
DOWN_S = 600
CROWD = 64
"""So many sign in at once, all the time."""
ANSWER_S = 0.5
"""How long the cache waits for Clerk here."""

KEYS = [SigningKey.generate() for _ in range(6)]
"""Made ahead: it takes longer than all that is measured."""
SHORT = SigningKey.generate("ins_short", bits=1024)


@dataclass
class Tally:
    """What was seen, in all rounds."""

    known: int = 0
    unknown: int = 0
    known_key_failures: int = 0
    unknown_accepted: int = 0
    unavailable: int = 0
    slowest_known_s: float = 0.0
    rotated_after_s: float = 0.0
    fetches: int = 0
    gaps: list[float] = field(default_factory=list)


class Scene:
    """One server that checks tokens, its clock, and the Clerk behind it."""

    def __init__(self, clerk: FakeClerk, tally: Tally, chance: random.Random) -> None:
        self.clock = FakeClock()
        self.clerk = clerk
        self.tally = tally
        self.chance = chance
        clerk.clock = self.clock
        self.keys = JwksCache(clerk.jwks_url, self.clock, answer_s=ANSWER_S)
        rules = Rules(clerk.issuer, frozenset({clerk.origin}))
        self.sign_in = ClerkSignIn(rules, self.keys, self.clock)

    async def known(self, key: SigningKey | None = None) -> bool:
        """Somebody with a token of a key that is published comes."""
        token = (key or self.clerk.key).sign(self.clerk.claims())
        began = SystemClock().monotonic()
        try:
            await self.sign_in.verify(token)
        except (NotSignedIn, SignInUnavailable):
            return False
        finally:
            took_s = SystemClock().monotonic() - began
        if key is None:
            self.tally.slowest_known_s = max(self.tally.slowest_known_s, took_s)
        return True

    async def check_known(self) -> None:
        """As `known`, for a key that must count."""
        self.tally.known += 1
        if not await self.known():
            self.tally.known_key_failures += 1

    async def check_unknown(self) -> None:
        """Somebody comes with a key that nobody has."""
        self.tally.unknown += 1
        kid = f"ins_{self.chance.getrandbits(64):x}"
        head = segment_of(b'{"alg":"RS256","typ":"JWT","kid":"%b"}' % kid.encode())
        try:
            await self.sign_in.verify(f"{head}.e30.{'A' * 342}")
        except NotSignedIn:
            return
        except SignInUnavailable:
            self.tally.unavailable += 1
            return
        self.tally.unknown_accepted += 1

    async def second(self, strangers: int) -> None:
        """A second in which people come, and strangers with them."""
        await asyncio.gather(
            *(self.check_unknown() for _ in range(strangers)),
            *(self.check_known() for _ in range(3)),
        )
        await self.pass_time(1)

    async def pass_time(self, seconds: float) -> None:
        """Go on, and let a request for the keys that is due arrive before time goes on again."""
        before = len(self.clerk.fetches)
        await self.clock.advance(seconds)
        renewal = self.keys._renewal
        await until(lambda: renewal is None or renewal.done() or len(self.clerk.fetches) > before)

    async def renewed(self) -> None:
        """Go on until the keys were asked for by themselves, and the answer was seen to."""
        before = len(self.clerk.fetches)
        while len(self.clerk.fetches) == before:
            await self.pass_time(10)
        await until(lambda: self.clock.sleeping == 1)


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """`store` does not matter here."""
    del store
    tally, watch, background = Tally(), LoopWatch(), Background()
    chance = random.Random(seed)  # noqa: S311 - a seeded campaign
    rounds: tuple[Callable[[Scene, int], Awaitable[None]], ...] = (
        *(_cold, _slow, _down, _garbage, _rotated, _flooded),
    )
    async with machine_watch() as machine:
        spare_the_collector()
        background.spawn(watch.run(), name="watch")
        for play in rounds:
            async with (
                serving_clerk(keys=[KEYS[0]]) as clerk,
                _renewing(Scene(clerk, tally, chance)) as scene,
            ):
                await play(scene, size)
        await background.stop()
    return _figures(tally, watch, machine[0])


@asynccontextmanager
async def _renewing(scene: Scene) -> AsyncIterator[Scene]:
    """The cache renews itself, as in a server."""
    background = Background()
    try:
        background.spawn(scene.keys.keep_fresh(), name="keep fresh")
        await until(lambda: scene.clock.sleeping == 1)
        yield scene
    finally:
        await background.stop()
        await scene.keys.close()
        fetches = scene.clerk.fetches
        scene.tally.fetches += len(fetches)
        scene.tally.gaps += [later - one for one, later in pairwise(fetches)]


async def _cold(scene: Scene, size: int) -> None:
    """A server starts, and a crowd is there before the first answer, which takes its time."""
    del size
    clerk = scene.clerk
    clerk.latency_s = 0.4
    keys = JwksCache(clerk.jwks_url, scene.clock, answer_s=ANSWER_S)
    clerk.fetches.clear()
    crowd = [keys.key(clerk.key.kid) for _ in range(200)]
    found = await asyncio.gather(*crowd)
    scene.tally.known += len(found)
    scene.tally.known_key_failures += sum(key is None for key in found)
    await keys.close()


async def _slow(scene: Scene, size: int) -> None:
    """An answer takes a second, which here is too long as well as just not too long."""
    del size
    for latency_s in (1.0, 0.9 * ANSWER_S):
        scene.clerk.latency_s = latency_s
        before = len(scene.clerk.fetches)
        while len(scene.clerk.fetches) == before:
            await scene.pass_time(10)
        until_s = SystemClock().monotonic() + latency_s
        while SystemClock().monotonic() < until_s:
            await scene.check_known()
            await asyncio.sleep(0.002)
        scene.clerk.latency_s = 0
        await until(lambda: scene.clock.sleeping == 1)


async def _down(scene: Scene, size: int) -> None:
    """Ten minutes without a usable answer, in every way."""
    clerk = scene.clerk
    for second in range(DOWN_S):
        way = second * 5 // DOWN_S
        clerk.outage = (503, 0, 429, None, None)[way]
        clerk.redirect_to = f"{clerk.jwks_url}?elsewhere" if way == 3 else None
        clerk.latency_s = 2 * ANSWER_S if way == 4 else 0
        await scene.second(max(1, size // 5_000))


async def _garbage(scene: Scene, size: int) -> None:
    """A minute of answers that are no keys."""
    del size
    bodies = (
        *(
            b"",
            b"<html>",
            b"null",
            b"[]",
            b'{"keys":null}',
            b'{"keys":[]}',
            b"\xff\xfe",
            b"[" * 60_000,
        ),
        b'{"keys":[' + b"7," * 20_000 + b"7]}",
        b'{"keys":[{"kty":"RSA","kid":"%b","n":"AQAB","e":"AQAB"}]}' % scene.clerk.key.kid.encode(),
        str({"keys": [SHORT.jwk]}).replace("'", '"').encode(),
        b"x" * 500_000,
    )
    for second in range(120):
        scene.clerk.garbage = bodies[second // 10]
        await scene.second(1)


async def _rotated(scene: Scene, size: int) -> None:
    """Clerk changes its key while strangers ask for others; later the old one is withdrawn."""
    for new in KEYS[1:]:
        await scene.second(max(1, size // 1_000))
        old = scene.clerk.key
        scene.clerk.rotate(new)
        began = scene.clock.monotonic()
        while not await scene.known(new):
            await asyncio.gather(*(scene.check_unknown() for _ in range(max(1, size // 1_000))))
            scene.tally.known += 1
            scene.tally.known_key_failures += not await scene.known(old)
            await scene.pass_time(0.5)
        waited_s = scene.clock.monotonic() - began
        scene.tally.rotated_after_s = max(scene.tally.rotated_after_s, waited_s)
        scene.clerk.keys = [new]
        await scene.renewed()
        scene.tally.unknown_accepted += await scene.known(old)


async def _flooded(scene: Scene, size: int) -> None:
    """`size` strangers, as fast as they can, a few at a time; time goes on by a minute."""
    left = iter(range(size))

    async def stranger() -> None:
        for number in left:
            await scene.check_unknown()
            if number % 50 == 0:
                await scene.check_known()
            if number % max(1, size // 60) == 0:
                await scene.pass_time(1)
            await asyncio.sleep(0)

    await asyncio.gather(*(stranger() for _ in range(CROWD)))


def _figures(tally: Tally, watch: LoopWatch, machine_ms: float) -> Mapping[str, object]:
    gap_s = min(tally.gaps)
    most_ms = max(LAG_MS, 2 * machine_ms)
    is_calm = watch.longest_ms < most_ms and watch.busiest_ms < LAG_MS
    right = (
        *(is_calm, tally.known_key_failures == 0, tally.unknown_accepted == 0),
        *(gap_s >= BETWEEN_FETCHES_S, 0 < tally.rotated_after_s <= BETWEEN_FETCHES_S),
        tally.slowest_known_s * 1_000 < most_ms,
    )
    return {
        "ok": all(right),
        "loop_lag_ms": watch.longest_ms,
        "loop_busy_ms": watch.busiest_ms,
        "machine_lag_ms": machine_ms,
        "known_key_failures": tally.known_key_failures,
        "unknown_accepted": tally.unknown_accepted,
        "shortest_gap_s": gap_s,
        "rotated_after_s": tally.rotated_after_s,
        "slowest_known_ms": round(tally.slowest_known_s * 1_000, 1),
        "known": tally.known,
        "unknown": tally.unknown,
        "unavailable": tally.unavailable,
        "fetches": tally.fetches,
    }
