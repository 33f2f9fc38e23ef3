"""A process of its own over a campaign's store: a worker, a sidecar that serves it, a bot, which
is a worker with Slack's whole side, or a herald, a sidecar that writes logs itself.

Usage: python -m tests.campaigns._light_process worker|sidecar|bot|herald JSON

It prints one line of JSON when it is ready, logs to stderr, and ends when its stdin does: so none
outlives the campaign that started it.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable
from dataclasses import asdict, dataclass
from pathlib import Path

from agents.background import Background
from agents.client import Endpoint
from agents.logger import configure_logging
from tests.campaigns._effects import Ledger
from tests.campaigns._heralds import herald
from tests.campaigns._light import light_program
from tests.campaigns._places import StorePlace

SLOTS = 4


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a process is told: where its store, its model, the ledger of effects, and Slack are."""

    place: StorePlace
    model_url: str
    ledger: str
    slack_url: str = ""

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> "Surroundings":
        given = json.loads(text)
        return cls(**given | {"place": StorePlace(**given["place"])})


async def main(role: str, given: Surroundings) -> None:
    configure_logging(level="info")
    model = Endpoint(given.model_url, "sk-or-test", openrouter=True)
    place, ledger = given.place, Ledger(Path(given.ledger))
    async with light_program(
        place.open, model, ledger, distant=place.is_distant, slots=SLOTS
    ) as program:
        if role == "worker":
            _say(worker_id=program.worker.id)
            await _until_stdin_ends(program.worker.run())
        elif role == "bot":
            from tests.campaigns._light_slack import slack_beside  # noqa: PLC0415 - Bolt is slow

            async with slack_beside(program, place, given.slack_url, given.model_url):
                _say(worker_id=program.worker.id)
                await _until_stdin_ends(program.worker.run())
        else:
            async with program.serving() as url:
                _say(url=url)
                name = f"herald-{os.getpid()}"
                await _until_stdin_ends(herald(program.store, name) if role == "herald" else None)


def _say(**hello: str) -> None:
    print(json.dumps({"pid": os.getpid(), **hello}), flush=True)


async def _until_stdin_ends(work: Awaitable[None] | None = None) -> None:
    """Return at the end of stdin; what the work dies of, the process dies of."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    background = Background()
    ending = background.start(reader.read(), name="stdin")
    working = background.start(_wait(work or loop.create_future()), name="work")
    try:
        await asyncio.wait({ending, working}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        await background.stop()


async def _wait(work: Awaitable[None]) -> None:
    await work


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Surroundings.load(sys.argv[2])))
