"""Laws of the writer: whatever is put, whatever fails, in whatever order and time."""

import asyncio
import itertools
from collections import defaultdict
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.errors import BadProviderResponse, ProviderTimeout, ProviderUnavailable, RateLimited
from bot.slack.cards import Card
from bot.slack.errors import ChannelGone, MessageGone, MessageTooLarge, NotHeld, ThreadGone
from bot.slack.writer import GIVE_UP_S
from tests.bot.slack.recording import Desktop, Lost, Outcome, Request, writing

CARDS, CHANNELS = 5, 3
UPDATES_A_MINUTE = 50


@dataclass(frozen=True)
class Do:
    what: str
    card: int
    seconds: float
    """Passes after it."""


passing = st.sampled_from(
    [
        None,
        None,
        None,
        RateLimited("429", retry_after_s=2),
        RateLimited("429", retry_after_s=70),
        RateLimited("429"),
        ProviderTimeout("no answer"),
        ProviderUnavailable("502"),
        Lost(ProviderTimeout("no answer")),
        Lost(ProviderUnavailable("cut")),
        NotHeld("not ours"),
        MessageTooLarge("msg_too_long"),
        BadProviderResponse("what?"),
        ThreadGone("thread_not_found"),
    ]
)
hard = st.one_of(
    passing, st.sampled_from([MessageGone("edit_window_closed"), ChannelGone("is_archived")])
)
doing = st.builds(
    Do,
    st.sampled_from(["say", "say", "say", "urgent", "final", "delete", "close", "wait"]),
    st.integers(0, CARDS - 1),
    st.sampled_from([0.0, 0.1, 0.3, 1.0, 4.0, 20.0]),
)


async def play(script: list[Outcome], steps: list[Do]) -> tuple[Desktop, list[Card]]:
    """Do it, then let everything end."""
    async with writing(*script) as desk:
        cards = [desk.card(f"task_{n}", f"C{n % CHANNELS}") for n in range(CARDS)]
        for number, step in enumerate(steps):
            card = cards[step.card]
            match step.what:
                case "say" | "urgent":
                    desk.say(card, f"{number:04d}", urgent=step.what == "urgent")
                case "final":
                    desk.say(card, "final", final=True)
                case "delete":
                    desk.post.delete(card)
                case "close":
                    desk.post.closed.add(card.channel_id)
                case _:
                    pass
            if step.seconds:
                await desk.pass_time(step.seconds)
        for card in cards:
            desk.say(card, "final", final=True)
        while desk.writer.live and desk.clock.monotonic() < 2 * GIVE_UP_S:
            await desk.pass_time(10)
        assert not desk.running.done()
    return desk, cards


def check(desk: Desktop, cards: list[Card]) -> None:
    assert sorted(c.task_id for c in desk.ended) == sorted(c.task_id for c in cards)
    assert desk.post.most_at_once <= 1
    assert desk.writer.live == 0
    for card in cards:
        check_card(desk, card)
    check_minutes(desk)


def check_minutes(desk: Desktop) -> None:
    times = sorted(request.at for request in desk.post.kinds("update"))
    for first, last in zip(times, times[UPDATES_A_MINUTE:], strict=False):
        assert last - first > 60, "more than fifty edits in a minute"


def check_card(desk: Desktop, card: Card) -> None:
    mine = [request for request in desk.post.requests if request.task_id == card.task_id]
    said = [request for request in mine if request.kind in ("post", "update")]
    finals = [request for request in said if request.text.startswith("final")]
    if not card.lost:
        assert finals[-1].ok
        assert desk.post.of(card)[-1].texts[-1].startswith("final")
    assert said == [r for r in said if r not in finals] + finals, "something followed a final"
    assert len([r for r in mine if r.kind == "reply" and r.ok]) <= 1
    check_order(said)
    check_pace(said)


def check_order(said: list[Request]) -> None:
    """Nothing old follows something new."""
    texts = [request.text[:4] for request in said if not request.text.startswith("final")]
    assert texts == sorted(texts)


def check_pace(said: list[Request]) -> None:
    edits = [request.at for request in said if request.kind == "update"]
    assert all(b - a >= 0.99 for a, b in itertools.pairwise(edits)), "twice in a second"


@settings(max_examples=200, deadline=None)
@given(st.lists(hard, max_size=40), st.lists(doing, max_size=40))
def test_whatever_fails_nothing_follows_the_final_state(
    script: list[Outcome], steps: list[Do]
) -> None:
    desk, cards = asyncio.run(play(script, steps))

    check(desk, cards)


@settings(max_examples=200, deadline=None)
@given(st.lists(passing, max_size=40), st.lists(doing, max_size=40))
def test_what_passes_loses_nothing_and_never_leaves_two_messages(
    script: list[Outcome], steps: list[Do]
) -> None:
    steps = [step for step in steps if step.what not in ("delete", "close")]
    desk, cards = asyncio.run(play(script, steps))

    check(desk, cards)
    for card in cards:
        assert len(desk.post.of(card)) == (1 if card.ts else 0)
        assert card.lost in ("", "msg_too_long")


@settings(max_examples=4, deadline=None)
@given(st.integers(6, 30), st.integers(1, 10))
def test_a_crowd_shares_the_budget_and_nobody_starves(crowd: int, every: int) -> None:
    async def play_crowd() -> None:
        async with writing() as desk:
            cards = [desk.card(f"task_{n}", f"C{n}") for n in range(crowd)]
            for number in range(180):
                for place, card in enumerate(cards):
                    is_stage = (number + place) % (every * 10) == 0
                    desk.say(card, f"{number:04d}", urgent=is_stage)
                await desk.pass_time(1)
            check_minutes(desk)
            edits: defaultdict[str, list[float]] = defaultdict(list)
            for request in desk.post.kinds("update"):
                edits[request.task_id].append(request.at)
            counts = [len(edits[card.task_id]) for card in cards]
            assert min(counts) >= max(counts) / 2 - 1, counts
            assert sum(counts) >= 3 * 40 - 20, "the budget is used"

    asyncio.run(play_crowd())
