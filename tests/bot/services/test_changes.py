import difflib
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from bot.services.changes import ALL_LINES, FILE_BYTES, FILE_LINES, compare

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
