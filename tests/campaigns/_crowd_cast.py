"""Who is in the crowd: workspaces whose names begin alike, their people, and what each thread is about.

A thread's word stands in everything that is about it, and in nothing else. It has an end, so that
`harbour-1-quay` is not found where `harbour-17-quay` stands.
"""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from agents.system import SystemClock
from agents.types import OwnerId, TaskKind, TaskStatus
from bot.services.sealing import Seal
from bot.slack.grants import Grants
from bot.slack.installations import Installations
from bot.slack.line import SlackLine
from bot.slack.manifest import SCOPES
from bot.store.port import Store
from tests.campaigns._light_slack import SECRETS
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.workspace import Workspace
from tests.fakes.slack.world import Message, View

Start = Literal["mention", "command", "direct"]
Middle = Literal["nothing", "stop word", "stop button", "native stop", "edit"]
After = Literal["nothing", "undo word", "undo button", "retry word", "retry button", "suggestion"]

TEAMS = ("T1", "T10", "T100")
PEOPLE = ("ann", "ben", "cleo", "dan", "eve")
SMUGGLER = "sam"
_WORD = re.compile(r"harbour-\d+-quay")

ROLES: Sequence[tuple[Start, Middle, After]] = (
    ("mention", "nothing", "undo word"),
    ("mention", "stop word", "retry word"),
    ("command", "stop button", "nothing"),
    ("direct", "nothing", "undo button"),
    ("mention", "edit", "nothing"),
    ("direct", "native stop", "retry button"),
    ("command", "nothing", "undo button"),
    ("mention", "nothing", "suggestion"),
    ("direct", "edit", "undo word"),
    ("mention", "stop button", "nothing"),
    ("command", "stop word", "retry button"),
    ("mention", "native stop", "nothing"),
    ("command", "nothing", "suggestion"),
)


def words_in(what: object) -> set[str]:
    """The threads' words that stand there, whatever it is."""
    return set(_WORD.findall(what if isinstance(what, str) else str(what)))


@dataclass(eq=False)
class Thread:
    """One conversation, as it is planned, and what became of it."""

    number: int
    team: str
    channel: str
    starter: str
    other: str
    start: Start
    middle: Middle
    after: After
    stamp: str
    """Of its first message: threads of other channels and workspaces have the same one."""
    root: str = ""
    clicked: list[View] = field(default_factory=list)
    """The modals that were opened from it."""
    trouble: list[str] = field(default_factory=list)
    """What somebody waited for in vain."""
    is_over: bool = False

    @property
    def word(self) -> str:
        return f"harbour-{self.number}-quay"

    @property
    def owner(self) -> OwnerId:
        return OwnerId(f"slack:{self.team}:{self.starter}")

    @property
    def first(self) -> str:
        return f"A page about {self.word}, as a React app"

    @property
    def follow_up(self) -> str:
        return f"Now list the boats of {self.word}, still with React"

    @property
    def corrected(self) -> str:
        return f"A dark page about {self.word}, as a React app"

    @property
    def suggestion(self) -> str:
        return f"More boats for {self.word}"

    def expected(self) -> list[tuple[TaskKind, str, TaskStatus]]:
        """Each task that there has to be, in the order of asking."""
        made, done, off = TaskKind.GENERATE, TaskStatus.COMPLETE, TaskStatus.CANCELLED
        stops_all = self.middle in ("stop word", "native stop")
        first = done if self.middle == "nothing" else off
        rows = [(made, self.first, first), (made, self.follow_up, off if stops_all else done)]
        if self.middle == "edit":
            rows.append((made, self.corrected, done))
        match self.after:
            case "retry word" | "retry button":
                rows.append((made, self.follow_up, done))
            case "suggestion":
                rows.append((made, self.suggestion, done))
            case "undo word" | "undo button":
                rows.append((TaskKind.FIX, "", done))
            case _:
                pass
        return rows

    def head(self) -> str | None:
        """The words of the version that the app is at, in the end."""
        made = [p for kind, p, s in self.expected() if p and s is TaskStatus.COMPLETE]
        if self.after.startswith("undo"):
            made.pop()
        return made[-1] if made else None


