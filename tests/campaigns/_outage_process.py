"""A whole server over Convex that watches its own event loop, as a process of its own.

Usage: python -m tests.campaigns._outage_process JSON

Its first line of output is JSON with its address. The line `begin` on its stdin resets the watch;
any other is answered by the longest stall since, in milliseconds. It ends when its stdin does.
"""

import asyncio
import json
import sys
from pathlib import Path

from agents.background import Background
from agents.client import Endpoint
from agents.logger import configure_logging
from bot.cli.serve import spare_the_collector
from tests.campaigns._effects import Ledger
from tests.campaigns._light import LightProgram, light_program
from tests.campaigns._light_process import Surroundings
from tests.campaigns._machine_watch import LoopWatch

SLOTS = 16


async def main(given: Surroundings) -> None:
    configure_logging(level="info")
    model = Endpoint(given.model_url, "sk-or-test", openrouter=True)
    ledger = Ledger(Path(given.ledger))
    async with light_program(given.place.open, model, ledger, distant=True, slots=SLOTS) as program:
        await _serve(program)


async def _serve(program: LightProgram) -> None:
    """Serve, work and watch until stdin ends; commands on stdin reset and report the watch."""
    background, watch = Background(), LoopWatch()
    background.spawn(program.worker.run(), name="worker")
    try:
        async with program.serving() as url:
            spare_the_collector()
            _say(url=url)
            reader = asyncio.StreamReader()
            loop = asyncio.get_running_loop()
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
            background.spawn(watch.run(), name="watch")
            while line := await reader.readline():
                if line == b"begin\n":
                    watch.longest_s = 0.0
                else:
                    _say(stall_ms=round(watch.longest_s * 1_000, 1))
    finally:
        await background.stop()


def _say(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    asyncio.run(main(Surroundings.load(sys.argv[1])))
