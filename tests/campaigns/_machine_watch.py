"""How long this machine keeps an idle event loop waiting, measured in a process of its own.

As a program it ticks until its stdin ends, then prints the longest stall in milliseconds.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from agents.background import Background
from agents.system import SystemClock

ROOT = Path(__file__).parents[2]
TICK_S = 0.005


class LoopWatch:
    """The longest time that passed beyond a tick, in the event loop it runs in.

    `busiest_s` is the most processor time that this loop used between two ticks: what it held up
    by itself, however busy the machine is.
    """

    def __init__(self) -> None:
        self.longest_s = 0.0
        self.busiest_s = 0.0
        self._clock = SystemClock()

    @property
    def longest_ms(self) -> float:
        return round(self.longest_s * 1_000, 1)

    @property
    def busiest_ms(self) -> float:
        return round(self.busiest_s * 1_000, 1)

    async def run(self) -> None:
        last, used = self._clock.monotonic(), time.thread_time()
        while True:
            await asyncio.sleep(TICK_S)
            now, busy = self._clock.monotonic(), time.thread_time()
            self.longest_s = max(self.longest_s, now - last - TICK_S)
            self.busiest_s = max(self.busiest_s, busy - used)
            last, used = now, busy


@asynccontextmanager
async def machine_watch() -> AsyncIterator[list[float]]:
    """Measure while inside; the list holds the longest stall (ms) afterwards."""
    longest: list[float] = []
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.campaigns._machine_watch"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    await process.stdout.readline()
    try:
        yield longest
    finally:
        process.stdin.close()
        longest.append(float(await process.stdout.readline()))
        await process.wait()


async def _main() -> None:
    background, watch = Background(), LoopWatch()
    background.spawn(watch.run(), name="watch")
    print("ready", flush=True)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    print(watch.longest_ms, flush=True)
    await background.stop()


if __name__ == "__main__":
    asyncio.run(_main())
