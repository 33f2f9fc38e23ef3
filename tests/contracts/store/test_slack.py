"""Slack's side: threads and their projects, live messages, what was seen, who holds what."""

import asyncio
from dataclasses import replace

from agents.types import TaskId
from bot.store.slack_port import InstallKey, SlackOrigin, SlackThread, ThreadProject
from tests.contracts.store.adapters import OWNER, STRANGER, World, failed

THREAD = SlackThread("T1", "C1", "1700000000.000001")
ORIGIN = SlackOrigin(THREAD, "U1")
NO_THREAD_YET = SlackOrigin(replace(THREAD, thread_ts=""), "U1")


# --- threads -----------------------------------------------------------------------------


async def test_a_task_asked_for_in_a_thread_makes_it_its_projects(world: World) -> None:
    assert await world.store.thread_project(THREAD) is None
    task = await world.enqueue(slack=ORIGIN)
    assert await world.store.thread_project(THREAD) == ThreadProject(task.project_id, OWNER)
    for other in ("T2", "C2", "1700000000.000002"):
        for part in ("team_id", "channel_id", "thread_ts"):
            assert await world.store.thread_project(replace(THREAD, **{part: other})) is None


async def test_a_message_that_begins_its_thread_makes_it_the_projects(world: World) -> None:
    task = await world.enqueue(slack=NO_THREAD_YET)
    assert await world.store.thread_project(NO_THREAD_YET.thread) is None
    await world.store.note_message(task.id, "1700000000.000009")
    thread = replace(THREAD, thread_ts="1700000000.000009")
    assert await world.store.thread_project(thread) == ThreadProject(task.project_id, OWNER)
    delivery = await world.store.delivery(task.id)
    assert delivery is not None
    assert delivery.origin.thread == thread


async def test_a_thread_stays_with_its_first_project_and_a_project_with_its_thread(
    world: World,
) -> None:
    first = await world.enqueue(slack=ORIGIN)
    await world.enqueue(slack=ORIGIN, owner=STRANGER)
    assert await world.store.thread_project(THREAD) == ThreadProject(first.project_id, OWNER)
    elsewhere = replace(THREAD, channel_id="C9")
    await world.enqueue(project_id=first.project_id, slack=SlackOrigin(elsewhere, "U1"))
    assert await world.store.thread_project(elsewhere) is None


# --- live messages -----------------------------------------------------------------------


async def test_a_message_is_open_until_its_end_was_delivered(world: World) -> None:
    task = await world.enqueue(slack=ORIGIN)
    await world.enqueue("for the web")
    [delivery] = await world.store.open_deliveries("T1")
    assert (delivery.task_id, delivery.project_id, delivery.owner) == (
        task.id,
        task.project_id,
        OWNER,
    )
    assert (delivery.origin, delivery.message_ts) == (ORIGIN, None)
    assert delivery.created_at == world.clock.now()

    await world.store.note_message(task.id, "17.1")
    claim = await world.claim()
    await world.store.finish(claim.lease, 1, failed())
    [delivery] = await world.store.open_deliveries("T1")
    assert delivery.message_ts == "17.1"

    await world.store.end_delivery(task.id, "done")
    assert await world.store.open_deliveries("T1") == []
    kept = await world.store.delivery(task.id)
    assert kept is not None
    assert kept.message_ts == "17.1"


async def test_open_messages_are_those_of_one_workspace_oldest_first(world: World) -> None:
    elsewhere = SlackOrigin(SlackThread("T2", "C1", ""), "U1")
    asked = [await world.enqueue(slack=NO_THREAD_YET) for _ in range(3)]
    other = await world.enqueue(slack=elsewhere)
    assert [d.task_id for d in await world.store.open_deliveries("T1")] == [t.id for t in asked]
    assert [d.task_id for d in await world.store.open_deliveries("T2")] == [other.id]
    assert await world.store.open_deliveries("T3") == []


async def test_a_workspace_is_open_while_one_of_its_messages_is(world: World) -> None:
    assert await world.store.open_workspaces() == []
    elsewhere = SlackOrigin(SlackThread("T2", "C1", ""), "U1")
    other = await world.enqueue(slack=elsewhere)
    first, second = [await world.enqueue(slack=NO_THREAD_YET) for _ in range(2)]
    await world.enqueue("for the web")
    assert await world.store.open_workspaces() == ["T1", "T2"]

    await world.store.end_delivery(first.id, "done")
    assert await world.store.open_workspaces() == ["T1", "T2"], "one more is open there"
    await world.store.end_delivery(second.id, "dead")
    assert await world.store.open_workspaces() == ["T2"]
    await world.store.end_delivery(other.id, "done")
    assert await world.store.open_workspaces() == []

    await world.enqueue(slack=elsewhere)
    assert await world.store.open_workspaces() == ["T2"], "open again"


async def test_a_task_that_slack_did_not_ask_for_has_no_message(world: World) -> None:
    task = await world.enqueue()
    assert await world.store.delivery(task.id) is None
    await world.store.note_message(task.id, "17.1")
    await world.store.end_delivery(task.id, "dead")
    assert await world.store.delivery(TaskId("task_none")) is None


