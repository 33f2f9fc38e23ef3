"""The writer, one rule at a time, on a clock that stands still."""

import itertools

from agents.errors import ProviderUnavailable, RateLimited
from bot.slack.writer import EARLY_REPLY_S, GIVE_UP_S
from tests.bot.slack.recording import says, writing

DOWN = ProviderUnavailable("502")


async def test_it_is_posted_once_edited_in_place_and_ends_with_its_final_state() -> None:
    async with writing() as desk:
        card = desk.card()
        desk.say(card, "waiting")
        await desk.pass_time(5)
        desk.say(card, "writing", urgent=True)
        await desk.pass_time(5)
        desk.say(card, "ready", final=True)
        await desk.pass_time(5)

        assert desk.texts(card) == ["waiting", "writing", "ready"]
        assert desk.post.noted == {"task_1": card.ts}
        assert len(desk.post.kinds("reply")) == 1
        assert desk.ended == [card]
        assert desk.writer.live == 0


async def test_what_is_said_is_the_newest_at_the_moment_of_sending() -> None:
    async with writing() as desk:
        card = desk.card()
        for number in range(40):
            desk.say(card, f"state {number}")
            await desk.pass_time(0.25)
        await desk.pass_time(5)

        texts = desk.texts(card)
        assert texts[-1] == "state 39"
        assert len(texts) < 8, "states in between are not said"
        assert texts == sorted(texts, key=lambda text: int(text.split()[1]))


async def test_nothing_follows_a_final_state() -> None:
    async with writing() as desk:
        card = desk.card()
        desk.say(card, "ready", final=True)
        desk.say(card, "late")
        desk.say(card, "late and final", final=True)
        await desk.pass_time(60)
        desk.say(card, "later still")
        await desk.pass_time(60)

        assert desk.texts(card) == ["ready"]
        assert desk.writer.live == 0


async def test_what_looks_the_same_costs_no_request() -> None:
    async with writing() as desk:
        card = desk.card()
        for _ in range(10):
            desk.say(card, "the same")
            await desk.pass_time(5)

        assert len(desk.post.requests) == 1


async def test_a_final_passes_everything_that_waits() -> None:
    async with writing() as desk:
        cards = [desk.card(f"task_{n}", f"C{n}") for n in range(20)]
        for card in cards:
            desk.say(card, "waiting")
        await desk.pass_time(30)
        for number in range(30):
            for card in cards:
                desk.say(card, f"{number}", urgent=True)
            await desk.pass_time(2)
        for card in cards[-3:]:
            desk.say(card, "ready", final=True)
        asked_at = desk.clock.monotonic()
        await desk.pass_time(10)

        finals = [r.at - asked_at for r in desk.post.kinds("update") if r.text == "ready"]
        assert len(finals) == 3
        assert max(finals) <= 1.1, "a part of the budget is theirs"


async def test_an_urgent_state_does_not_make_all_that_follow_urgent() -> None:
    """Text that streams while a request is under way must not keep the faster pace."""
    async with writing() as desk:
        card = desk.card()
        desk.say(card, "stage", urgent=True)
        for number in range(200):
            await desk.pass_time(0.05)
            desk.say(card, f"text {number}")

        times = [request.at for request in desk.post.kinds("update")]
        gaps = [b - a for a, b in itertools.pairwise(times)]
        assert gaps
        assert min(gaps) >= 2.4


async def test_twenty_that_end_together_are_all_told_within_half_a_minute() -> None:
    async with writing() as desk:
        cards = [desk.card(f"task_{n}", f"C{n}") for n in range(20)]
        for card in cards:
            desk.say(card, "waiting")
        await desk.pass_time(60)
        for number in range(60):
            for card in cards:
                desk.say(card, f"text {number}", urgent=number % 10 == 0)
            await desk.pass_time(1)
        for card in cards:
            desk.say(card, "ready", final=True)
        asked_at = desk.clock.monotonic()
        await desk.pass_time(90)

        finals = [r for r in desk.post.kinds("update") if r.text == "ready"]
        assert len(finals) == 20
        assert max(r.at for r in finals) - asked_at <= 30
        assert [desk.texts(card)[-1] for card in cards] == ["ready"] * 20


async def test_when_slack_limits_edits_the_whole_lane_waits_and_the_newest_goes_next() -> None:
    async with writing(update=[RateLimited("429", retry_after_s=20)]) as desk:
        cards = [desk.card(f"task_{n}", f"C{n}") for n in range(3)]
        for card in cards:
            desk.say(card, "waiting")
        await desk.pass_time(10)
        for card in cards:
            desk.say(card, "old")
        await desk.pass_time(1)
        for card in cards:
            desk.say(card, "new")
        await desk.pass_time(60)

        first, *others = desk.post.kinds("update")
        assert not first.ok
        later = [r.at - first.at for r in others if r.at > first.at + 1]
        assert len(later) == 3
        assert min(later) >= 20
        assert [desk.texts(card)[-1] for card in cards] == ["new"] * 3
        assert desk.texts(cards[0]) == ["waiting", "new"]


async def test_posting_goes_on_while_edits_are_limited() -> None:
    async with writing(update=[RateLimited("429", retry_after_s=300)]) as desk:
        first, second = desk.card("task_1", "C1"), desk.card("task_2", "C2")
        desk.say(first, "waiting")
        await desk.pass_time(5)
        desk.say(first, "writing")
        await desk.pass_time(5)
        desk.say(second, "waiting")
        await desk.pass_time(5)

        assert desk.texts(second) == ["waiting"]
        assert desk.texts(first) == ["waiting"]


async def test_a_final_that_takes_long_is_told_by_its_short_reply_meanwhile() -> None:
    async with writing(update=[RateLimited("429", retry_after_s=120)]) as desk:
        card = desk.card()
        desk.say(card, "waiting")
        await desk.pass_time(10)
        desk.say(card, "ready", final=True)
        asked_at = desk.clock.monotonic()
        await desk.pass_time(200)

        [reply] = desk.post.kinds("reply")
        assert EARLY_REPLY_S <= reply.at - asked_at < EARLY_REPLY_S + 2
        assert desk.texts(card) == ["waiting", "ready"]
        assert desk.ended == [card]


async def test_after_half_an_hour_it_is_given_up_and_says_why() -> None:
    async with writing(update=[DOWN] * 1_000) as desk:
        card = desk.card()
        desk.say(card, "waiting")
        await desk.pass_time(10)
        desk.say(card, "ready", final=True)
        await desk.pass_time(GIVE_UP_S - 60)
        assert desk.ended == []
        await desk.pass_time(180)

        assert desk.ended == [card]
        assert card.lost == "no success in 30 minutes: 502"
        assert len(desk.post.kinds("reply")) == 1
        assert len(desk.post.kinds("update")) < 50, "it backs off"


async def test_what_is_under_way_when_it_is_stopped_still_lands() -> None:
    async with writing() as desk:
        card = desk.card()
        desk.say(card, "waiting")
        await desk.pass_time(0.1)
        assert card.ts == ""
        desk.running.cancel()
        await desk.pass_time(1)

        assert desk.running.done()
        assert desk.post.noted == {"task_1": "000001"}


async def test_its_turn_comes_without_anything_else_happening() -> None:
    """All waiting is by the clock that it is given."""
    async with writing() as desk:
        card = desk.card()
        desk.say(card, "waiting")
        await desk.pass_time(1)
        assert card.ts
        desk.writer.put(card, says("writing"))
        await desk.pass_time(10)
        assert desk.texts(card) == ["waiting", "writing"]
