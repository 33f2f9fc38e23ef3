import asyncio
import difflib
import threading
from collections.abc import Iterator
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from bot.services.changes import ALL_LINES, FILE_BYTES, FILE_LINES, compare, compare_in_turn

TEXTS = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.lists(st.sampled_from("xyz")).map("\n".join)
)


def lines(count: int) -> bytes:
    return b"".join(b"%d\n" % number for number in range(count))


@given(TEXTS, TEXTS)
def test_what_is_told_leads_from_one_version_to_the_other(
    old: dict[str, str], new: dict[str, str]
) -> None:
    before = {path: text.encode() for path, text in old.items()}
    told = compare(before, {path: text.encode() for path, text in new.items()})

    assert [d.path for d in told] == sorted(p for p in {*old, *new} if old.get(p) != new.get(p))
    for change in told:
        was, now = old.get(change.path), new.get(change.path)
        whole = difflib.unified_diff(
            (was or "").splitlines(), (now or "").splitlines(), lineterm=""
        )
        assert change.diff == "\n".join(islice(whole, 2, None))
        assert change.action == (
            "created" if was is None else "deleted" if now is None else "updated"
        )


def test_what_is_no_text_is_only_named() -> None:
    [change] = compare({"icon.png": b"\x00"}, {"icon.png": b"text"})
    assert (change.diff, change.is_too_long) == (None, False)


def test_what_would_take_too_long_is_only_named() -> None:
    for content in (lines(FILE_LINES + 1), b"x" * (FILE_BYTES + 1)):
        [change] = compare({}, {"long.txt": content})
        assert (change.diff, change.is_too_long) == ("", True)


def test_all_files_together_are_compared_up_to_a_limit() -> None:
    count = ALL_LINES // FILE_LINES
    app = {f"{number:02}.txt": lines(FILE_LINES) for number in range(count + 2)}
    assert [change.is_too_long for change in compare({}, app)] == [False] * count + [True] * 2


class Meeting(dict[str, bytes]):
    """An app that is only read by two at once, or after a while."""

    def __init__(self) -> None:
        super().__init__({"a": b"1"})
        self.both_came = False
        self._both = threading.Barrier(2)

    @override
    def __iter__(self) -> Iterator[str]:
        try:
            self._both.wait(0.2)
            self.both_came = True
        except threading.BrokenBarrierError:
            pass
        return super().__iter__()


async def test_however_many_ask_one_comparison_runs_at_a_time() -> None:
    app = Meeting()
    told = await asyncio.gather(*(compare_in_turn({}, app) for _ in range(3)))
    assert [[change.path for change in each] for each in told] == [["a"]] * 3
    assert not app.both_came
