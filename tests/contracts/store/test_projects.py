"""Apps, their versions, their conversations."""

from datetime import timedelta
from typing import Any

import pytest

from agents.errors import NotFound, SeqConflict, StoreError
from agents.types import BlobHash, FragmentId, Framework, ProjectId, SandboxId
from bot.store.port import Limits
from tests.contracts.store.adapters import OWNER, STRANGER, World, completed

NEW = FragmentId("frag_new")


async def test_projects_are_listed_by_their_newest_change(world: World) -> None:
    first = await world.enqueue("first")
    await world.clock.advance(1)
    second = await world.enqueue("second")
    await world.clock.advance(1)
    assert [p.id for p in await world.store.projects(OWNER)] == [
        second.project_id,
        first.project_id,
    ]
    await world.enqueue("again", project_id=first.project_id)
    newest, *_ = await world.store.projects(OWNER, limit=1)
    assert newest.id == first.project_id
    assert newest.updated_at - newest.created_at == timedelta(seconds=2)
    assert len(await world.store.projects(OWNER, limit=1)) == 1


async def test_a_foreign_project_is_as_missing_as_a_missing_one(world: World) -> None:
    claim = await world.build({"a": b"1"})
    store, project_id = world.store, claim.task.project_id
    fragment_id = (await store.fragments(OWNER, project_id))[0].id
    for owner, project in ((STRANGER, project_id), (OWNER, ProjectId("proj_none"))):
        with pytest.raises(NotFound):
            await store.project(owner, project)
        with pytest.raises(NotFound):
            await store.fragments(owner, project)
        with pytest.raises(NotFound):
            await store.fragment(owner, project, fragment_id)
        with pytest.raises(NotFound):
            await store.messages(owner, project)
        with pytest.raises(NotFound):
            await store.tasks(owner, project)
        with pytest.raises(NotFound):
            await store.restore(owner, project, fragment_id, NEW)
    assert await store.projects(STRANGER) == []
    assert len(await store.fragments(OWNER, project_id)) == 1


async def test_a_fragment_is_found_only_in_its_own_project(world: World) -> None:
    one = (await world.build({"a": b"1"})).task
    two = (await world.build({"b": b"2"})).task
    [fragment] = await world.store.fragments(OWNER, one.project_id)
    assert await world.store.fragment(OWNER, one.project_id, fragment.id) == fragment
    with pytest.raises(NotFound):
        await world.store.fragment(OWNER, two.project_id, fragment.id)
    with pytest.raises(NotFound):
        await world.store.restore(OWNER, two.project_id, fragment.id, NEW)


async def test_restoring_brings_back_exactly_the_old_files_and_keeps_the_rest(
    world: World,
) -> None:
    first = await world.build({"a": b"old", "gone": b"\x00\xff"})
    project_id = first.task.project_id
    second = await world.start("change it", project_id=project_id)
    await world.build({"a": b"new", "b": b"added"}, second)
    await world.store.set_preview(
        project_id, was=None, sandbox_id=SandboxId("sbx"), preview_url="http://127.0.0.1:1"
    )
    newest, oldest = await world.store.fragments(OWNER, project_id)
    await world.clock.advance(60)

    restored = await world.store.restore(OWNER, project_id, oldest.id, NEW)

    assert (restored.id, restored.restored_from, restored.task_id) == (NEW, oldest.id, None)
    assert restored.files == oldest.files
    contents = await world.store.get(list(restored.files.values()))
    assert {path: contents[digest] for path, digest in restored.files.items()} == {
        "a": b"old",
        "gone": b"\x00\xff",
    }
    assert await world.store.fragments(OWNER, project_id) == [restored, newest, oldest]
    project = await world.store.project(OWNER, project_id)
    assert (project.head, project.updated_at) == (NEW, world.clock.now())
    assert (project.sandbox_id, project.preview_url) == (None, None), "it shows other files"


async def test_restoring_is_refused_while_a_task_of_the_project_runs(world: World) -> None:
    first = await world.build({"a": b"1"})
    project_id = first.task.project_id
    [fragment] = await world.store.fragments(OWNER, project_id)
    await world.enqueue("more", project_id=project_id)
    await world.store.restore(OWNER, project_id, fragment.id, NEW)  # pending: nothing runs yet
    claim = await world.claim()
    assert claim.head is not None
    assert claim.head.id == NEW
    with pytest.raises(SeqConflict):
        await world.store.restore(OWNER, project_id, fragment.id, FragmentId("frag_no"))
    assert (await world.store.project(OWNER, project_id)).head == NEW


