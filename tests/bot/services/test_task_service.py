from collections.abc import AsyncIterator

import pytest

from agents.errors import BadRequest, NotFound, UnsupportedFramework
from agents.system import RandomIds, SystemClock
from agents.types import Framework, OwnerId, ProjectId, TaskId, TaskKind, TaskStatus
from bot.services.tasks import LOCAL_OWNER, ImportRequest, StartRequest, TaskService
from bot.store.port import QUEUE_TOPIC, cancel_topic
from bot.store.sqlite import MEMORY, SqliteStore
from tests.fakes.worker import APP, ScriptedWorker

OTHER = OwnerId("somebody else")


class Bells:
    """A waker that remembers what it was told."""

    def __init__(self) -> None:
        self.rung: list[str] = []

    def notify(self, topic: str) -> None:
        self.rung.append(topic)


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(MEMORY, clock=SystemClock(), ids=RandomIds())
    yield opened
    await opened.close()


@pytest.fixture
def bells() -> Bells:
    return Bells()


@pytest.fixture
def service(store: SqliteStore, bells: Bells) -> TaskService:
    return TaskService(store, bells)


async def test_a_started_task_is_stored_as_asked_and_wakes_the_workers(
    service: TaskService, store: SqliteStore, bells: Bells
) -> None:
    row = await service.start(
        LOCAL_OWNER, StartRequest("  A board \n", framework=" React ", model="openai/gpt-4o")
    )
    assert (row.prompt, row.framework, row.model) == ("A board", Framework.REACT, "openai/gpt-4o")
    assert row.kind is TaskKind.GENERATE
    assert await store.task(LOCAL_OWNER, row.id) == row
    assert QUEUE_TOPIC in bells.rung


@pytest.mark.parametrize("length", [1, 20_000])
async def test_a_prompt_up_to_the_limit_is_taken(service: TaskService, length: int) -> None:
    row = await service.start(LOCAL_OWNER, StartRequest("ä" * length))
    assert len(row.prompt) == length


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (StartRequest(" \t\n"), "prompt"),
        (StartRequest("x" * 20_001), "prompt"),
        (StartRequest("\ud800"), "prompt"),
        (StartRequest("a", framework="rails"), "framework"),
        (StartRequest("a", model="m" * 101), "model"),
        (StartRequest("a", model="a\nb"), "model"),
        (StartRequest("a", origin=""), "Idempotency-Key"),
    ],
)
async def test_what_cannot_be_done_is_refused_and_leaves_nothing_behind(
    service: TaskService, store: SqliteStore, request_: StartRequest, field: str
) -> None:
    with pytest.raises((BadRequest, UnsupportedFramework)) as refused:
        await service.start(LOCAL_OWNER, request_)
    assert refused.value.field == field
    assert await store.projects(LOCAL_OWNER) == []


async def test_another_owners_project_and_task_are_not_there(service: TaskService) -> None:
    row = await service.start(LOCAL_OWNER, StartRequest("A board"))
    with pytest.raises(NotFound):
        await service.start(OTHER, StartRequest("a", project_id=row.project_id))
    with pytest.raises(NotFound):
        await service.fix(OTHER, row.project_id)
    for ask in (service.cancel, service.task, service.progress):
        with pytest.raises(NotFound):
            await ask(OTHER, row.id)
    assert (await service.task(LOCAL_OWNER, row.id)).status is TaskStatus.PENDING


async def test_the_same_origin_is_the_same_task(service: TaskService) -> None:
    request = StartRequest("A board", origin="key-1")
    first = await service.start(LOCAL_OWNER, request)
    assert (await service.start(LOCAL_OWNER, request)).id == first.id
    assert (await service.start(LOCAL_OWNER, StartRequest("A board", origin="key-2"))) != first


