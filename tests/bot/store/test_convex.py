"""What only the Convex adapter can get wrong: documents' sizes, progress rows, calls, news."""

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from agents.errors import LeaseLost, StoreUnavailable
from agents.events import (
    FileChanged,
    NoticeGiven,
    StageEntered,
    TextStreamed,
    ToolFinished,
    TurnStarted,
)
from agents.system import RandomIds
from agents.testing import FakeClock
from agents.types import BlobHash, Stage, TaskStatus
from bot.services.projects import ProjectService
from bot.store.convex import ConvexStore
from bot.store.port import QUEUE_TOPIC, Claim, cancel_topic
from tests.contracts.store.adapters import OTHER_WORKER, OWNER, WORKER, World, failed
from tests.fakes.convex import shared_host
from tests.fakes.convex_store import open_convex_store

DOCUMENT_BYTES = 400_000
"""Far from Convex's 1 MiB; the largest of ours are chunks of 256 KiB."""

_NAMES = (f"adapter-{number}" for number in itertools.count())


class Heard:
    """A waker that remembers."""

    def __init__(self) -> None:
        self.topics: list[str] = []

    def notify(self, topic: str) -> None:
        self.topics.append(topic)


@dataclass(frozen=True, slots=True)
class Place(World):
    """A fresh deployment, as its processes and its people see it."""

    name: str = ""
    heard: Heard = field(default_factory=Heard)

    async def as_owner(self, path: str, **args: Any) -> Any:
        """What a person's frontend gets, in Convex's own words."""
        host = shared_host()
        now = self.clock.now().timestamp()
        token = host.clerk_token(str(OWNER), iat=now, exp=now + 300)
        headers = {"Authorization": f"Bearer {token}", "X-Host-Now": str(now * 1_000)}
        body = {"path": path, "format": "json", "args": args}
        url = f"{host.deployment(self.name)}/api/query"
        async with (
            aiohttp.ClientSession() as http,
            http.post(url, json=body, headers=headers) as answer,
        ):
            found = await answer.json()
        assert found["status"] == "success", found
        return found["value"]

    async def calls(self) -> dict[str, int]:
        return (await shared_host().stats(self.name)).calls


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    name, clock, heard = next(_NAMES), FakeClock(), Heard()
    async with open_convex_store(clock, RandomIds(), deployment=name, waker=heard) as store:
        yield Place(store, clock, name, heard)
    await shared_host().reset(name)


async def append(place: Place, claim: Claim, seq: int, *events: Any) -> int:
    return await place.store.append(claim.lease, seq, events)


# --- sizes -------------------------------------------------------------------------------


async def test_a_large_app_a_large_file_and_a_long_log_stay_in_small_documents(
    place: Place,
) -> None:
    app = {
        f"src/módulo {i}/文件.bin": bytes((i * 31 + j) % 256 for j in range(1_000)) * 17 + b"%d" % i
        for i in range(300)
    }
    large = bytes(range(256)) * 4_700
    app["large.bin"] = large
    assert sum(map(len, app.values())) > 5_000_000
    assert len(large) > 1_200_000
    claim = await place.start()
    seq = 1
    for start in range(0, 20_000, 500):
        seq = await append(
            place, claim, seq, *(TextStreamed(content=f"é{start + i}") for i in range(500))
        )

    ending = await place.completed(app, "frag_1")
    await place.store.finish(claim.lease, seq, ending)

    fragment = await place.store.fragment(OWNER, claim.task.project_id, ending.fragment.id)  # type: ignore[union-attr]
    contents = await place.store.get(list(fragment.files.values()))
    assert {path: contents[digest] for path, digest in fragment.files.items()} == app
    log = await place.store.read(claim.task.id, limit=30_000)
    assert [recorded.seq for recorded in log] == list(range(1, 20_003))
    texts = [r.event.content for r in log if isinstance(r.event, TextStreamed)]
    assert texts == [f"é{i}" for i in range(20_000)]
    stats = await shared_host().stats(place.name)
    assert stats.largest_bytes < DOCUMENT_BYTES, stats