async def test_where_the_app_runs_can_be_noted_and_forgotten(world: World) -> None:
    task = await world.enqueue()
    before = await world.store.project(OWNER, task.project_id)
    await world.store.set_preview(
        task.project_id, was=None, sandbox_id=SandboxId("sbx_1"), preview_url="https://x/"
    )
    project = await world.store.project(OWNER, task.project_id)
    assert (project.sandbox_id, project.preview_url) == ("sbx_1", "https://x/")
    nowhere: dict[str, Any] = {"sandbox_id": None, "preview_url": None}
    await world.store.set_preview(task.project_id, was=SandboxId("sbx_0"), **nowhere)
    assert await world.store.project(OWNER, task.project_id) == project, "it has moved meanwhile"
    await world.store.set_preview(task.project_id, was=SandboxId("sbx_1"), **nowhere)
    assert await world.store.project(OWNER, task.project_id) == before
    await world.store.set_preview(ProjectId("proj_none"), was=None, **nowhere)


async def test_a_version_that_ran_somewhere_tells_the_project_where(world: World) -> None:
    claim = await world.start()
    ending = await world.completed({"a": b"1"}, "frag_1")
    assert ending.fragment is not None
    new = type(ending.fragment)(
        ending.fragment.id,
        "T",
        Framework.VUE,
        ending.fragment.files,
        SandboxId("sbx_7"),
        "http://127.0.0.1:5173/",
    )
    await world.store.finish(
        claim.lease, 1, type(ending)(ending.events, ending.status, "ok", fragment=new)
    )
    project = await world.store.project(OWNER, claim.task.project_id)
    assert (project.sandbox_id, project.preview_url) == ("sbx_7", "http://127.0.0.1:5173/")
    assert project.framework is Framework.VUE
    assert project.title == "a kanban board", "the ending brought no title"


async def test_an_app_of_five_megabytes_and_300_files_comes_back_byte_for_byte(
    world: World,
) -> None:
    app = {
        f"src/módulo {i}/文件.bin": bytes((i * 31 + j) % 256 for j in range(1_000)) * 17 + b"%d" % i
        for i in range(300)
    }
    assert sum(map(len, app.values())) > 5_000_000
    claim = await world.build(app)
    [fragment] = await world.store.fragments(OWNER, claim.task.project_id)
    contents = await world.store.get(list(fragment.files.values()))
    assert {path: contents[digest] for path, digest in fragment.files.items()} == app


async def test_an_app_with_too_many_files_is_refused_whole(world: World) -> None:
    claim = await world.start()
    [blob] = await world.store.put([b""])
    limit = Limits().files_per_fragment
    with pytest.raises(StoreError):
        await world.store.finish(
            claim.lease, 1, completed({f"f{i}": blob for i in range(limit + 1)})
        )
    assert await world.store.fragments(OWNER, claim.task.project_id) == []
    await world.store.finish(claim.lease, 1, completed({f"f{i}": blob for i in range(limit)}))
    [fragment] = await world.store.fragments(OWNER, claim.task.project_id)
    assert len(fragment.files) == limit


async def test_the_same_bytes_are_one_blob(world: World) -> None:
    one, two, three = await world.store.put([b"same", b"other", b"same"])
    assert one == three != two
    assert await world.store.put([b"same"]) == [one]
    assert await world.store.get([one, one, two]) == {one: b"same", two: b"other"}
    assert await world.store.put([]) == []
    assert await world.store.get([]) == {}


async def test_a_blob_is_named_by_the_sha256_of_its_bytes(world: World) -> None:
    assert await world.store.put([b""]) == [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    ]


async def test_one_missing_blob_fails_the_whole_request(world: World) -> None:
    [known] = await world.store.put([b"1"])
    with pytest.raises(NotFound):
        await world.store.get([known, BlobHash("0" * 64)])


async def test_a_blob_over_the_limit_is_refused(world: World) -> None:
    with pytest.raises(StoreError):
        await world.store.put([bytes(Limits().blob_bytes + 1)])


async def test_the_store_says_that_it_answers(world: World) -> None:
    await world.store.check()
