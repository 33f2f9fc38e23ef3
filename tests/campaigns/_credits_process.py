"""A process of its own that starts as much as it can for free owners, for each all at once.

Usage: python -m tests.campaigns._credits_process

Its first line of input is JSON: where the store is, the owners, how many starts of each. It answers
`ready`, begins with the next line, and answers with the tasks each owner got, as JSON.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Final

from agents.errors import CreditsUsedUp
from agents.logger import configure_logging
from agents.system import SystemClock
from agents.types import OwnerId, TaskId
from bot.feed import Hub
from bot.services.metering import Asker, Meter, Quotas
from bot.services.tasks import StartRequest, TaskService
from bot.store.port import Store
from tests.campaigns._places import StorePlace

FREE: Final = 5
QUOTAS: Final = Quotas(
    credits={"free": FREE, "pro": 100}, max_open=1_000, person_per_hour=0, group_per_hour=0
)


def door(store: Store, quotas: Quotas = QUOTAS) -> TaskService:
    """What people start their builds at."""
    return TaskService(store, Hub(), Meter(store, SystemClock(), quotas))


async def ask(service: TaskService, owner: OwnerId, origin: str) -> TaskId | None:
    """Start one; None when no credit is left."""
    request = StartRequest("A board", origin=origin, asker=Asker(f"clerk:{owner}"))
    try:
        return (await service.start(owner, request)).id
    except CreditsUsedUp:
        return None


async def rush(
    doors: Sequence[TaskService], owner: OwnerId, origins: Sequence[str]
) -> list[TaskId | None]:
    """Each of them at each door, all at once."""
    return await asyncio.gather(*(ask(each, owner, key) for key in origins for each in doors))


async def main() -> None:
    configure_logging(level="warning")
    given = json.loads(await asyncio.to_thread(sys.stdin.readline))
    store = await StorePlace(**given["place"]).open(Hub())
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    service, origins = door(store), [f"first:{number}" for number in range(given["size"])]
    got = {owner: await rush([service], OwnerId(owner), origins) for owner in given["owners"]}
    await store.close()
    print(json.dumps(got), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