async def test_a_large_event_is_kept_as_a_file_and_read_like_any_other(place: Place) -> None:
    claim = await place.start()
    event = ToolFinished(call_id="c", name="t", summary="s", ok=True, result="é" * 300_000)
    assert await append(place, claim, 1, NoticeGiven(message="a"), event) == 3
    assert (await place.log(claim.task))[2] == event
    taken_log = (await place.store.read(claim.task.id, after=2))[0].event
    assert taken_log == event
    assert (await shared_host().stats(place.name)).largest_bytes < DOCUMENT_BYTES


async def test_an_app_of_the_longest_paths_stays_in_small_documents(place: Place) -> None:
    claim = await place.start()
    app = {f"{'文' * 500}{i:04d}": b"x" for i in range(2_000)}
    await place.build(app, claim)
    [fragment] = await place.store.fragments(OWNER, claim.task.project_id)
    assert set(fragment.files) == set(app)
    assert (await shared_host().stats(place.name)).largest_bytes < DOCUMENT_BYTES


# --- progress ----------------------------------------------------------------------------


async def test_a_frontend_sees_live_what_the_log_says(place: Place) -> None:
    task = await place.enqueue()
    seen = await place.as_owner("streaming:getProgress", taskId=task.id)
    assert (seen["status"], seen["stage"]) == ("pending", "queued")

    claim = await place.claim()
    blob = BlobHash("0" * 64)
    seq = await append(
        place,
        claim,
        1,
        StageEntered(stage=Stage.GENERATING, message="Writing the app"),
        TurnStarted(step=1, purpose="generate"),
        TextStreamed(content="Hello"),
        FileChanged(path="src/ü.ts", action="created", size_bytes=7, blob=blob),
    )
    seen = await place.as_owner("streaming:getProgress", taskId=task.id)
    assert (seen["status"], seen["message"]) == ("running", "Writing the app")
    assert seen["streamedContent"] == "Hello"
    assert seen["files"] == [{"path": "src/ü.ts", "action": "created", "bytes": 7}]

    await place.store.finish(claim.lease, seq, failed())
    seen = await place.as_owner("streaming:getProgress", taskId=task.id)
    assert (seen["status"], seen["message"]) == ("failed", "I am stuck.")
    assert seen["error"] == {"code": "stuck", "message": "I am stuck.", "retryable": False}


async def test_text_alone_changes_the_progress_row_once_a_second(place: Place) -> None:
    claim = await place.start()
    task_id, seen = claim.task.id, []
    seq = await append(place, claim, 1, TurnStarted(step=1, purpose="generate"))
    for piece in ("a", "b", "c"):
        seq = await append(place, claim, seq, TextStreamed(content=piece))
        row = await place.as_owner("streaming:getProgress", taskId=task_id)
        seen.append(row["streamedContent"])
        await place.clock.advance(0.6)
    assert seen == ["", "", "abc"]


async def test_a_long_text_is_shown_by_its_end(place: Place) -> None:
    claim = await place.start()
    await append(place, claim, 1, TextStreamed(content="x" * 50_000 + "the end"))
    row = await place.as_owner("streaming:getProgress", taskId=claim.task.id)
    assert len(row["streamedContent"]) == 16_000
    assert row["streamedContent"].endswith("the end")
    log = await place.as_owner("streaming:events", taskId=claim.task.id, after=1)
    assert len(log["events"][0]["event"]) > 50_000


async def test_progress_goes_on_from_the_log_after_a_takeover(place: Place) -> None:
    old = await place.start()
    await append(place, old, 1, TurnStarted(step=1, purpose="generate"), TextStreamed(content="He"))
    await place.clock.advance(30)
    clock, ids = place.clock, RandomIds()
    async with open_convex_store(clock, ids, deployment=place.name) as other:
        new = await place_of(other, clock).claim()
        await other.append(new.lease, 3, [TextStreamed(content="llo")])
    row = await place.as_owner("streaming:getProgress", taskId=old.task.id)
    assert row["streamedContent"] == "Hello"


def place_of(store: ConvexStore, clock: FakeClock) -> World:
    return World(store, clock)


async def test_a_cancelled_task_says_so_to_its_frontend(place: Place) -> None:
    task = await place.enqueue()
    row = await place.store.request_cancel(OWNER, task.id, by="ann")
    assert row.status is TaskStatus.CANCELLED
    seen = await place.as_owner("streaming:getProgress", taskId=task.id)
    assert (seen["status"], seen["message"]) == ("cancelled", "Stopped")


# --- calls and news ----------------------------------------------------------------------


