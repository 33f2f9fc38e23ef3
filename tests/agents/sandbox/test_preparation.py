"""One prepared tree per template, made once whoever asks and however they die."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agents.errors import PackagesUnavailable
from agents.sandbox.boxes import Lock
from agents.sandbox.preparation import Preparation
from agents.sandbox.toolchain import find_toolchain
from agents.system import SystemClock
from agents.templates import Template
from agents.types import Framework
from tests.agents.sandbox.tiny import eventually, tiny_template

COUNTED = "echo once >> ../count; mkdir -p node_modules/dep; echo hi > node_modules/dep/index.js"
Make = Callable[[], Preparation]


@pytest.fixture
async def make(place: Path) -> AsyncIterator[Make]:
    toolchain = await find_toolchain()
    made: list[Preparation] = []

    def make() -> Preparation:
        made.append(Preparation(place, toolchain, SystemClock(), lambda *_: None))
        return made[-1]

    yield make
    for preparation in made:
        await preparation.close()


def counted(place: Path) -> int:
    return len((place / "count").read_text().splitlines())


def trees(place: Path) -> list[Path]:
    """What would be taken for a prepared tree."""
    return [
        entry for entry in place.glob("react-*") if entry.is_dir() and ".new-" not in entry.name
    ]


def template(install: str = COUNTED, **files: bytes) -> Template:
    tiny = tiny_template()
    return replace(tiny, install=install, files={**tiny.files, **files})


async def test_many_who_ask_at_once_share_one_install(place: Path, make: Make) -> None:
    one, other = make(), make()  # the other stands for another process: only the lock is shared
    trees = await asyncio.gather(*(it.prepare(template()) for it in (one, one, one, other)))
    assert len(set(trees)) == 1
    assert counted(place) == 1


async def test_a_prepared_tree_is_used_again(place: Path, make: Make) -> None:
    await make().prepare(template())
    await make().prepare(template())
    assert counted(place) == 1


async def test_another_content_is_another_tree(place: Path, make: Make) -> None:
    one = await make().prepare(template())
    other = await make().prepare(template(extra=b"changed"))
    assert one != other
    assert counted(place) == 2


async def test_the_tree_holds_the_templates_files_and_no_others(make: Make) -> None:
    install = f"{COUNTED}; echo changed > app.txt; echo x > package-lock.json; mkdir dist"
    tree = await make().prepare(template(install))
    assert (tree / "app.txt").read_bytes() == b"start-page react"
    assert not (tree / "package-lock.json").exists()
    assert (tree / "node_modules" / "dep" / "index.js").exists()


async def test_the_tree_is_readable_for_the_sandboxs_user_and_without_source_maps(
    make: Make,
) -> None:
    install = f"{COUNTED}; umask 077; mkdir node_modules/p; echo x > node_modules/p/a.js; echo m > node_modules/p/a.js.map"
    tree = await make().prepare(template(install))
    assert (tree / "node_modules" / "p").stat().st_mode & 0o055 == 0o055
    assert (tree / "node_modules" / "p" / "a.js").stat().st_mode & 0o044 == 0o044
    assert not (tree / "node_modules" / "p" / "a.js.map").exists()


async def test_a_failed_install_says_why_and_leaves_no_tree(place: Path, make: Make) -> None:
    with pytest.raises(PackagesUnavailable, match="registry is on fire"):
        await make().prepare(template("echo registry is on fire; exit 1"))
    assert trees(place) == []


async def test_after_a_failure_the_next_one_tries_again(place: Path, make: Make) -> None:
    install = f"[ -e ../mended ] || exit 1; {COUNTED}"
    preparation = make()
    with pytest.raises(PackagesUnavailable):
        await preparation.prepare(template(install))
    (place / "mended").touch()
    await preparation.prepare(template(install))
    assert counted(place) == 1


async def test_what_a_crashed_maker_left_is_swept(place: Path, make: Make) -> None:
    tree = await make().prepare(template())
    stale = place / f"{tree.name}.new-dead"
    (stale / "node_modules").mkdir(parents=True)
    tree.rename(place / "gone")
    await make().prepare(template())
    assert tree.exists()
    assert not stale.exists()


async def test_a_maker_in_another_process_is_waited_for(place: Path, make: Make) -> None:
    tree = await make().prepare(template())
    tree.rename(place / "being-made")
    other = Lock(tree.with_name(f"{tree.name}.lock"))
    assert other.take()
    waiting = asyncio.ensure_future(make().prepare(template()))  # noqa: TID251
    await asyncio.sleep(0.3)
    assert not waiting.done()
    (place / "being-made").rename(tree)
    other.release()
    assert await waiting == tree
    assert counted(place) == 1


async def test_one_who_gives_up_waiting_does_not_stop_the_others(place: Path, make: Make) -> None:
    slow = template(f"until [ -e ../go ]; do sleep 0.02; done; {COUNTED}")
    preparation = make()
    first = asyncio.ensure_future(preparation.prepare(slow))  # noqa: TID251
    second = asyncio.ensure_future(preparation.prepare(slow))  # noqa: TID251
    await asyncio.sleep(0.05)
    first.cancel()
    (place / "go").touch()
    assert (await second).is_dir()
    assert counted(place) == 1


async def test_closing_stops_an_install(place: Path, make: Make) -> None:
    preparation = make()
    waiting = asyncio.ensure_future(  # noqa: TID251
        preparation.prepare(template("echo $$ > ../pid; exec sleep 600"))
    )

    async def started() -> int | None:
        text = (place / "pid").read_text() if (place / "pid").exists() else ""
        return int(text) if text.endswith("\n") else None

    pid = await eventually(started)
    await preparation.close()
    await asyncio.gather(waiting, return_exceptions=True)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_progress_is_told_line_by_line(place: Path) -> None:
    told: list[str] = []
    toolchain = await find_toolchain()
    preparation = Preparation(
        place, toolchain, SystemClock(), lambda fw, line: told.append(f"{fw}: {line}")
    )
    await preparation.prepare(template(f"{COUNTED}; echo added 3 packages"))
    assert told[0] == "react: installing packages"
    assert told[-1] == "react: added 3 packages"


async def test_installs_of_templates_run_no_scripts_of_packages(make: Make) -> None:
    install = f"{COUNTED}; npm config get ignore-scripts > node_modules/said"
    tree = await make().prepare(template(install))
    assert json.loads((tree / "node_modules" / "said").read_text()) is True


def test_the_digest_covers_files_and_install_but_not_words() -> None:
    tiny = tiny_template()
    assert replace(tiny, title="Other", ui=("x",)).digest == tiny.digest
    assert replace(tiny, install="other").digest != tiny.digest
    assert replace(tiny, files={**tiny.files, "a": b""}).digest != tiny.digest
    assert tiny_template(Framework.VUE).digest != tiny.digest
