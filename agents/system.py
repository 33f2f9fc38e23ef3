"""The real clock and the real ids."""

import asyncio
import secrets
import time
from datetime import UTC, datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


class SystemClock:
    """Implements `agents.ports.Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class RandomIds:
    """Implements `agents.ports.Ids`: 48 bits of milliseconds, then 80 random bits, base 32."""

    def new(self, prefix: str) -> str:
        value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
        digits = [_ALPHABET[value >> shift & 31] for shift in range(125, -1, -5)]
        return f"{prefix}_{''.join(digits)}"
