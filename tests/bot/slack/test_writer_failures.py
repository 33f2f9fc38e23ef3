"""What the writer does when Slack refuses, one reason at a time, on a clock that stands still."""

import pytest

from agents.errors import BadProviderResponse, ProviderTimeout, ProviderUnavailable, RateLimited
from bot.render.slack_blocks import SlackMessage
from bot.slack.errors import (
    ChannelGone,
    MessageGone,
    MessageTooLarge,
    NotHeld,
    ThreadGone,
    WorkspaceGone,
)
from bot.slack.writer import GIVE_UP_S
from tests.bot.slack.recording import Lost, writing

DOWN = ProviderUnavailable("502")


async def test_a_post_whose_answer_was_lost_is_found_again() -> None:
    async with writing(post=[Lost(ProviderTimeout("no answer"))]) as desk:
        card = desk.card()
        desk.say(card, "waiting")
        await desk.pass_time(1)
        desk.say(card, "ready", final=True)
        await desk.pass_time(30)

        [message] = desk.post.of(card)
        assert message.texts == ["waiting", "ready"]
        assert desk.post.noted == {"task_1": message.ts}


async def test_what_another_process_has_posted_is_found_and_brought_up_to_date() -> None:
    async with writing() as desk:
        earlier = desk.card()
        desk.say(earlier, "waiting")
        await desk.pass_time(1)
        heir = desk.card()
        heir.may_be_there = True
        desk.say(heir, "ready", final=True)
        await desk.pass_time(30)

        [message] = desk.post.of(heir)
        assert message.texts == ["waiting", "ready"]


async def test_a_deleted_message_is_left_alone_and_posted_anew_once_at_the_end() -> None:
    async with writing() as desk:
        card = desk.card()
        desk.say(card, "waiting")
        await desk.pass_time(5)
        desk.post.delete(card)
        for number in range(20):
            desk.say(card, f"{number}")
            await desk.pass_time(3)
        assert len(desk.post.kinds("update")) == 1, "parked"
        desk.say(card, "ready", final=True)
        await desk.pass_time(30)

        assert [m.texts for m in desk.post.of(card)] == [["waiting"], ["ready"]]
        assert desk.post.noted == {"task_1": desk.post.of(card)[1].ts}
        assert desk.ended == [card]


async def test_a_new_message_that_cannot_be_edited_either_is_not_posted_a_third_time() -> None:
    gone = MessageGone("edit_window_closed")
    async with writing(update=[gone, gone], post=[None, Lost(DOWN)]) as desk:
        card = desk.card()
        desk.say(card, "waiting")
        await desk.pass_time(5)
        desk.say(card, "ready", final=True)
        await desk.pass_time(120)

        assert [m.texts for m in desk.post.of(card)] == [["waiting"], ["ready"]]
        assert card.lost == "edit_window_closed"


async def test_where_the_channel_is_gone_the_final_state_goes_to_the_person_once() -> None:
    async with writing() as desk:
        card = desk.card()
        desk.say(card, "waiting")
        await desk.pass_time(5)
        desk.post.closed.add("C1")
        for number in range(10):
            desk.say(card, f"{number}")
            await desk.pass_time(3)
        assert len(desk.post.kinds("update")) == 1, "parked"
        desk.post.by_kind = {"move": [DOWN], "post": [Lost(DOWN)]}
        desk.say(card, "ready", final=True)
        await desk.pass_time(60)

        assert [(m.channel_id, m.texts) for m in desk.post.seen(card)] == [
            ("D-task_1", ["ready", "ready"])
        ]
        assert desk.post.kinds("reply") == []
        assert desk.ended == [card]
        assert card.lost == ""


async def test_where_it_may_not_even_begin_it_lives_in_the_direct_messages() -> None:
    async with writing() as desk:
        desk.post.closed.add("C1")
        card = desk.card()
        desk.say(card, "waiting")
        await desk.pass_time(5)
        desk.say(card, "ready", final=True)
        await desk.pass_time(5)

        [message] = desk.post.of(card)
        assert (message.channel_id, message.texts) == ("D-task_1", ["waiting", "ready"])
        assert len(desk.post.kinds("reply")) == 1