async def test_fix_needs_a_version_and_then_queues_a_fix(
    service: TaskService, store: SqliteStore
) -> None:
    row = await service.start(LOCAL_OWNER, StartRequest("A board"))
    with pytest.raises(BadRequest) as refused:
        await service.fix(LOCAL_OWNER, row.project_id)
    assert refused.value.field == "projectId"
    worker = ScriptedWorker(store)
    await worker.take()
    await worker.build(APP)
    assert (await service.fix(LOCAL_OWNER, row.project_id)).kind is TaskKind.FIX
    with pytest.raises(NotFound):
        await service.fix(LOCAL_OWNER, ProjectId("proj_nobody"))


async def test_cancel_rings_whoever_runs_the_task(
    service: TaskService, store: SqliteStore, bells: Bells
) -> None:
    row = await service.start(LOCAL_OWNER, StartRequest("A board"))
    worker = ScriptedWorker(store)
    await worker.take()
    assert (await service.cancel(LOCAL_OWNER, row.id, by="Ada")).cancel_by == "Ada"
    assert cancel_topic(row.id) in bells.rung
    assert await worker.stop_if_asked()
    assert (await service.cancel(LOCAL_OWNER, row.id)).status is TaskStatus.CANCELLED
    with pytest.raises(NotFound):
        await service.cancel(LOCAL_OWNER, TaskId("task_nobody"))


async def test_progress_folds_a_log_longer_than_one_page(
    service: TaskService, store: SqliteStore
) -> None:
    row = await service.start(LOCAL_OWNER, StartRequest("A board"))
    worker = ScriptedWorker(store)
    await worker.take()
    await worker.prepare()
    for n in range(600):
        await worker.say(f"{n} ")
    progress = await service.progress(LOCAL_OWNER, row.id)
    assert progress.streamedContent == "".join(f"{n} " for n in range(600))
    assert progress.lastSeq == (await service.task(LOCAL_OWNER, row.id)).last_seq


# --- imports -----------------------------------------------------------------------------


async def test_an_import_is_queued_under_the_repositorys_short_name(
    service: TaskService, store: SqliteStore, bells: Bells
) -> None:
    url = "https://github.com/acme/shop/tree/main/apps/web"
    row = await service.start_import(LOCAL_OWNER, ImportRequest(url, origin="once"))
    assert (row.kind, row.prompt) == (TaskKind.IMPORT, "Import acme/shop@main/apps/web")
    assert QUEUE_TOPIC in bells.rung
    again = await service.start_import(LOCAL_OWNER, ImportRequest(url, origin="once"))
    assert again.id == row.id


async def test_addresses_of_an_operators_own_github_are_understood(store: SqliteStore) -> None:
    service = TaskService(store, Bells(), github_host="git.acme.example")
    row = await service.start_import(
        LOCAL_OWNER, ImportRequest("https://git.acme.example/acme/shop")
    )
    assert row.prompt == "Import acme/shop"


@pytest.mark.parametrize("url", ["", "shop", "https://gitlab.com/a/b", "https://figma.com/file/a"])
async def test_what_is_no_repository_is_refused_and_nothing_is_queued(
    service: TaskService, store: SqliteStore, url: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        await service.start_import(LOCAL_OWNER, ImportRequest(url))
    assert refused.value.field == "url"
    assert await store.projects(LOCAL_OWNER) == []


async def test_an_import_goes_into_a_project_without_a_version_only(
    service: TaskService, store: SqliteStore
) -> None:
    worker = ScriptedWorker(store)
    first = await service.start_import(LOCAL_OWNER, ImportRequest("acme/shop"))
    await worker.take()
    await worker.fail()
    into = ImportRequest("acme/shop", project_id=first.project_id)
    again = await service.start_import(LOCAL_OWNER, into)
    assert again.project_id == first.project_id
    await worker.take()
    await worker.build()
    with pytest.raises(BadRequest, match="an app in this project already"):
        await service.start_import(LOCAL_OWNER, into)
    with pytest.raises(NotFound):
        await service.start_import(OTHER, into)
