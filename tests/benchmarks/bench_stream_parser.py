"""The stream parser beside `json.loads`, and how its time grows with the text."""

import json
import time
from collections.abc import Callable

from agents.stream_parser import FileStreamParser

PIECE = 4
FILES = 12
RUNS = 7


def arguments_of(size: int) -> str:
    """Arguments of about `size` characters: twelve files of code, escapes and all."""
    line = 'export const label = "Fahrräder"; // it\'s <b>new</b>\n\treturn <p>{label}</p>;\n'
    content = line * (size // FILES // len(json.dumps(line)))
    files = [{"path": f"src/part{n}.tsx", "content": content} for n in range(FILES)]
    return json.dumps({"files": files})


def push(text: str) -> int:
    """Feed the text in four-character pieces; answers how many files closed."""
    parser = FileStreamParser()
    return sum(len(parser.feed(text[at : at + PIECE])) for at in range(0, len(text), PIECE))


def best_s(*works: Callable[[], object]) -> list[float]:
    """The CPU time of each work's fastest run; they take turns, so that a slow spell hits all."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(RUNS):
        for work, taken in zip(works, times, strict=True):
            begun = time.thread_time()
            work()
            taken.append(time.thread_time() - begun)
    return [min(taken) for taken in times]


def run() -> dict[str, float]:
    """200 kB in four-character pieces, and 100 kB against 400 kB (4.0 is linear)."""
    text, small, large = (arguments_of(size) for size in (205_000, 102_500, 410_000))
    assert push(text) == FILES
    whole_s, pushed_s, small_s, large_s = best_s(
        lambda: json.loads(text), lambda: push(text), lambda: push(small), lambda: push(large)
    )
    return {
        "characters": len(text),
        "pieces": -(-len(text) // PIECE),
        "json_loads_ms": round(whole_s * 1000, 2),
        "stream_parser_ms": round(pushed_s * 1000, 2),
        "times_json_loads": round(pushed_s / whole_s, 1),
        "us_per_piece": round(pushed_s / len(text) * PIECE * 1e6, 2),
        "growth_100k_to_400k": round(large_s / small_s, 2),
    }
