"""Links that do not die: whose they are, and what wakes behind them.

Sandboxes are in memory and time is the test's; the store is a real one.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from agents.errors import NotFound, SandboxFull
from agents.ports import CommandResult, Page, Sandbox
from agents.revival import Reviver
from agents.sandbox.manager import LIFETIME_S, SandboxManager
from agents.testing import settle
from agents.types import OwnerId, TaskKind
from bot.services.previews import (
    ANSWERS_S,
    AT_ONCE,
    FAILED_S,
    Asleep,
    Awake,
    PreviewLinks,
    Previews,
    Waking,
)
from bot.store.port import NewTask
from tests.fakes.shore import ANN, Shore, open_shore
from tests.fakes.waiting import in_time
from tests.fakes.worker import ScriptedWorker

ADDRESS = "http://127.0.0.1:8787"
WEEK_S = 7 * 86_400.0


@pytest.fixture
async def shore() -> AsyncIterator[Shore]:
    async with open_shore() as shore:
        yield shore


# --- waking ------------------------------------------------------------------------------


async def test_an_app_that_sleeps_is_built_from_its_stored_files_and_started(shore: Shore) -> None:
    assert await shore.open() == Waking("Waking it up", 0.0)
    assert isinstance(await shore.woken(), Awake)
    [sandbox] = shore.living
    assert await sandbox.tree() == {"src/App.tsx": b"bikes", "package.json": b"{}"}
    assert sandbox.networked, "its packages are not the template's"
    assert len(sandbox.served) == 1
    project = await shore.project()
    assert project.sandbox_id == sandbox.id
    assert shore.manager.kept(shore.project_id) is sandbox


async def test_one_that_runs_is_led_to_and_not_built_again(shore: Shore) -> None:
    first = await shore.woken()
    assert [await shore.open() for _ in range(3)] == [first] * 3
    assert len(shore.provider.sandboxes) == 1
    assert shore.pages.asked[-1] == ANSWERS_S


async def test_however_many_ask_it_is_woken_once(shore: Shore) -> None:
    await asyncio.gather(*(shore.open() for _ in range(20)))
    assert isinstance(await shore.woken(), Awake)
    assert len(shore.provider.sandboxes) == 1


async def test_after_a_week_the_link_wakes_it_again(shore: Shore) -> None:
    await shore.woken()
    for _ in range(7):
        await shore.clock.advance(WEEK_S / 7)
    assert shore.living == [], f"nothing is kept longer than {LIFETIME_S} s"
    assert isinstance(await shore.woken(), Awake)
    [sandbox] = shore.living
    assert sandbox.files["src/App.tsx"] == b"bikes"


async def test_where_sandboxes_can_be_paused_the_link_wakes_the_same_one() -> None:
    async with open_shore(pauses=True) as shore:
        await shore.woken()
        [first] = shore.living
        await shore.clock.advance(WEEK_S)
        assert shore.living == []
        assert isinstance(await shore.woken(), Awake)
        [woken] = shore.living
        assert (woken.id, woken.commands) == (first.id, []), "nothing is built again"
        assert shore.manager.kept(shore.project_id) is woken


@pytest.mark.parametrize("gone", [None, Page(502, '{"message": "The sandbox was not found"}')])
async def test_a_sandbox_that_died_unseen_is_replaced_and_never_shown_empty(
    shore: Shore, gone: Page | None
) -> None:
    await shore.woken()
    shore.pages.gone = gone
    shore.living[0].lost = True
    assert isinstance(await shore.woken(), Awake)
    [sandbox] = shore.living
    assert sandbox.files["src/App.tsx"] == b"bikes"


async def test_a_sandbox_that_another_process_has_made_is_led_to_and_not_built(
    shore: Shore,
) -> None:
    await shore.woken()
    other = SandboxManager(shore.provider, shore.clock)
    reviver = Reviver(other, shore.pages, shore.clock)
    shore.previews = Previews(shore.store, other, reviver)
    assert isinstance(await shore.woken(), Awake)
    [sandbox] = shore.living
    assert len(sandbox.served) == 1, "it answers, so nobody who uses it is disturbed"
    assert other.kept(shore.project_id) is sandbox
    await shore.previews.close()
    await other.close()


async def test_a_version_that_is_newer_than_what_runs_is_what_wakes(shore: Shore) -> None:
    await shore.woken()
    await shore.build({"src/App.tsx": b"green"})
    assert isinstance(await shore.woken(), Awake)
    project = await shore.project()
    [sandbox] = [s for s in shore.living if s.id == project.sandbox_id]
    assert sandbox.files["src/App.tsx"] == b"green"
    assert len(shore.living) == 1, "what ran before is closed"


async def test_where_another_has_been_quicker_ours_is_closed(shore: Shore) -> None:
    shore.hold_the_build()
    await shore.open()
    await shore.building.wait()
    await shore.build({"src/App.tsx": b"green"})
    shore.go_on.set()
    await in_time(shore.clock, lambda: not shore.living)
    assert shore.manager.kept(shore.project_id) is None
    assert isinstance(await shore.woken(), Awake)
    [sandbox] = shore.living
    assert sandbox.files["src/App.tsx"] == b"green"


async def test_who_asks_with_what_is_outdated_takes_nothing_from_the_newer_one(
    shore: Shore,
) -> None:
    await shore.woken()
    outdated = await shore.project()
    await shore.build({"src/App.tsx": b"green"})
    await shore.woken()
    project = await shore.project()
    assert project.sandbox_id != outdated.sandbox_id
    assert await shore.previews.runs_at(outdated) == project.preview_url
    kept = shore.manager.kept(shore.project_id)
    assert kept is not None
    assert [s.id for s in shore.living] == [kept.id] == [project.sandbox_id]


async def test_where_one_does_not_start_again_nobody_is_led_any_more(shore: Shore) -> None:
    await shore.woken()
    shore.pages.status = 502
    await shore.open()
    await in_time(shore.clock, lambda: not shore.living, step_s=2.0)
    await settle(200)
    project = await shore.project()
    assert (shore.living, project.sandbox_id, project.preview_url) == ([], None, None)
    assert shore.manager.kept(shore.project_id) is None
    assert await shore.previews.runs_at(project) is None


async def test_nothing_is_woken_before_something_was_built(shore: Shore) -> None:
    row = await shore.store.enqueue(NewTask(ANN, TaskKind.GENERATE, "A shop"))
    project = await shore.store.project(ANN, row.project_id)
    assert await shore.previews.open(project) == Asleep("Nothing has been built here yet.")
    await settle()
    assert shore.living == []


# --- what goes wrong ---------------------------------------------------------------------


async def test_an_app_that_does_not_build_any_more_says_so_and_is_tried_again_later(
    shore: Shore,
) -> None:
    answers = [CommandResult(0, ""), CommandResult(1, "src/App.tsx: no such module")]

    def on_command(sandbox: Sandbox, command: str) -> CommandResult:
        del sandbox, command
        return answers.pop(0) if answers else CommandResult(0, "")

    shore.provider.on_command = on_command
    standing = await shore.woken()
    assert standing == Asleep("It does not build or start any more. A change may mend it.")
    assert shore.living == []
    await shore.clock.advance(FAILED_S - 1)
    assert await shore.open() == standing
    await shore.clock.advance(1)
    assert isinstance(await shore.woken(), Awake)


async def test_a_page_that_answers_an_error_is_not_shown(shore: Shore) -> None:
    shore.pages.status = 500
    standing = await shore.woken()
    assert isinstance(standing, Asleep)
    assert shore.living == []
    tried = len(shore.provider.sandboxes)
    for _ in range(100):
        await shore.woken()
        await shore.clock.advance(60)
    assert len(shore.provider.sandboxes) - tried < 10, "more and more seldom"


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_what_a_gateway_says_in_its_place_is_no_app(shore: Shore, status: int) -> None:
    await shore.woken()
    shore.pages.status = status
    assert isinstance(await shore.open(), Waking)
    shore.pages.status = 200
    assert isinstance(await shore.woken(), Awake)


async def test_a_way_that_was_overtaken_takes_nothing_from_the_next_one(shore: Shore) -> None:
    shore.hold_the_build()
    await shore.open()
    await shore.building.wait()
    await shore.build({"src/App.tsx": b"green"})
    assert isinstance(await shore.open(), Waking)
    shore.go_on.set()
    assert isinstance(await shore.woken(), Awake)
    await settle(200)
    assert len(shore.provider.sandboxes) == 2
    [sandbox] = shore.living
    assert sandbox.files["src/App.tsx"] == b"green"


async def test_who_looks_keeps_a_sandbox_elsewhere_awake(shore: Shore) -> None:
    await shore.woken()
    for minute in range(20):
        await shore.open()
        await settle()
        await shore.clock.advance(60)
        assert len(shore.provider.connected) == minute // 5 + 1


async def test_what_is_in_use_for_hours_is_kept_and_not_longer(shore: Shore) -> None:
    await shore.woken()
    async with shore.previews.in_use(shore.project_id):
        for _ in range(40):
            await shore.clock.advance(LIFETIME_S / 10)
            await settle()
        assert len(shore.living) == 1
    for _ in range(11):
        await shore.clock.advance(LIFETIME_S / 10)
        await settle()
    assert shore.living == []


async def test_only_so_many_wake_at_a_time(shore: Shore) -> None:
    shore.hold_the_build()
    projects = [await shore.project()]
    for _ in range(3):
        row = await shore.store.enqueue(NewTask(ANN, TaskKind.GENERATE, "A board"))
        worker = ScriptedWorker(shore.store)
        await worker.take()
        await worker.build({"src/App.tsx": b"bikes", "package.json": b"{}"})
        projects.append(await shore.store.project(ANN, row.project_id))
    for project in projects:
        await shore.previews.open(project)
    await in_time(shore.clock, lambda: len(shore.living) >= AT_ONCE)
    await settle(200)
    assert len(shore.living) == AT_ONCE
    shore.go_on.set()
    await in_time(shore.clock, lambda: len(shore.living) == len(projects))


async def test_without_room_it_says_so(shore: Shore) -> None:
    shore.provider.failures = [SandboxFull("full")] * 20
    assert await shore.woken() == Asleep("There is no room to run it just now.")


async def test_closing_leaves_nothing_on_its_way(shore: Shore) -> None:
    shore.hold_the_build()
    await shore.open()
    await shore.building.wait()
    assert shore.living
    await shore.previews.close()
    assert shore.living == []


# --- links -------------------------------------------------------------------------------


async def test_a_project_has_one_link_until_its_owner_renews_it(shore: Shore) -> None:
    links = PreviewLinks(shore.store, ADDRESS)
    link = await links.link(shore.project_id)
    assert link is not None
    assert link.startswith(f"{ADDRESS}/p/")
    key = link.rpartition("/")[2]
    assert len(key) >= 32
    assert await links.link(shore.project_id) == link
    assert await links.links(ANN) == {shore.project_id: link}
    assert (await shore.previews.project_of(key)).id == shore.project_id

    renewed = await links.renew(ANN, shore.project_id)
    assert renewed not in (None, link)
    with pytest.raises(NotFound):
        await shore.previews.project_of(key)
    with pytest.raises(NotFound):
        await links.renew(OwnerId("bob"), shore.project_id)


@pytest.mark.parametrize("address", [None, "http://0.0.0.0:8787", "http://[::]:8787"])
async def test_a_server_that_nobody_can_reach_gives_no_links(
    shore: Shore, address: str | None
) -> None:
    links = PreviewLinks(shore.store, address)
    assert await links.link(shore.project_id) is None
    assert await links.links(ANN) == {}
