"""A process that owns sandboxes, to be killed by a test: `python -m … PLACE BWRAP TOKEN`."""

import asyncio
import sys
from pathlib import Path

from agents.types import Framework
from tests.agents.sandbox.tiny import PORT, TASK, eventually, tiny_provider


async def main(place: str, bwrap: str, token: str) -> None:
    provider = tiny_provider(Path(place), bwrap=bwrap, allow_unisolated=True)
    sandbox = await provider.create(Framework.REACT, task_id=TASK)
    linger = f"exec -a {token} sleep 600"
    daemon = f"setsid bash -c '{linger}' </dev/null >/dev/null 2>&1 &"
    await sandbox.serve(f"{daemon} touch serving; {linger}", port=PORT)

    async def serving() -> bytes | None:
        return await sandbox.read("serving")

    await eventually(serving)
    print("ready", sandbox.id, flush=True)
    await sandbox.run(f"{daemon} ({linger}) & {linger}", timeout_s=600)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
