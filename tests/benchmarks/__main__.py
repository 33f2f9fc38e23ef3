"""Runs every `bench_*.py` beside this file and prints what their `run()` answers.

Usage: python -m tests.benchmarks [NAME ...]
"""

import asyncio
import importlib
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table


def names() -> list[str]:
    """The benchmarks there are, without their prefix."""
    return sorted(
        path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py")
    )


def run(name: str) -> Mapping[str, object]:
    """Run one benchmark; its `run` may be a coroutine function."""
    module = importlib.import_module(f"tests.benchmarks.bench_{name}")
    result = module.run()
    figures: Mapping[str, object] = asyncio.run(result) if inspect.iscoroutine(result) else result
    return figures


def main(asked: list[str]) -> int:
    unknown = set(asked) - set(names())
    if unknown:
        print(f"No such benchmark: {', '.join(sorted(unknown))}. There are: {', '.join(names())}")
        return 2
    table = Table("benchmark", "figure", "value")
    for name in asked or names():
        for number, (figure, value) in enumerate(run(name).items()):
            table.add_row("" if number else name, figure, str(value))
        table.add_section()
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
