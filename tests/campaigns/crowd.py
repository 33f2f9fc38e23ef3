"""Campaign `crowd`: SIZE threads of three workspaces at two bots, all at once: nothing crosses over.

Two processes over one store, each a worker with Slack's whole side, as workspaces add it by OAuth.
In each thread a person asks for an app about a word of its own; meanwhile somebody else has another
wish, somebody asks how it stands, builds are stopped or their requests edited, finished ones are
looked into, undone, tried again and built upon. Names, ids and time stamps begin alike or are the
same. People of other workspaces try to get at everything by ids that they have copied.

`crossed`: a word, file, message, link or person of one thread in another. `wrong_ends`: tasks that
did not end once as they had to, or with another app. `doubles`, `missing`: projects, tasks, live
messages, ends. `forged_effects`: what came of those tries. `slack_errors`: calls that Slack refused,
or with another workspace's token. `unanswered`: questions how it stands. Told besides: calls that
Slack had come later (`rate_limited`), and `late` ones of a slow machine.
"""

import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

from agents.system import SystemClock
from bot.feed import Hub
from bot.slack.listeners import COMMAND
from bot.slack.manifest import EVENTS
from bot.store.port import Store
from tests.campaigns._crew import Crew, crew
from tests.campaigns._crowd_cast import TEAMS, Crowd, make_crowd, words_in
from tests.campaigns._crowd_forgery import prepare
from tests.campaigns._crowd_judge import Judge
from tests.campaigns._crowd_model import SlowModel
from tests.campaigns._crowd_play import Play
from tests.campaigns._crowd_sight import InVain, seen
from tests.campaigns._crowd_store import read_projects
from tests.campaigns._light_process import Surroundings
from tests.campaigns._places import store_place
from tests.fakes.openrouter import FakeOpenRouter
from tests.fakes.slack.server import FakeSlack

DEFAULT_SIZE = 50
BOTS = 2
SOCKETS = 2
"""Of each bot."""
TOLD = ("shown", "downloads", "late")
BOUNDS = (
    "crossed",
    "wrong_ends",
    "doubles",
    "missing",
    "unanswered",
    "forged_effects",
    "slack_errors",
)

_SAID_EVERY_S = 5.0
_HOME_S = 30.0


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """Play it and judge; the figures are named in the campaign's module docstring."""
    began, rng = SystemClock().monotonic(), Random(seed)  # noqa: S311 - repeatable on purpose
    model = SlowModel()
    with tempfile.TemporaryDirectory(prefix="zapdev-crowd-") as folder:
        async with (
            store_place(store) as place,
            FakeOpenRouter() as server,
            FakeSlack(subscriptions=EVENTS) as slack,
        ):
            server.always(model.answer)
            ledger = str(Path(folder, "effects"))
            given = Surroundings(place, server.base_url, ledger, slack.api_url)
            database = await place.open(Hub())
            try:
                crowd = await make_crowd(slack, database, rng, size)
                async with crew(given, Path(folder), workers=0, sidecars=0) as people:
                    sockets = await _start(people, slack)
                    finished = await _play(crowd, people, database, model)
                judge = Judge(crowd)
                judge.store(await read_projects(database, crowd))
            finally:
                await database.close()
            judge.slack()
            judge.calls()
            bots = list(dict.fromkeys(sockets.values()))
            figures = _figures(judge, sockets, bots, people.complaints())
    figures["seconds"] = round(SystemClock().monotonic() - began, 1)
    return figures | {"ok": figures["ok"] and finished}


async def _start(people: Crew, slack: FakeSlack) -> dict[str, str]:
    """One bot after the other; answers whose each socket is."""
    sockets: dict[str, str] = {}
    for number in range(BOTS):
        bot = await people.start("bot")
        await slack.connected(SOCKETS * (number + 1))
        for connection in slack.connections:
            sockets.setdefault(f"socket {connection.number}", bot.id)
    return sockets