async def test_where_the_person_cannot_be_told_either_it_is_lost_and_says_why() -> None:
    async with writing(move=[ChannelGone("user_gone")] * 9) as desk:
        desk.post.closed.add("C1")
        card = desk.card()
        desk.say(card, "ready", final=True)
        await desk.pass_time(GIVE_UP_S + 60)

        assert desk.ended == [card]
        assert card.lost == "user_gone"
        assert len(desk.post.kinds("move")) == 1


async def test_beside_a_thread_that_is_gone_it_is_said_in_the_channel() -> None:
    async with writing(post=[ThreadGone("thread_not_found")]) as desk:
        card = desk.card()
        card.thread_ts = "1.0"
        desk.say(card, "waiting")
        await desk.pass_time(5)

        assert desk.texts(card) == ["waiting"]
        assert card.thread_ts == card.ts


async def test_what_is_too_large_is_said_in_fewer_words_for_good() -> None:
    async with writing(update=[MessageTooLarge("msg_too_long")] * 2) as desk:
        card = desk.card()
        desk.say(card, "waiting")
        await desk.pass_time(5)
        desk.say(card, "long")
        await desk.pass_time(30)
        desk.say(card, "ready", final=True)
        await desk.pass_time(5)

        assert desk.texts(card) == ["waiting", "long (2)", "ready (2)"]


async def test_what_is_refused_without_a_known_reason_is_tried_in_fewer_words_too() -> None:
    async with writing(update=[BadProviderResponse("what?")] * 4) as desk:
        card = desk.card()
        desk.say(card, "waiting")
        await desk.pass_time(5)
        desk.say(card, "ready", final=True)
        await desk.pass_time(120)

        assert desk.texts(card) == ["waiting", "ready (2)"]


async def test_when_the_workspace_is_gone_it_stops_at_once() -> None:
    async with writing(update=[WorkspaceGone("token_revoked")] * 99) as desk:
        cards = [desk.card(f"task_{n}", f"C{n}") for n in range(5)]
        for card in cards:
            desk.say(card, "waiting")
        await desk.pass_time(10)
        for card in cards:
            desk.say(card, "ready", final=True)
        await desk.pass_time(60)

        assert desk.running.done()
        with pytest.raises(WorkspaceGone):
            desk.running.result()
        assert len(desk.post.kinds("update")) <= 5
        assert desk.ended == []


async def test_what_is_not_held_any_more_is_not_sent_and_does_not_spin() -> None:
    async with writing(update=[NotHeld("gone")] * 1_000, reply=[NotHeld("gone")] * 1_000) as desk:
        card = desk.card()
        desk.say(card, "waiting")
        await desk.pass_time(10)
        desk.say(card, "ready", final=True)
        await desk.pass_time(10)

        assert len(desk.post.requests) < 15
        assert desk.ended == []


async def test_a_defect_in_one_message_costs_the_others_nothing() -> None:
    def broken(tier: int) -> SlackMessage:
        if tier < 2:
            raise ValueError("a defect")
        return SlackMessage("only words")

    async with writing() as desk:
        bad, good = desk.card("task_1", "C1"), desk.card("task_2", "C2")
        desk.writer.put(bad, broken, final=True)
        desk.say(good, "ready", final=True)
        await desk.pass_time(30)

        assert desk.texts(good) == ["ready"]
        assert desk.texts(bad) == ["only words"]
        assert not desk.running.done()


async def test_a_reply_is_tried_again_for_a_while_and_holds_up_no_end() -> None:
    limited, refused = RateLimited("429", retry_after_s=3), BadProviderResponse("what?")
    async with writing(reply=[limited, DOWN, None, refused, *[DOWN] * 99]) as desk:
        for name in ("task_1", "task_2", "task_3"):
            desk.say(desk.card(name), "ready", final=True)
            await desk.pass_time(300)

        replies = [(r.task_id, r.ok) for r in desk.post.kinds("reply")]
        assert replies[:4] == [("task_1", False)] * 2 + [("task_1", True), ("task_2", False)]
        assert 3 < len(replies[4:]) < 10
        assert len(desk.ended) == 3
