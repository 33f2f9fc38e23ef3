"""Campaign `edits`: is an edit applied right, or refused, and never wrong?

Every case goes through the tool `editFile`, on bytes. The judge knows what must come out from the
case itself: written by hand, or rendered from a model of the file. What was applied is taken back
by an edit of whole lines, made from the two texts alone, and must give the old bytes. SIZE is how
many cases are drawn from the model beside those written by hand.
"""

from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Final

from tests.campaigns._edit_cases import EXACT, Case
from tests.campaigns._edit_cases_loose import LOOSE
from tests.campaigns._edit_model import draw
from tests.fakes.memory_workspace import MemoryWorkspace, use

DEFAULT_SIZE: Final = 5_000
BY_HAND: Final = (*EXACT, *LOOSE)
_PATH: Final = "src/file.txt"


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """Try every case. `store` does not matter here."""
    del store
    random = Random(seed)  # noqa: S311 - a seeded campaign
    wrong: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for case in (*BY_HAND, *(draw(random, number) for number in range(size))):
        seen["applied" if case.after is not None else "refused"] += 1
        problem = await problem_of(case)
        if (
            not problem
            and case.after not in (None, "", case.before)
            and not _mixes_ends(case.before)
        ):
            seen["inverted"] += 1
            problem = await problem_of(inverse(case.before, case.after))
        if problem:
            wrong[case.name] = problem
    return {
        "ok": not wrong,
        "wrong": len(wrong),
        "cases": len(BY_HAND) + size,
        "by_hand": len(BY_HAND),
        **seen,
        "which": dict(list(wrong.items())[:5]),
    }


async def problem_of(case: Case) -> str:
    """What came out that should not have; "" when all is right."""
    space = MemoryWorkspace({_PATH: case.before.encode()})
    edits = [{"search": search, "replace": new} for search, new in case.edits]
    result = await use(space, "editFile", path=_PATH, edits=edits)
    wanted = case.before if case.after is None else case.after
    if space.files[_PATH] != wanted.encode():
        return f"{space.files[_PATH]!r} instead of {wanted.encode()!r}"
    if result.ok != (case.after is not None):
        return result.text
    return ""


def inverse(before: str, after: str) -> Case:
    """The edit that takes `after` back to `before`: the lines that differ, with lines around them
    until they stand once."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    head = next(
        (n for n, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]),
        min(len(old), len(new)),
    )
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    while True:
        search = "".join(new[head : len(new) - tail])
        if search and _stands_once(after, search):
            break
        head, tail = max(0, head - 1), max(0, tail - 1)
    return Case("inverse", after, ((search, "".join(old[head : len(old) - tail])),), before)


def _stands_once(text: str, wanted: str) -> bool:
    first = text.find(wanted)
    return first >= 0 and text.find(wanted, first + 1) < 0


def _mixes_ends(text: str) -> bool:
    return 0 < text.count("\r\n") < text.count("\n")
