"""Where a campaign's store is, so that every process of it can open it."""

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

from agents.ports import Clock, Ids
from agents.system import RandomIds, SystemClock
from bot.feed import Hub
from bot.store.convex import ConvexStore
from bot.store.convex_token import ServiceKey
from bot.store.port import Store
from bot.store.sqlite import SqliteStore
from tests.fakes.convex import start_host

KINDS = ("sqlite", "convex")


@dataclass(frozen=True, slots=True)
class StorePlace:
    """`address` is the path of a database, or the URL of a deployment."""

    kind: str
    address: str
    key: str = field(default="", repr=False)
    """Convex only: the service key, for a host on loopback that ends with the campaign."""

    @property
    def is_distant(self) -> bool:
        """Whether each call goes over the network, so that the pace is the slower one."""
        return self.kind == "convex"

    async def open(self, hub: Hub) -> Store:
        """The real adapter over it, with the real clock."""
        clock: Clock = SystemClock()
        ids: Ids = RandomIds()
        if not self.is_distant:
            return await SqliteStore.open(Path(self.address), clock=clock, ids=ids, waker=hub)
        key = ServiceKey.parse(self.key)
        return await ConvexStore.open(self.address, key, clock=clock, ids=ids, waker=hub)

    def can_write(self) -> bool:
        """Whether no process stands still inside a transaction, which would hold up all others."""
        if self.is_distant:
            return True
        try:
            with closing(sqlite3.connect(self.address, timeout=0.5)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.rollback()
        except sqlite3.OperationalError:
            return False
        return True


@asynccontextmanager
async def store_place(kind: str) -> AsyncIterator[StorePlace]:
    """An empty store that several processes can share: a file, or a Convex host on loopback."""
    if kind not in KINDS:
        raise ValueError(f"STORE is one of {', '.join(KINDS)}, not {kind!r}")
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="zapdev-campaign-") as folder:
            yield StorePlace(kind, str(Path(folder, "zapdev.db")))
        return
    host = start_host()
    convex = await asyncio.to_thread(host.__enter__)
    try:
        yield StorePlace(kind, convex.url, ServiceKey.parse(convex.service_key_pem).export())
    finally:
        await asyncio.to_thread(host.__exit__, None, None, None)