async def test_a_task_costs_one_call_for_each_thing_that_happens_to_it(place: Place) -> None:
    claim = await place.start()
    seq = await append(place, claim, 1, NoticeGiven(message="one"))
    await place.store.renew(claim.lease)
    ending = await place.completed({"a": b"1"}, "frag_1")
    await place.store.finish(claim.lease, seq, ending)
    assert await place.calls() == {
        "tasks:enqueue": 1,
        "tasks:claim": 1,
        "streaming:append": 1,
        "tasks:heartbeat": 1,
        "files:put": 1,
        "tasks:complete": 1,
    }


async def test_a_page_of_projects_costs_two_calls_however_many_there_are(place: Place) -> None:
    tasks = [await place.enqueue(f"app {number}") for number in range(30)]
    summaries = await ProjectService(place.store, RandomIds()).summaries(OWNER)
    assert [summary.newest for summary in summaries] == tasks[::-1]
    calls = await place.calls()
    assert {name: times for name, times in calls.items() if name != "tasks:enqueue"} == {
        "projects:list": 1,
        "tasks:newest": 1,
    }


async def test_bytes_that_are_stored_are_not_sent_again(place: Place) -> None:
    contents = [b"x" * 200_000, b"y"]
    hashes = await place.store.put(contents)
    assert await place.store.put(contents) == hashes
    assert (await place.calls()) == {"files:missing": 1, "files:put": 1}
    async with open_convex_store(place.clock, RandomIds(), deployment=place.name) as other:
        assert await other.put(contents) == hashes
    assert (await place.calls()) == {"files:missing": 2, "files:put": 1}


async def test_whoever_waits_in_this_process_is_woken(place: Place) -> None:
    task = await place.enqueue()
    assert place.heard.topics == [task.id, QUEUE_TOPIC]
    claim = await place.claim()
    place.heard.topics.clear()
    await append(place, claim, 1, NoticeGiven(message="one"))
    assert place.heard.topics == [task.id]


async def test_a_stop_asked_for_elsewhere_is_noticed_with_the_next_append(place: Place) -> None:
    claim = await place.start()
    async with open_convex_store(place.clock, RandomIds(), deployment=place.name) as other:
        await other.request_cancel(OWNER, claim.task.id, by="bob")
    place.heard.topics.clear()
    await append(place, claim, 1, NoticeGiven(message="one"))
    assert place.heard.topics == [claim.task.id, cancel_topic(claim.task.id)]


# --- what reviewers found ----------------------------------------------------------------


async def test_a_claim_whose_answer_never_came_is_found_by_the_next_one(place: Place) -> None:
    await place.enqueue()
    await shared_host().set_fault("lossy", place.name, every=1, only=["tasks:claim"])
    with pytest.raises(StoreUnavailable):
        await place.store.claim(WORKER)
    await shared_host().set_fault("none", place.name)
    claim = await place.claim()
    assert (claim.task.attempts, claim.lease.epoch) == (1, 1), "no attempt was spent"


async def test_an_app_larger_than_one_transaction_may_read_is_saved(place: Place) -> None:
    app = {f"img/{n}.bin": bytes([n]) * 250_000 for n in range(80)}
    claim = await place.build(app)
    [fragment] = await place.store.fragments(OWNER, claim.task.project_id)
    assert len(fragment.files) == 80
    async with open_convex_store(place.clock, RandomIds(), deployment=place.name) as other:
        assert await other.put(list(app.values())) == [fragment.files[path] for path in app]


async def test_half_an_emoji_reaches_neither_the_log_nor_the_progress_row(place: Place) -> None:
    claim = await place.start()
    await append(place, claim, 1, TextStreamed(content="Here it is \ud83d"))
    row = await place.as_owner("streaming:getProgress", taskId=claim.task.id)
    assert row["streamedContent"] == "Here it is \ufffd"


async def test_a_fold_is_forgotten_with_the_lease(place: Place) -> None:
    claim = await place.start()
    await place.clock.advance(60)
    async with open_convex_store(place.clock, RandomIds(), deployment=place.name) as other:
        await other.claim(OTHER_WORKER)
    with pytest.raises(LeaseLost):
        await append(place, claim, 1, NoticeGiven(message="zombie"))
    assert not place.store._progress.knows(claim.task.id, 1)  # type: ignore[attr-defined]
