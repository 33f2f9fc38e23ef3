"""Finding, listing and deleting files by the agent's tools."""

import pytest

from tests.fakes.memory_workspace import MemoryWorkspace, small_app, use


@pytest.fixture
def space() -> MemoryWorkspace:
    return small_app()


# --- listFiles and searchFiles ---------------------------------------------------------------


async def test_files_are_listed_with_sizes_below_a_folder(space: MemoryWorkspace) -> None:
    assert "package.json (3 bytes)" in (await use(space, "listFiles")).text
    below = await use(space, "listFiles", path="./src/")
    assert below.text == "src/App.tsx (49 bytes)\nsrc/lib/data.ts (24 bytes)"
    missing = await use(space, "listFiles", path="scr")
    assert not missing.ok
    assert not (await use(space, "listFiles", path="../..")).ok


async def test_a_long_list_is_cut_with_a_count(space: MemoryWorkspace) -> None:
    space.files.update({f"src/x{n}.ts": b"" for n in range(700)})
    text = (await use(space, "listFiles", path="src")).text
    assert text.count("\n") == 500
    assert "… and 202 more files" in text


async def test_lines_are_found_by_expression(space: MemoryWorkspace) -> None:
    result = await use(space, "searchFiles", pattern=r"export (function|const) \w+")
    assert result.ok
    assert "src/App.tsx:1: export function App() {" in result.text
    assert "src/lib/data.ts:1: export const bikes = 3;" in result.text
    assert "2 matching lines" in result.text


async def test_a_search_can_be_kept_to_a_folder_or_file(space: MemoryWorkspace) -> None:
    assert (
        "1 matching lines"
        in (await use(space, "searchFiles", pattern="export", path="src/lib")).text
    )
    nothing = await use(space, "searchFiles", pattern="bikes", path="src/App.tsx")
    assert nothing.text == "No line matches."


@pytest.mark.parametrize("pattern", ["App() {", "(?=x)", "[", r"(a)\1"])
async def test_what_is_no_expression_is_searched_as_text(
    space: MemoryWorkspace, pattern: str
) -> None:
    space.files["odd.txt"] = f"before {pattern} after\n".encode()
    result = await use(space, "searchFiles", pattern=pattern)
    assert result.ok
    assert "odd.txt:1" in result.text


async def test_many_matches_are_cut_with_a_count(space: MemoryWorkspace) -> None:
    space.files["many.ts"] = b"match me\n" * 450
    text = (await use(space, "searchFiles", pattern="match me")).text
    assert "450 matching lines" in text
    assert "… and 250 more matches" in text


async def test_no_pattern_stalls_the_search(space: MemoryWorkspace) -> None:
    space.files["evil.txt"] = (b"a" * 20_000 + b"!\n") * 5
    for pattern in (r"(a+)+$", r"(a|aa)+$", r"(.*a){12}$", r"a*a*a*a*a*a*a*b"):
        assert (await use(space, "searchFiles", pattern=pattern)).ok


# --- deleteFiles -----------------------------------------------------------------------------


async def test_files_are_deleted_and_missing_ones_told(space: MemoryWorkspace) -> None:
    result = await use(space, "deleteFiles", paths=["src/lib/data.ts", "src/lib/date.ts"])
    assert not result.ok
    assert result.text.startswith("Deleted: src/lib/data.ts\n")
    assert "src/lib/date.ts: there is no such file." in result.text
    assert "src/lib/data.ts" not in space.files


async def test_a_folder_is_not_deleted_but_its_files_are_named(space: MemoryWorkspace) -> None:
    result = await use(space, "deleteFiles", paths=["src/"])
    assert not result.ok
    assert "src is a folder. Name its files: src/App.tsx, src/lib/data.ts" in result.text
    assert len(space.files) == 4
