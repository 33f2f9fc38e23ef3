"""The worker over a real store, with sandboxes in memory and a scripted model."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

import pytest

from agents import events as e
from agents.errors import AuthFailed, SandboxLost, SandboxUnavailable
from agents.ports import Budget, CommandResult, LLMChunk, Page
from agents.run import KEEP_ANYWAY
from agents.templates import get_template
from agents.testing import InMemorySandbox, InMemorySandboxProvider, ScriptedLLM
from agents.types import Framework, TaskStatus
from agents.workspace import blob_hash
from bot.feed import Feed
from bot.services.tasks import LOCAL_OWNER
from bot.store.port import MAX_ATTEMPTS
from tests.fakes.pipelines import SUMMARY, call, say, write
from tests.fakes.waiting import until
from tests.fakes.workshop import (
    APP,
    DONE,
    ONCE,
    QUICK,
    HangingLLM,
    Workshop,
    attempts,
    failure,
    open_workshop,
    scripted,
)

TEMPLATE = get_template(Framework.REACT)
BROKEN = "src/App.tsx(3,7): error TS2322: Type 'string' is not assignable to type 'number'.\n"


@pytest.fixture
async def world() -> AsyncGenerator[Workshop, None]:
    async with open_workshop() as workshop:
        yield workshop


def losing_builds(count: int) -> InMemorySandboxProvider:
    """The first `count` builds lose their sandbox."""
    left = [count]

    def command(sandbox: InMemorySandbox, line: str) -> CommandResult:
        if line == TEMPLATE.build and left[0] > 0:
            left[0] -= 1
            sandbox.lost = True
            raise SandboxLost("gone")
        return CommandResult(0, "")

    return InMemorySandboxProvider(on_command=command)


# --- the good way -------------------------------------------------------------------------------


async def test_a_task_ends_as_a_version_and_its_sandbox_lives_on(world: Workshop) -> None:
    async with world.worker(scripted(write(APP), DONE)):
        row = await world.start()
        done = await world.last(row)
        assert isinstance(done, e.TaskCompleted)
        assert (done.title, done.preview_url) == ("Bike board", "http://127.0.0.1:5173")
        assert world.open_sandboxes == 1
    project = await world.store.project(LOCAL_OWNER, row.project_id)
    assert project.head == done.fragment_id
    assert (await world.files(row))["src/App.tsx"] == APP["src/App.tsx"].encode()


# --- lost sandboxes -----------------------------------------------------------------------------


async def test_a_lost_sandbox_is_rebuilt_from_the_log_in_a_second_attempt(world: Workshop) -> None:
    world.provider = losing_builds(1)
    llm = scripted(ONCE, write(APP), DONE)
    async with world.worker(llm):
        row = await world.start()
        await until(lambda: any(box.lost for box in world.provider.sandboxes.values()))
        assert (await world.becomes(row, TaskStatus.PENDING)).attempts == 1
        await world.time.advance(QUICK.retry_base_s)
        log = await world.events(row)
    assert isinstance(log[-1], e.TaskCompleted)
    assert attempts(log) == [1, 2]
    assert world.commands.count("echo once") == 1
    assert [request.purpose for request in llm.requests].count("generate") == 3
    assert (await world.files(row))["src/App.tsx"] == APP["src/App.tsx"].encode()


async def test_three_lost_sandboxes_are_enough(world: Workshop) -> None:
    world.provider = losing_builds(9)
    async with world.worker(scripted(write(APP), DONE)):
        row = await world.start()
        for lost in range(1, MAX_ATTEMPTS):
            pending = await world.becomes(row, TaskStatus.PENDING)
            assert pending.attempts == lost
            await world.time.advance(QUICK.retry_base_s * 2 ** (lost - 1))
            await until(lambda n=lost: len(world.provider.sandboxes) > n)  # type: ignore[misc]
        log = await world.events(row)
    assert failure(log[-1]).code == "sandbox_lost"
    assert attempts(log) == [1, 2, 3]
    assert world.open_sandboxes == 0


async def test_where_no_sandbox_can_be_the_task_fails_at_once(world: Workshop) -> None:
    world.provider.failures = [SandboxUnavailable("no bwrap")]
    async with world.worker(scripted(write(APP), DONE)):
        row = await world.start()
        log = await world.events(row)
    failed = failure(log[-1])
    assert (failed.code, failed.retryable) == ("sandbox_unavailable", False)
    assert "bubblewrap" in str(failed.hint)
    assert attempts(log) == [1]


# --- stopping -----------------------------------------------------------------------------------


async def test_a_persons_stop_ends_the_task_and_leaves_no_sandbox(world: Workshop) -> None:
    llm = HangingLLM()
    async with world.worker(llm):
        row = await world.start()
        await llm.hangs.wait()
        await world.service.cancel(LOCAL_OWNER, row.id, by="ann")
        assert await world.last(row) == e.TaskCancelled(by="ann")
        await until(lambda: world.open_sandboxes == 0)
    assert (await world.row(row)).status is TaskStatus.CANCELLED
    project = await world.store.project(LOCAL_OWNER, row.project_id)
    assert project.head is None


async def test_a_stop_from_another_process_is_seen_by_the_heartbeat(world: Workshop) -> None:
    llm = HangingLLM()
    async with world.worker(llm):
        row = await world.start()
        await llm.hangs.wait()
        await world.store.request_cancel(LOCAL_OWNER, row.id, by="elsewhere")
        assert await world.last(row) == e.TaskCancelled(by="elsewhere")


async def test_a_graceful_stop_hands_the_task_to_the_next_worker(world: Workshop) -> None:
    llm = HangingLLM(ONCE)
    async with world.worker(llm):
        row = await world.start()
        await llm.hangs.wait()
    handed_back = await world.row(row)
    assert (handed_back.status, handed_back.attempts) == (TaskStatus.PENDING, 0)
    assert handed_back.lease_until is None
    assert world.open_sandboxes == 0
    async with world.worker(scripted(write(APP), DONE)):
        log = await world.events(row)
    assert isinstance(log[-1], e.TaskCompleted)
    assert world.commands.count("echo once") == 1


async def test_what_a_stopped_worker_had_streamed_is_taken_back(world: Workshop) -> None:
    llm = HangingLLM()
    async with world.worker(llm):
        row = await world.start()
        await llm.hangs.wait()
        feed = Feed(world.store, world.hub, world.clock)
        async for batch in feed.follow(row.id):
            if any(isinstance(recorded.event, e.TextStreamed) for recorded in batch):
                break
    async with world.worker(scripted(write(APP), DONE)):
        kinds = [event.kind for event in await world.events(row)]
    voided = kinds.index("text_voided")
    assert kinds.index("text_streamed") < voided
    assert kinds[voided + 1] == "task_started"
    assert kinds.count("text_voided") == 1


# --- failures -----------------------------------------------------------------------------------


async def test_a_defect_of_ours_ends_the_task_without_its_text(world: Workshop) -> None:
    class Defective:
        async def get(self, url: str, *, timeout_s: float) -> Page | None:
            raise RuntimeError("the password is swordfish")

    world.fetcher = Defective()
    async with world.worker(scripted(write(APP), DONE)):
        row = await world.start()
        log = await world.events(row)
        assert failure(log[-1]).code == "internal"
        again = await world.start("Another")
        assert (await world.last(again)).kind == "task_failed"
    messages = await world.store.messages(LOCAL_OWNER, row.project_id)
    everything = [*(event.model_dump_json() for event in log), *(m.content for m in messages)]
    assert not any("swordfish" in text for text in everything)
    assert world.open_sandboxes == 0


async def test_a_run_beyond_its_wall_time_is_ended(world: Workshop) -> None:
    world.budget = Budget(wall_s=0.05)
    async with world.worker(HangingLLM()):
        row = await world.start()
        failed = failure(await world.last(row))
        await until(lambda: world.open_sandboxes == 0)
    assert failed.code == "limit_exceeded"
    assert "minutes" in failed.message


async def test_a_timeout_inside_is_no_wall_time(world: Workshop) -> None:
    class Late:
        async def get(self, url: str, *, timeout_s: float) -> Page | None:
            raise TimeoutError

    world.fetcher = Late()
    async with world.worker(scripted(write(APP), DONE)):
        assert failure(await world.last(await world.start())).code == "internal"


def _stuck_model(world: Workshop) -> ScriptedLLM:
    """A model whose one fix does not help, in a world whose builds always fail."""

    def command(sandbox: InMemorySandbox, line: str) -> CommandResult:
        return CommandResult(2, BROKEN) if line == TEMPLATE.build else CommandResult(0, "")

    world.provider = InMemorySandboxProvider(on_command=command)
    fix = [write({"src/App.tsx": "other\n"}, "f1"), say("fixed?")]
    return ScriptedLLM(write(APP), DONE, by_purpose={"summarize": [SUMMARY], "fix": fix})


async def test_checks_that_stay_red_end_in_a_question_with_answers(world: Workshop) -> None:
    async with world.worker(_stuck_model(world)):
        row = await world.start()
        failed = failure(await world.last(row))
        await until(lambda: world.open_sandboxes == 0)
    assert failed.code == "stuck"
    assert str(failed.hint).endswith("number'.")
    assert failed.options[-1] == KEEP_ANYWAY
    assert (await world.store.project(LOCAL_OWNER, row.project_id)).head is None


async def test_a_follow_up_that_gets_stuck_leaves_the_last_working_version_and_asks(
    world: Workshop,
) -> None:
    async with world.worker(scripted(write(APP), DONE)):
        first = await world.start()
        assert isinstance(await world.last(first), e.TaskCompleted)
        before = await world.files(first)
    broken = ScriptedLLM(
        write({"src/App.tsx": "broken\n"}, "c2"),
        DONE,
        by_purpose={"summarize": [SUMMARY], "fix": [say("I cannot.")]},
    )
    _stuck_model(world)
    async with world.worker(broken):
        row = await world.start("Break it", first.project_id)
        failed = failure(await world.last(row))
    assert failed.code == "stuck"
    assert failed.message.endswith("Your app is back at its last working version.")
    assert "the same problem came back" in failed.message
    assert str(failed.hint).startswith("What should I do about this? src/App.tsx:")
    assert len(failed.options) == 3
    assert await world.files(first) == before


async def test_the_answer_keep_it_anyway_makes_a_version_of_what_was_refused(
    world: Workshop,
) -> None:
    async with world.worker(_stuck_model(world)):
        row = await world.start()
        failure(await world.last(row))
        kept = await world.start(KEEP_ANYWAY, row.project_id)
        completed = await world.last(kept)
        await until(lambda: world.open_sandboxes == 0)
    assert isinstance(completed, e.TaskCompleted)
    assert "TS2322" in completed.message
    project = await world.store.project(LOCAL_OWNER, row.project_id)
    assert project.head is not None
    version = await world.store.fragment(LOCAL_OWNER, project.id, project.head)
    assert version.files["src/App.tsx"] == blob_hash(b"other\n")


async def test_a_follow_up_after_a_failure_starts_from_the_last_version(world: Workshop) -> None:
    refused = [*write({"src/half.ts": "export const half = 1\n"})[:2], AuthFailed("no credit")]
    edit = {"path": "src/App.tsx", "edits": [{"search": "Bikes", "replace": "Trams"}]}
    half = call("terminal", {"command": "make half"}, "c5")

    def command(sandbox: InMemorySandbox, line: str) -> CommandResult:
        if line == "make half":
            sandbox.files["src/made.ts"] = b"export const made = 1\n"
        return CommandResult(0, "")

    world.provider = InMemorySandboxProvider(on_command=command)
    turns: list[Sequence[LLMChunk | Exception]] = [
        *(write(APP), DONE),
        *(half, refused),
        *(call("editFile", edit), DONE),
    ]
    llm = ScriptedLLM(*turns, by_purpose={"summarize": [SUMMARY] * 3})
    async with world.worker(llm):
        first = await world.start()
        assert (await world.last(first)).kind == "task_completed"
        before = await world.files(first)
        second = await world.start("Break it", first.project_id)
        assert failure(await world.last(second)).code == "provider_auth"
        assert await world.files(first) == before
        third = await world.start("Trams instead", first.project_id)
        assert (await world.last(third)).kind == "task_completed"
    after = await world.files(first)
    assert {path for path in after if after[path] != before.get(path)} == {"src/App.tsx"}
    assert set(after) == set(before)


# --- many ---------------------------------------------------------------------------------------


async def test_a_projects_tasks_run_in_order_and_others_beside_them(world: Workshop) -> None:
    llm = HangingLLM(rest=[write(APP), DONE, DONE, write(APP), DONE])
    world.pace = replace(QUICK, slots=3)
    async with world.worker(llm) as worker:
        first = await world.start()
        await llm.hangs.wait()
        second = await world.start("Then this", first.project_id)
        other = await world.start("Something else")
        await until(lambda: worker.running == 2)
        assert (await world.becomes(other, TaskStatus.RUNNING)).attempts == 1
        assert (await world.row(second)).status is TaskStatus.PENDING
        await world.service.cancel(LOCAL_OWNER, first.id)
        await world.becomes(second, TaskStatus.RUNNING)
        assert (await world.row(first)).status is TaskStatus.CANCELLED
        for row in (second, other):
            await world.service.cancel(LOCAL_OWNER, row.id)
            await world.becomes(row, TaskStatus.CANCELLED)


async def test_no_more_tasks_run_at_once_than_there_are_slots(world: Workshop) -> None:
    world.pace = replace(QUICK, slots=2)
    async with world.worker(HangingLLM()) as worker:
        rows = [await world.start(f"App {number}") for number in range(4)]
        await until(lambda: worker.running == 2)
        found = [(await world.row(row)).status for row in rows]
        assert sorted(found) == ["pending", "pending", "running", "running"]
        await world.service.cancel(LOCAL_OWNER, rows[0].id)
        await world.becomes(rows[2], TaskStatus.RUNNING)
