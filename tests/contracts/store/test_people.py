"""People: who may do what with an app, and what each of them wants."""

import asyncio

import pytest

from agents.errors import BadRequest, NotFound
from agents.types import Framework, OwnerId, ProjectId
from bot.store.people_port import MAX_MEMBERS, Preferences
from tests.contracts.store.adapters import OWNER, STRANGER, World

ANN, BOB, EVERYBODY = "slack:T1:U1", "slack:T1:U2", "slack:T1:*"
NOWHERE = ProjectId("proj_none")


# --- members -----------------------------------------------------------------------------


async def test_a_member_has_the_role_given_last_until_it_is_taken_away(world: World) -> None:
    store, project = world.store, (await world.enqueue()).project_id
    assert await store.members(project) == {}
    await store.set_member(project, BOB, "viewer")
    await store.set_member(project, ANN, "editor")
    assert await store.members(project) == {ANN: "editor", BOB: "viewer"}
    await store.set_member(project, BOB, "editor")
    assert await store.members(project) == {ANN: "editor", BOB: "editor"}

    await store.set_member(project, ANN, None)
    await store.set_member(project, ANN, None)
    assert await store.members(project) == {BOB: "editor"}
    await store.set_member(project, ANN, "viewer")
    assert await store.members(project) == {ANN: "viewer", BOB: "editor"}


async def test_everybody_of_a_workspace_is_a_member_like_another(world: World) -> None:
    store, project = world.store, (await world.enqueue()).project_id
    await store.set_member(project, EVERYBODY, "viewer")
    await store.set_member(project, BOB, "editor")
    assert await store.members(project) == {EVERYBODY: "viewer", BOB: "editor"}
    await store.set_member(project, EVERYBODY, None)
    assert await store.members(project) == {BOB: "editor"}, "the name is no pattern"


async def test_one_apps_members_are_not_anothers(world: World) -> None:
    store = world.store
    first, second = [(await world.enqueue()).project_id for _ in range(2)]
    await store.set_member(first, BOB, "editor")
    await store.set_member(second, BOB, "viewer")
    await store.set_member(second, BOB, None)
    assert await store.members(first) == {BOB: "editor"}
    assert await store.members(second) == {}


async def test_an_unknown_app_has_no_members_and_gets_none(world: World) -> None:
    assert await world.store.members(NOWHERE) == {}
    with pytest.raises(NotFound):
        await world.store.set_member(NOWHERE, BOB, "editor")
    with pytest.raises(NotFound):
        await world.store.set_member(NOWHERE, BOB, None)
    assert await world.store.members(NOWHERE) == {}


async def test_an_app_has_so_many_members_and_no_more(world: World) -> None:
    store, project = world.store, (await world.enqueue()).project_id
    other = (await world.enqueue()).project_id
    names = [f"slack:T1:U{number}" for number in range(MAX_MEMBERS)]
    for name in names:
        await store.set_member(project, name, "viewer")
    with pytest.raises(BadRequest, match=f"at most {MAX_MEMBERS} members"):
        await store.set_member(project, EVERYBODY, "viewer")
    assert await store.members(project) == dict.fromkeys(names, "viewer")

    await store.set_member(project, names[0], "editor")
    await store.set_member(other, EVERYBODY, "viewer")
    await store.set_member(project, names[1], None)
    await store.set_member(project, EVERYBODY, "viewer")
    members = await store.members(project)
    assert (len(members), members[names[0]], members[EVERYBODY]) == (
        MAX_MEMBERS,
        "editor",
        "viewer",
    )


async def test_of_many_who_give_one_member_a_role_at_once_one_is_last(world: World) -> None:
    store, project = world.store, (await world.enqueue()).project_id
    await asyncio.gather(*(store.set_member(project, BOB, "viewer") for _ in range(10)))
    assert await store.members(project) == {BOB: "viewer"}


# --- preferences -------------------------------------------------------------------------


async def test_who_saved_nothing_has_the_defaults(world: World) -> None:
    defaults = await world.store.preferences(OWNER)
    assert defaults == Preferences(model=None, framework=None, others="editor")


@pytest.mark.parametrize("framework", list(Framework))
async def test_preferences_are_read_as_they_were_saved(world: World, framework: Framework) -> None:
    wanted = Preferences("anthropic/claude-haiku-4.5", framework, "viewer")
    await world.store.save_preferences(OWNER, wanted)
    assert await world.store.preferences(OWNER) == wanted


async def test_saving_replaces_all_that_was_kept(world: World) -> None:
    store = world.store
    await store.save_preferences(OWNER, Preferences("a model", Framework.VUE, "viewer"))
    await store.save_preferences(OWNER, Preferences(framework=Framework.REACT))
    assert await store.preferences(OWNER) == Preferences(framework=Framework.REACT)
    await store.save_preferences(OWNER, Preferences())
    assert await store.preferences(OWNER) == Preferences()


async def test_what_one_person_keeps_is_not_anothers(world: World) -> None:
    store = world.store
    await store.save_preferences(OWNER, Preferences(model="hers"))
    assert await store.preferences(STRANGER) == Preferences()
    await store.save_preferences(STRANGER, Preferences(others="viewer"))
    assert await store.preferences(OWNER) == Preferences(model="hers")
    assert await store.preferences(STRANGER) == Preferences(others="viewer")
    assert await store.preferences(OwnerId("slack:T1:U1")) == Preferences()


async def test_saving_at_once_leaves_one_of_what_was_saved(world: World) -> None:
    wanted = [Preferences(model=f"model {number}") for number in range(10)]
    await asyncio.gather(*(world.store.save_preferences(OWNER, each) for each in wanted))
    assert await world.store.preferences(OWNER) in wanted
