"""Each framework with its app at E2B: sentence to verified preview; a stand-in is E2B.

`took_s` holds each framework's seconds from a template that is built. SIZE is how many
frameworks, from the first.
"""

import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from agents.types import Framework
from tests.campaigns.frameworks import build
from tests.fakes.e2b.server import serving_e2b
from tests.fakes.e2b.templates import offer
from tests.fakes.server import serving

DEFAULT_SIZE = len(Framework)


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """Build and look; `wrong` names what did not end with a page that holds the words."""
    chosen = list(Framework)[:size]
    took: dict[str, float] = {}
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="zapdev-e2b-frameworks-") as folder:
        async with serving_e2b() as cloud:
            await offer(cloud, *chosen)
            async with serving(Path(folder) / "data", **cloud.settings) as server:
                for framework in chosen:
                    began = time.monotonic()
                    problem = await build(server, framework)
                    took[framework] = round(time.monotonic() - began, 1)
                    if problem:
                        wrong.append(f"{framework}: {problem}")
                    print(f"{framework}: {took[framework]} s", file=sys.stderr)
                wrong += server.complaints
            orphans = len(cloud.running) + len(cloud.processes)
    return {"ok": not wrong and not orphans, "wrong": wrong, "orphans": orphans, "took_s": took}
