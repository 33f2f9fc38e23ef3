"""The Convex functions and this program fit together, and keep their own rules."""

import filecmp
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.store import convex, convex_files
from bot.store.people_port import MAX_MEMBERS
from bot.store.port import LEASE_S, MAX_ATTEMPTS, Limits
from bot.store.usage_port import COUNTED_AT_MOST, OPEN_RETRY_S, TOP_PROJECTS, WINDOW

ROOT = Path(__file__).parent.parent
CONVEX = ROOT / "convex"
GENERATED = CONVEX / "_generated"


def functions() -> Iterator[Path]:
    """The files that are deployed: Convex leaves out those with two dots in their names."""
    for path in sorted(CONVEX.rglob("*.ts")):
        if path.name.count(".") == 1 and GENERATED not in path.parents:
            yield path


def constant(file: str, name: str) -> float:
    [value] = re.findall(rf"{name} = ([\d_ *]+);", (CONVEX / file).read_text())
    product = 1.0
    for factor in value.split("*"):
        product *= float(factor)
    return product


def test_the_generated_types_are_fresh(tmp_path: Path) -> None:
    copy = tmp_path / "convex"
    shutil.copytree(CONVEX, copy, ignore=shutil.ignore_patterns("_generated"))
    for name in ("package.json", "node_modules"):
        (tmp_path / name).symlink_to(ROOT / name)
    command = ["npx", "convex", "codegen", "--system-udfs", "--typecheck", "disable"]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

    names = sorted(path.name for path in (copy / "_generated").iterdir())
    _, differing, missing = filecmp.cmpfiles(copy / "_generated", GENERATED, names, shallow=False)
    assert (differing, missing) == ([], []), "type: npm run codegen"
    assert names == sorted(path.name for path in GENERATED.iterdir())


@pytest.mark.parametrize(
    ("file", "name", "value"),
    [
        ("lib/queue.ts", "LEASE_MS", LEASE_S * 1_000),
        ("lib/queue.ts", "MAX_ATTEMPTS", MAX_ATTEMPTS),
        ("lib/people.ts", "MAX_MEMBERS", MAX_MEMBERS),
        ("lib/fragments.ts", "MAX_FILES", Limits().files_per_fragment),
        ("lib/log.ts", "LINE_BYTES", convex.LINE_BYTES),
        ("lib/files.ts", "CHUNK_BYTES", convex_files.CHUNK_BYTES),
        ("lib/usage.ts", "WINDOW_MS", WINDOW.total_seconds() * 1_000),
        ("lib/usage.ts", "OPEN_RETRY_MS", OPEN_RETRY_S * 1_000),
        ("lib/usage.ts", "TOP_PROJECTS", TOP_PROJECTS),
        ("lib/usage.ts", "COUNTED_AT_MOST", COUNTED_AT_MOST),
        ("lib/version.ts", "VERSION", convex.FUNCTIONS_VERSION),
    ],
)
def test_a_number_that_both_sides_know_is_the_same(file: str, name: str, value: float) -> None:
    assert constant(file, name) == value


def test_rows_are_found_by_an_index_and_never_by_looking_at_all_of_them() -> None:
    found = [
        f"{path.name}: {query}"
        for path in functions()
        for query in re.findall(r"\.query\([^;]*?;", path.read_text(), re.DOTALL)
        if ".withIndex(" not in query or ".filter(" in query
    ]
    assert found == []


def test_functions_are_made_by_a_wrapper_or_are_internal() -> None:
    plain = re.compile(
        r"^export (?:const|default) ?\w* ?=? ?(query|mutation|action)\(", re.MULTILINE
    )
    found = [path.name for path in functions() if plain.search(path.read_text())]
    assert found == []


def test_every_table_says_who_writes_and_reads_it_and_when_it_is_deleted() -> None:
    schema = (CONVEX / "schema.ts").read_text()
    tables = re.findall(r"((?:^  //[^\n]*\n)+)  (\w+): defineTable", schema, re.MULTILINE)
    assert len(tables) == schema.count(": defineTable(") >= 19
    for comment, table in tables:
        words = " ".join(comment.replace("//", " ").split()).lower()
        for word in ("written", "read", "deleted"):
            assert word in words, (table, word)