def app_of(words: Iterable[str], prompt: str) -> dict[str, str]:
    """The files that the model writes."""
    said = " and ".join(sorted(words))
    return {
        "src/App.tsx": f"export default function App() {{\n  return <h1>{said}</h1>;\n}}\n",
        "src/lib/wish.ts": f"export const wish = {json.dumps(prompt)};\n",
    }


# --- the world --------------------------------------------------------------------------------


@dataclass
class Crowd:
    """Everybody, and what they are about to do."""

    slack: FakeSlack
    threads: Sequence[Thread]
    smugglers: Mapping[str, str]
    """Of each workspace, one who tries to get at the others' apps."""
    shared: str
    """A channel of the first workspace, in which the second one's smuggler is, too."""
    pockets: dict[str, Message] = field(default_factory=dict)
    """Of each smuggler a message with a button, at home."""
    turns: Mapping[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    """A person looks at one thing at a time."""
    forgeries: int = 0
    """How often somebody tried what is not theirs."""

    def begun_by(self, user: str) -> list[Thread]:
        return [thread for thread in self.threads if thread.starter == user]

    def people(self, team: str) -> list[str]:
        return [person(team, name) for name in PEOPLE]


def person(team: str, name: str) -> str:
    """Such as U10ANN: there is an Ann in each workspace."""
    return f"U{team[1:]}{name.upper()}"


async def make_crowd(slack: FakeSlack, store: Store, rng: Random, size: int) -> Crowd:
    """Workspaces that have added the app, and threads that are spread over them."""
    smugglers = {team: person(team, SMUGGLER) for team in TEAMS}
    for team in TEAMS:
        await _add_app(slack, store, slack.workspace(team, installed=False))
    channels = {team: _channels(slack.workspace(team)) for team in TEAMS}
    slack.world.channels[channels[TEAMS[0]][0]].members.add(smugglers[TEAMS[1]])
    roles = [role for _ in range(size // len(ROLES) + 1) for role in rng.sample(ROLES, len(ROLES))]
    stamps = [slack.world.next_ts() for _ in range(0, size, 2 * len(TEAMS))]
    threads: list[Thread] = []
    for number, (start, middle, after) in enumerate(roles[:size]):
        team, stamp = TEAMS[number % len(TEAMS)], stamps[number // 2 // len(TEAMS)]
        starter, other = rng.sample([person(team, name) for name in PEOPLE], 2)
        shared, *own = channels[team]
        channel = rng.choice(own if middle == "native stop" else [shared, *own])
        if start == "direct":
            channel, other = slack.workspace(team).dm(starter).id, starter
        if any((t.channel, t.stamp) == (channel, stamp) for t in threads):
            stamp = slack.world.next_ts()
        threads.append(Thread(number, team, channel, starter, other, start, middle, after, stamp))
    return Crowd(slack, threads, smugglers, channels[TEAMS[0]][0])


async def _add_app(slack: FakeSlack, store: Store, team: Workspace) -> None:
    """As it is added on our page."""
    admin, back = person(team.id, "ann"), "http://127.0.0.1:8787/slack/oauth_redirect"
    code = team.oauth_code(admin, redirect_uri=back, scopes=list(SCOPES))
    clock, line = SystemClock(), SlackLine(slack.api_url)
    who, secret = SECRETS.client_id, SECRETS.client_secret
    grants = Grants(line, clock, client_id=who, client_secret=secret)
    installations = Installations(store, Seal([secret]), grants, clock, "campaign")
    try:
        await installations.keep(await grants.exchange(code, back))
    finally:
        await installations.close()
        await line.close()


def _channels(team: Workspace) -> list[str]:
    """Of the same names in each workspace; the first one of the first is shared with the second."""
    members = [team.user(person(team.id, name), called=name).id for name in (*PEOPLE, SMUGGLER)]
    shared = TEAMS[1:2] if team.id == TEAMS[0] else ()
    made = [
        team.channel(f"C{team.id[1:]}", members=members, called="general", shared_with=shared),
        team.channel(f"C{team.id[1:]}1", members=members, called="builds"),
        team.channel(f"G{team.id[1:]}", members=members, kind="group", called="builds-private"),
    ]
    return [channel.id for channel in made]