async def test_an_origin_that_is_asked_again_is_shown_once(world: World) -> None:
    for _ in range(3):
        await world.enqueue(slack=ORIGIN, origin="E1")
    assert len(await world.store.open_deliveries("T1")) == 1


# --- seen --------------------------------------------------------------------------------


async def test_of_many_who_bring_the_same_event_one_is_first(world: World) -> None:
    answers = await asyncio.gather(*(world.store.first_time("Ev1", keep_s=60) for _ in range(20)))
    assert answers.count(True) == 1
    assert await world.store.first_time("Ev2", keep_s=60)


async def test_an_event_is_forgotten_after_its_time(world: World) -> None:
    assert await world.store.first_time("Ev1", keep_s=60)
    await world.clock.advance(59)
    assert not await world.store.first_time("Ev1", keep_s=60)
    await world.clock.advance(1)
    assert await world.store.first_time("Ev1", keep_s=60)


async def test_what_is_remembered_is_known_to_all_who_ask(world: World) -> None:
    store = world.store
    await store.first_time("a", keep_s=60)
    await store.first_time("b 'c'", keep_s=120)
    assert await store.seen([]) == frozenset()
    assert await store.seen(["a", "b 'c'", "d"]) == {"a", "b 'c'"}
    assert await store.seen([*(f"n{n}" for n in range(1_200)), "a"]) == {"a"}
    await world.clock.advance(60)
    assert await store.seen(["a", "b 'c'"]) == {"b 'c'"}
    assert await store.first_time("d", keep_s=60), "to ask is not to remember"


# --- locks -------------------------------------------------------------------------------


async def test_one_process_holds_a_name_until_it_lets_go_or_its_time_is_over(
    world: World,
) -> None:
    hold = world.store.hold
    assert await hold("writer:T1", "a", for_s=30)
    assert not await hold("writer:T1", "b", for_s=30)
    assert await hold("writer:T2", "b", for_s=30)
    await world.clock.advance(20)
    assert await hold("writer:T1", "a", for_s=30), "kept"
    await world.clock.advance(29)
    assert not await hold("writer:T1", "b", for_s=30)
    await world.clock.advance(1)
    assert await hold("writer:T1", "b", for_s=30)
    assert not await hold("writer:T1", "a", for_s=30)

    await world.store.release("writer:T1", "a")
    assert not await hold("writer:T1", "a", for_s=30), "it was not a's to let go"
    await world.store.release("writer:T1", "b")
    assert await hold("writer:T1", "a", for_s=30)


async def test_of_two_who_want_a_name_at_once_one_gets_it(world: World) -> None:
    answers = await asyncio.gather(
        *(world.store.hold("writer:T1", f"h{n}", for_s=30) for n in range(10))
    )
    assert answers.count(True) == 1


# --- installations -----------------------------------------------------------------------


async def test_an_installation_is_kept_renewed_and_forgotten_by_its_place(world: World) -> None:
    store = world.store
    one, org = InstallKey(team_id="T1"), InstallKey(enterprise_id="E1")
    other = InstallKey(enterprise_id="E1", team_id="T1")
    assert await store.installation(one) is None
    for key in (one, org, other):
        await store.save_installation(key, f"sealed {key}")
    await store.save_installation(one, "renewed")
    assert await store.installation(one) == "renewed"
    assert await store.installation(org) == f"sealed {org}"
    assert await store.installations() == [one, org, other]

    for _ in range(2):  # what is done already is done
        assert await store.replace_installation(one, "renewed", None)
    assert await store.installation(one) is None
    assert await store.installations() == [org, other]


async def test_an_installation_is_replaced_only_as_it_was_read(world: World) -> None:
    store, key = world.store, InstallKey(team_id="T1")
    await store.save_installation(key, "first")
    assert not await store.replace_installation(key, "another", "second")
    assert not await store.replace_installation(key, "another", None)
    assert await store.installation(key) == "first"
    assert await store.replace_installation(key, "first", "second")
    assert await store.replace_installation(key, "first", "second"), "told again"
    assert not await store.replace_installation(key, "first", "third")
    assert await store.installation(key) == "second"
    assert await store.replace_installation(key, "second", None)
    assert not await store.replace_installation(key, "second", "third"), "forgotten stays so"
    assert await store.installation(key) is None


async def test_a_state_is_used_once_and_in_time(world: World) -> None:
    store = world.store
    await store.keep_state("s1", "where to go", keep_s=600)
    await store.keep_state("s2", "elsewhere", keep_s=600)
    answers = await asyncio.gather(*(store.use_state("s1") for _ in range(10)))
    assert sorted(map(str, answers)) == ["None"] * 9 + ["where to go"]
    assert await store.use_state("s1") is None
    assert await store.use_state("s3") is None
    await world.clock.advance(600)
    assert await store.use_state("s2") is None
