"""Preview keys: one for each project, until it is renewed."""

import asyncio

import pytest

from agents.errors import NotFound
from agents.types import ProjectId
from tests.contracts.store.adapters import OWNER, STRANGER, World

NOBODYS = ProjectId("proj_of_nobody")


async def test_the_first_key_that_is_asked_for_stays(world: World) -> None:
    task = await world.enqueue()
    asked = (world.store.preview_key(task.project_id, f"key{n}") for n in range(5))
    keys = set(await asyncio.gather(*asked))
    assert len(keys) == 1
    [key] = keys
    assert await world.store.preview_key(task.project_id, "another") == key
    found = await world.store.project_of_key(key)
    assert found == await world.store.project(OWNER, task.project_id)
    assert await world.store.project_of_key("another") is None


async def test_a_renewed_key_opens_and_the_old_one_does_not(world: World) -> None:
    task, other = await world.enqueue(), await world.enqueue()
    await world.store.preview_key(task.project_id, "old")
    await world.store.preview_key(other.project_id, "others")
    for _ in range(2):
        await world.store.renew_preview_key(OWNER, task.project_id, "new")
    assert await world.store.project_of_key("old") is None
    for key, project_id in (("new", task.project_id), ("others", other.project_id)):
        found = await world.store.project_of_key(key)
        assert found is not None
        assert found.id == project_id
    await world.store.renew_preview_key(OWNER, other.project_id, "early")
    assert await world.store.preview_key(other.project_id, "late") == "early"


async def test_only_its_owner_renews_a_key_and_only_of_what_is_there(world: World) -> None:
    task = await world.enqueue()
    await world.store.preview_key(task.project_id, "old")
    for owner, project_id in ((STRANGER, task.project_id), (OWNER, NOBODYS)):
        with pytest.raises(NotFound):
            await world.store.renew_preview_key(owner, project_id, "new")
    with pytest.raises(NotFound):
        await world.store.preview_key(NOBODYS, "new")
    assert await world.store.project_of_key("old") is not None
    assert await world.store.project_of_key("new") is None


async def test_an_owners_keys_are_told_together(world: World) -> None:
    mine = [(await world.enqueue()).project_id for _ in range(3)]
    strangers = await world.enqueue(owner=STRANGER)
    for number, project_id in enumerate([*mine[:2], strangers.project_id]):
        await world.store.preview_key(project_id, f"key{number}")
    assert await world.store.preview_keys(OWNER) == {mine[0]: "key0", mine[1]: "key1"}
