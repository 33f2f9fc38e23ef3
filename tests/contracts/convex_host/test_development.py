"""`make convex`: a Convex for a person who develops, as their `.env` and their keyboard know it."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agents.errors import StoreUnavailable
from agents.system import RandomIds, SystemClock
from bot.store.convex import ConvexStore
from bot.store.convex_token import ServiceKey
from tests.contracts.convex_host.client import FEW_S
from tests.fakes.convex import ROOT

PROGRAM = ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tests.fakes.convex", "--port", "0"]


@asynccontextmanager
async def developing(folder: Path) -> AsyncIterator[dict[str, str]]:
    """The two lines that it prints for .env; Ctrl-C ends it."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, cwd=folder, stdout=PIPE, stderr=PIPE, start_new_session=True
    )
    assert process.stdout is not None
    said = ""
    try:
        async with asyncio.timeout(3 * FEW_S):
            while "Ctrl-C" not in said:
                said += (await process.stdout.readline()).decode()
                assert not process.stdout.at_eof(), said
        lines = [line.partition("=") for line in said.splitlines() if line.startswith("CONVEX_")]
        yield {name: value for name, _, value in lines}
    finally:
        os.killpg(process.pid, signal.SIGINT)
        async with asyncio.timeout(FEW_S):
            said, complaints = (text.decode() for text in await process.communicate())
    assert (process.returncode, complaints) == (0, "")
    assert "forgotten" in said


async def check(setting: dict[str, str]) -> None:
    key = ServiceKey.parse(setting["CONVEX_SERVICE_KEY"])
    url = setting["CONVEX_URL"]
    store = await ConvexStore.open(url, key, clock=SystemClock(), ids=RandomIds())
    try:
        await store.check()
    finally:
        await store.close()


async def test_the_printed_lines_open_a_store_and_the_key_stays_the_same(tmp_path: Path) -> None:
    async with developing(tmp_path) as first:
        await check(first)
    async with developing(tmp_path) as second:
        await check(second)

    assert first["CONVEX_SERVICE_KEY"] == second["CONVEX_SERVICE_KEY"]
    [kept] = (path for path in tmp_path.rglob("*") if path.is_file())
    assert kept.stat().st_mode & 0o077 == 0
    with pytest.raises(StoreUnavailable):
        await check(second)
