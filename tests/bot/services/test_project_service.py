from collections.abc import AsyncIterator

import pytest

from agents.errors import NotFound
from agents.system import RandomIds, SystemClock
from agents.types import OwnerId, ProjectId
from bot.services.projects import ProjectService
from bot.services.tasks import LOCAL_OWNER, StartRequest, TaskService
from bot.store.sqlite import MEMORY, SqliteStore
from tests.fakes.worker import APP, ICON, ScriptedWorker

FILES = {**APP, "public/icon.png": ICON, "latin1.txt": "é".encode("latin-1"), "empty.txt": b""}


class Silence:
    def notify(self, topic: str) -> None:
        del topic


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(MEMORY, clock=SystemClock(), ids=RandomIds())
    yield opened
    await opened.close()


@pytest.fixture
async def built(store: SqliteStore) -> ProjectId:
    row = await TaskService(store, Silence()).start(LOCAL_OWNER, StartRequest("A board"))
    worker = ScriptedWorker(store)
    await worker.take()
    await worker.build(FILES)
    return row.project_id


@pytest.fixture
def service(store: SqliteStore) -> ProjectService:
    return ProjectService(store, RandomIds())


async def test_text_is_told_from_binary(service: ProjectService, built: ProjectId) -> None:
    fragment, contents = await service.app(LOCAL_OWNER, built)
    assert contents == FILES
    files = await service.text_files(LOCAL_OWNER, built, fragment.id)
    assert files.text == {**{p: c.decode() for p, c in APP.items()}, "empty.txt": ""}
    assert files.binary == ["latin1.txt", "public/icon.png"]
    listed = {file.path: file.text for file in await service.files(LOCAL_OWNER, built)}
    assert {path for path, text in listed.items() if not text} == set(files.binary)


async def test_a_file_is_found_by_its_exact_name_only(
    service: ProjectService, built: ProjectId
) -> None:
    assert await service.file(LOCAL_OWNER, built, "package.json") == FILES["package.json"]
    for name in (
        "./package.json",
        "/package.json",
        "PACKAGE.json",
        "src",
        "",
        "src/../package.json",
    ):
        with pytest.raises(NotFound):
            await service.file(LOCAL_OWNER, built, name)


async def test_another_owner_sees_nothing(service: ProjectService, built: ProjectId) -> None:
    other = OwnerId("somebody else")
    head, _ = await service.app(LOCAL_OWNER, built)
    assert await service.summaries(other) == []
    for refused in (
        service.detail(other, built),
        service.files(other, built),
        service.file(other, built, "package.json"),
        service.app(other, built),
        service.text_files(other, built, head.id),
        service.fragments(other, built),
        service.restore(other, built, head.id),
    ):
        with pytest.raises(NotFound):
            await refused
