"""Runs one fault campaign and prints its figures as one line of JSON, the last line.

Usage: python -m tests.campaigns NAME [--seed N] [--size N], with STORE=sqlite|convex where the
store matters. Exit status 0 when the campaign held, 1 when it did not. Traffic is loopback only.

A campaign is a module beside this file: `DEFAULT_SIZE`, and
`async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]` whose answer holds
`ok` and the figures.
"""

import argparse
import asyncio
import importlib
import json
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path


def names() -> list[str]:
    """The campaigns there are, as they are typed."""
    here = Path(__file__).parent
    return sorted(
        path.stem.replace("_", "-") for path in here.glob("*.py") if not path.stem.startswith("_")
    )


def execute(name: str, *, seed: int, size: int | None, store: str) -> dict[str, object]:
    """Run one campaign; a crash of the campaign itself is a figure too, and not ok."""
    module = importlib.import_module(f"tests.campaigns.{name.replace('-', '_')}")
    size = module.DEFAULT_SIZE if size is None else size
    head = {"campaign": name, "seed": seed, "size": size, "store": store}
    try:
        figures: Mapping[str, object] = asyncio.run(module.run(seed=seed, size=size, store=store))
    except Exception as error:  # noqa: BLE001 - the boundary of the program: it must print its line
        traceback.print_exc()
        return {**head, "ok": False, "error": type(error).__name__}
    return {**head, "ok": False, **figures}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns")
    parser.add_argument("name", choices=names())
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=None)
    asked = parser.parse_args(arguments)
    store = os.environ.get("STORE", "sqlite")  # noqa: TID251 - a program, not the product
    result = execute(asked.name, seed=asked.seed, size=asked.size, store=store)
    print(json.dumps(result), flush=True)
    return 0 if result["ok"] is True else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
