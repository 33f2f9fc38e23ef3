"""The tokens of workspaces: sealed, exchanged in time and once, whoever asks and whatever fails.

Slack is the loopback one, whose refresh tokens are good for one exchange. Time is the test's.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest
from typing_extensions import override

from agents.background import Background
from agents.errors import ProviderUnavailable, StoreUnavailable
from agents.testing import FakeClock, SequentialIds, settle
from bot.render.slack_blocks import SlackMessage
from bot.services.sealing import Seal
from bot.slack.door import SlackDoor
from bot.slack.errors import WorkspaceGone
from bot.slack.grants import Grants
from bot.slack.installations import KNOWN_S, ROTATE_BEFORE_S, Installations
from bot.slack.line import SlackLine
from bot.store.slack_port import InstallKey
from bot.store.sqlite import MEMORY, SqliteStore
from tests.fakes.slack.faults import Hold
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.tokens import ACCESS_TOKEN_S
from tests.fakes.slack.workspace import Workspace
from tests.fakes.waiting import in_time, until_async

T1 = InstallKey(team_id="T1")
HELLO = SlackMessage("Hello")


class MoodyStore(SqliteStore):
    """Installations can be away, to read or to keep, while the rest answers."""

    reads = writes = True
    refused = 0
    """How often in a row nothing could be kept."""
    turn: asyncio.Event
    """What is read waits for it."""

    @override
    async def installation(self, key: InstallKey) -> str | None:
        await self.turn.wait()
        if not self.reads:
            raise StoreUnavailable("away")
        return await super().installation(key)

    @override
    async def replace_installation(self, key: InstallKey, was: str, sealed: str | None) -> bool:
        if not self.writes:
            self.refused += 1
            raise StoreUnavailable("away")
        self.refused = 0
        return await super().replace_installation(key, was, sealed)


@dataclass
class Place:
    """A workspace that has added the app, and as many processes as a test starts."""

    clock: FakeClock
    slack: FakeSlack
    team: Workspace
    store: MoodyStore
    line: SlackLine
    stack: AsyncExitStack

    def process(
        self, holder: str = "one", *, secrets: tuple[str, ...] = ("a secret",)
    ) -> Installations:
        app = self.slack.secrets
        grants = Grants(
            self.line, self.clock, client_id=app.client_id, client_secret=app.client_secret
        )
        found = Installations(self.store, Seal(secrets), grants, self.clock, holder)
        self.stack.push_async_callback(found.close)
        return found

    async def added(self, holder: str = "one", *, rotates: bool = True) -> Installations:
        """The app is added by way of this process."""
        process = self.process(holder)
        app = self.slack.secrets
        grants = Grants(
            self.line, self.clock, client_id=app.client_id, client_secret=app.client_secret
        )
        code = self.team.oauth_code("U1", redirect_uri="http://here", rotates=rotates)
        await process.keep(await grants.exchange(code, "http://here"))
        return process

    @property
    def exchanges(self) -> int:
        asked = self.slack.calls_of("oauth.v2.access")
        return sum(call.args.get("grant_type") == "refresh_token" for call in asked)

    async def until_due(self) -> None:
        await self.clock.advance(ACCESS_TOKEN_S - ROTATE_BEFORE_S + 1)


@asynccontextmanager
async def open_place() -> AsyncIterator[Place]:
    clock = FakeClock()
    async with AsyncExitStack() as stack:
        store = await MoodyStore.open(MEMORY, clock=clock, ids=SequentialIds())
        assert isinstance(store, MoodyStore)
        store.turn = asyncio.Event()
        store.turn.set()
        stack.push_async_callback(store.close)
        slack = await stack.enter_async_context(FakeSlack(clock=clock, rate_limits=False))
        team = slack.workspace("T1", installed=False)
        line = SlackLine(slack.api_url)
        stack.push_async_callback(line.close)
        yield Place(clock, slack, team, store, line, stack)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with open_place() as opened:
        yield opened


async def test_what_is_kept_of_a_workspace_is_sealed(place: Place) -> None:
    process = await place.added()
    sealed = await place.store.installation(T1)
    assert sealed is not None
    for secret in (place.team.token, place.team.installation.refresh_token, place.team.bot_user):
        assert str(secret) not in sealed
    us, token = await process.workspace("T1")
    assert (us.team_id, us.bot_user_id, token) == ("T1", place.team.bot_user, place.team.token)
    assert us.url == "https://t1.slack.com/"


async def test_a_token_is_exchanged_before_its_end_and_once_whoever_asks(place: Place) -> None:
    one = await place.added()
    others = [place.process(name) for name in ("two", "three")]
    first = await one.token("T1")
    assert [await other.token("T1") for other in others] == [first, first]
    assert place.exchanges == 0
    await place.until_due()

    asking = Background()
    asked = [
        asking.start(process.token("T1"), name="ask")
        for process in (one, *others)
        for _ in range(10)
    ]
    await in_time(place.clock, lambda: all(task.done() for task in asked))
    assert place.exchanges == 1
    assert {task.result() for task in asked} <= {first, place.team.token}
    await place.clock.advance(KNOWN_S)
    assert [await p.token("T1") for p in (one, *others)] == [place.team.token] * 3
    assert place.exchanges == 1


async def test_a_token_of_which_slack_says_that_it_is_over_is_exchanged_and_the_call_lands(
    place: Place,
) -> None:
    door = SlackDoor(place.line, await place.added())
    place.team.channel("C1", members=["U1"])
    await door.post("T1", "C1", HELLO)
    place.slack.expire_token("T1")
    posting = Background()
    posts = [posting.start(door.post("T1", "C1", HELLO), name="post") for _ in range(5)]
    await in_time(place.clock, lambda: all(post.done() for post in posts))
    assert place.exchanges == 1
    assert len(place.slack.bot_messages("C1")) == 6


async def test_while_no_exchange_succeeds_the_old_token_is_used_as_long_as_it_is_good(
    place: Place,
) -> None:
    process = await place.added()
    token = place.team.token
    place.slack.fail("oauth.v2.access", "internal_error", times=None)
    await place.until_due()
    assert [await process.token("T1") for _ in range(5)] == [token] * 5
    assert place.exchanges == 1, "the next try is in a minute"
    await place.clock.advance(61)
    assert await process.token("T1") == token
    assert place.exchanges == 2
    await place.clock.advance(ROTATE_BEFORE_S)
    with pytest.raises(ProviderUnavailable):
        await process.token("T1")
    asked = place.exchanges
    place.slack.clear_faults()
    with pytest.raises(ProviderUnavailable):
        await process.token("T1")
    assert place.exchanges == asked, "not before a minute is over"
    await place.clock.advance(61)
    assert await process.token("T1") == place.team.token != token


async def test_a_workspace_whose_refresh_token_is_used_up_is_gone_once_its_token_is_over(
    place: Place,
) -> None:
    process = await place.added()
    place.slack.tokens.refresh(str(place.team.installation.refresh_token))
    await place.until_due()
    good = await process.token("T1")
    assert place.slack.tokens.complaint(good) is None
    await place.clock.advance(ROTATE_BEFORE_S)
    with pytest.raises(WorkspaceGone):
        await process.token("T1")


async def test_what_was_exchanged_while_the_store_was_away_is_used_and_kept_later(
    place: Place,
) -> None:
    process = await place.added()
    await place.until_due()
    place.store.writes = False
    asked = Background().start(process.token("T1"), name="ask")
    await in_time(place.clock, asked.done)
    assert asked.result() == place.team.token
    await place.clock.advance(KNOWN_S + 1)
    assert await process.token("T1") == place.team.token, "what the store has is older"
    place.store.writes = True
    await place.clock.advance(10)
    await in_time(place.clock, lambda: place.exchanges == 1)
    assert await place.process("two").token("T1") == place.team.token
    assert place.exchanges == 1


async def test_while_the_store_is_away_a_known_workspace_is_still_served(place: Place) -> None:
    process = await place.added()
    place.store.reads = False
    await place.clock.advance(KNOWN_S + 1)
    assert await process.token("T1") == place.team.token
    assert (await process.workspace("T1"))[1] == place.team.token
    with pytest.raises(ProviderUnavailable):
        await place.process("two").token("T1")
    with pytest.raises(StoreUnavailable):
        await place.process("two").workspace("T1")


async def test_what_another_process_does_is_known_within_a_minute(place: Place) -> None:
    one = await place.added()
    two = place.process("two")
    await two.token("T1")
    newest = await one.newest("T1")
    assert newest is not None
    assert await one.forget("T1", newest[1])
    with pytest.raises(WorkspaceGone):
        await one.token("T1")
    await place.clock.advance(KNOWN_S)
    with pytest.raises(WorkspaceGone):
        await two.token("T1")
    await place.added()
    assert await two.token("T1") == place.team.token


async def test_with_another_secret_a_workspace_is_gone_and_with_both_it_is_sealed_anew(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    await place.added()
    with pytest.raises(WorkspaceGone):
        await place.process("two", secrets=("another",)).token("T1")
    assert "ZAPDEV_ENCRYPTION_KEYS" in capsys.readouterr().err
    both = place.process("three", secrets=("another", "a secret"))
    await place.until_due()
    token = await both.token("T1")
    assert await place.process("four", secrets=("another",)).token("T1") == token


async def test_who_stops_waiting_in_mid_exchange_loses_nothing(place: Place) -> None:
    one = await place.added()
    await place.until_due()
    answer = place.slack.hold("oauth.v2.access")
    background = Background()
    asking = background.start(one.token("T1"), name="ask")
    await in_time(place.clock, answer.reached.is_set, step_s=0)
    await background.stop()
    assert asking.cancelled()
    closing = Background().start(one.close(), name="close")
    answer.release()
    await in_time(place.clock, closing.done, step_s=0)
    await place.clock.advance(ROTATE_BEFORE_S + 1)
    assert await place.process("two").token("T1") == place.team.token
    assert place.exchanges == 1
    assert await place.store.hold("slack-token:T1", "two", for_s=1)


async def mid_exchange(place: Place) -> tuple["asyncio.Task[str]", Hold]:
    """A process that waits for Slack to exchange its token."""
    one = await place.added()
    await place.until_due()
    answer = place.slack.hold("oauth.v2.access")
    asking = Background().start(one.token("T1"), name="ask")
    await in_time(place.clock, answer.reached.is_set, step_s=0)
    return asking, answer


async def test_an_exchange_does_not_take_the_place_of_who_added_it_again(place: Place) -> None:
    asking, answer = await mid_exchange(place)
    again = await place.added("two")
    newest = place.team.token
    answer.release()
    await in_time(place.clock, asking.done, step_s=0)
    await settle(200)
    assert await again.token("T1") == newest
    assert (await place.process("three").workspace("T1"))[1] == newest


async def test_nor_does_it_bring_back_who_has_removed_it(place: Place) -> None:
    asking, answer = await mid_exchange(place)
    two = place.process("two")
    newest = await two.newest("T1")
    assert newest is not None
    assert await two.forget("T1", newest[1])
    answer.release()
    await in_time(place.clock, asking.done)
    await settle(200)
    assert await place.store.installation(T1) is None


async def test_what_was_exchanged_is_kept_however_long_the_store_is_away(place: Place) -> None:
    process = await place.added()
    await place.until_due()
    place.store.writes = False
    asked = Background().start(process.token("T1"), name="ask")
    await in_time(place.clock, asked.done)
    for _ in range(60):
        await place.clock.advance(60)
    place.store.writes = True
    await in_time(place.clock, lambda: not place.store.refused)
    assert await place.process("two").token("T1") == place.team.token
    assert place.exchanges == 1


async def test_a_token_that_is_good_is_used_though_the_store_is_away_when_it_is_due(
    place: Place,
) -> None:
    process = await place.added()
    await place.until_due()
    place.store.reads = False
    assert await process.token("T1") == place.team.token
    assert place.exchanges == 0
    await place.clock.advance(ROTATE_BEFORE_S)
    with pytest.raises(ProviderUnavailable):
        await process.token("T1")


async def test_who_we_are_is_answered_at_once_and_looked_up_meanwhile(place: Place) -> None:
    one = await place.added()
    two = place.process("two")
    await two.workspace("T1")
    await place.added()
    await place.clock.advance(KNOWN_S)
    place.store.turn.clear()  # the store takes its time
    before = (await two.workspace("T1"))[1]
    assert before != place.team.token
    place.store.turn.set()

    async def has_heard() -> bool:
        return (await two.workspace("T1"))[1] == place.team.token

    await until_async(has_heard)
    assert (await one.workspace("T1"))[1] != place.team.token, "in its own time"


async def test_what_is_sealed_for_another_workspace_is_not_taken(place: Place) -> None:
    await place.added()
    sealed = await place.store.installation(T1)
    assert sealed is not None
    await place.store.save_installation(InstallKey(team_id="T2"), sealed)
    with pytest.raises(WorkspaceGone, match="another workspace"):
        await place.process("two").token("T2")


async def test_without_rotation_too_it_is_sealed_anew_with_the_newest_secret(place: Place) -> None:
    await place.added(rotates=False)
    both = place.process("two", secrets=("another", "a secret"))
    await both.token("T1")
    await settle(200)
    assert await place.process("three", secrets=("another",)).token("T1") == place.team.token