async def _play(crowd: Crowd, people: Crew, store: Store, model: SlowModel) -> bool:
    """Everything at once; answers whether it came to its end in time.

    Raises: ProcessEnded, when a bot died.
    """
    limit_s = 60.0 + 6.0 * len(crowd.threads)
    await prepare(crowd)
    plays = [Play(crowd, thread, model, limit_s).run() for thread in crowd.threads]
    whole = people.background.start(_all(plays, crowd, store, limit_s), name="crowd")
    watching = people.background.start(_watch(crowd, people), name="crowd-watch")
    done, _ = await asyncio.wait(
        {whole, watching}, timeout=4 * limit_s, return_when=asyncio.FIRST_COMPLETED
    )
    for task in done:
        task.result()
    return whole in done


async def _all(
    plays: Sequence[Coroutine[None, None, None]], crowd: Crowd, store: Store, limit_s: float
) -> None:
    """Every thread, and then everybody looks at what is theirs."""
    await asyncio.gather(*plays)
    await _delivered(store, limit_s)
    await asyncio.gather(*(_look_home(crowd, user) for t in TEAMS for user in crowd.people(t)))
    await crowd.slack.settled()


async def _delivered(store: Store, limit_s: float) -> None:
    """Until every live message has its end, or that takes too long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            for team in TEAMS:
                while await store.open_deliveries(team):  # noqa: ASYNC110 - as others see it
                    await asyncio.sleep(0.5)


async def _look_home(crowd: Crowd, user: str) -> None:
    """The Home tab, and the list behind the command, which its acknowledgement brings."""
    slack, words = crowd.slack, {thread.word for thread in crowd.begun_by(user)}
    await slack.open_home(user)
    team = slack.world.users[user].team
    channel = next(c for c in slack.world.channels.values() if c.team == team and c.is_open)
    await slack.command(user, channel, COMMAND, "list")

    def shown() -> bool:
        home = slack.home(user)
        return home is not None and words <= words_in(home.body)

    with suppress(InVain):  # the judge sees what is there
        await seen(shown, _HOME_S, "a home")


async def _watch(crowd: Crowd, people: Crew) -> None:
    """Tell how it goes. Raises: ProcessEnded, when a bot died that nobody had killed."""
    threads = crowd.threads
    while True:
        for _ in range(round(_SAID_EVERY_S / 0.1)):
            await asyncio.sleep(0.1)
            if people.failure is not None:
                raise people.failure
        over, vain = sum(t.is_over for t in threads), sum(len(t.trouble) for t in threads)
        said = f"{over} of {len(threads)} threads played, {vain} in vain"
        print(said, file=sys.stderr, flush=True)


def _figures(
    judge: Judge, sockets: Mapping[str, str], bots: Sequence[str], complaints: Sequence[str]
) -> dict[str, object]:
    deliveries = judge.crowd.slack.deliveries
    taken = Counter(
        sockets.get(attempt.transport, "other")
        for delivery in deliveries
        for attempt in delivery.attempts
        if attempt.error is None
    )
    payloads, tasks = [taken[bot] for bot in bots], [judge.workers[bot] for bot in bots]
    for line in [*judge.examples, *complaints[:5]]:
        print(line[:1_000], file=sys.stderr, flush=True)
    bounds = {kind: judge.problems[kind] for kind in BOUNDS}
    return {
        "ok": not any(bounds.values()) and all(payloads) and all(tasks) and not complaints,
        "threads": len(judge.crowd.threads),
        "tasks": sum(judge.workers.values()),
        **bounds,
        "payloads_by_process": payloads,
        "payloads_elsewhere": taken["other"],
        "tasks_by_process": tasks,
        "redelivered": sum(len(delivery.attempts) > 1 for delivery in deliveries),
        "forgeries": judge.crowd.forgeries,
        **{name: judge.figures[name] for name in TOLD},
        "rate_limited": dict(judge.limited),
        "complaints": len(complaints),
    }
