"""What became of the crowd: whether anything of one thread is seen in another, or is not as it should be."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from agents.events import TERMINAL, TaskCancelled, TaskStarted
from agents.system import SystemClock
from agents.types import TaskId, TaskKind
from bot.services.downloads import DownloadLinks, LinkRefused
from tests.campaigns._crowd_cast import Crowd, Thread, words_in
from tests.campaigns._crowd_forgery import CONTRABAND
from tests.campaigns._crowd_sight import build_of
from tests.campaigns._crowd_store import HeldProject, HeldTask, expected_files
from tests.campaigns._light_slack import ADDRESS, LINKS_SECRET
from tests.campaigns._storm import is_final, task_of
from tests.fakes.slack.world import Call, Channel, Message, View

_LINK = re.compile(r"/d/([\w.~-]+)")
_STATUS = "This thread's app."
_EXAMPLES = 20
LATE = ("expired_trigger_id", "exchanged_trigger_id")
"""Slack's three seconds were over, which is said of this machine and not of the product."""


@dataclass
class Judge:
    """Counts what is wrong, and keeps examples."""

    crowd: Crowd
    problems: Counter[str] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)
    limited: Counter[str] = field(default_factory=Counter)
    """Calls that Slack told to come later."""
    workers: Counter[str] = field(default_factory=Counter)
    """How many tasks each has begun."""
    examples: list[str] = field(default_factory=list)

    def blame(self, kind: str, what: str) -> None:
        self.problems[kind] += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(f"{kind}: {what}")

    # --- what people were shown ----------------------------------------------------------

    def slack(self) -> None:
        """Everything that the bot has said, in every state that it ever had."""
        crowd = self.crowd
        threads = {(t.channel, t.root): t for t in crowd.threads}
        for message in _messages(crowd):
            if message.via == "person":
                continue
            thread = threads.get((message.channel.id, message.root_ts))
            shown = json.dumps([[s.text, s.blocks, s.attachments] for s in message.history])
            where = f"{message.channel.id} {message.root_ts}"
            self._shown(shown, self._allowed(message, thread), message.ephemeral_to, where)
            if message.ephemeral_to is not None:
                self._links(shown, message.ephemeral_to, thread)
        for thread in crowd.threads:
            self._thread(thread)
        self._views()

    def _allowed(self, message: Message, thread: Thread | None) -> set[str]:
        """The words that may stand in it: beside a thread, those of what the person has begun."""
        if thread is not None:
            return {thread.word}
        user = message.ephemeral_to
        if user is None and message.channel.kind == "im":
            user = next(m for m in message.channel.members if not m.startswith("UBOT"))
        return {t.word for t in self.crowd.begun_by(user or "")}

    def _shown(self, shown: str, allowed: set[str], user: str | None, where: str) -> None:
        words = words_in(shown)
        self.figures["shown"] += bool(words)
        is_smuggled = user in self.crowd.smugglers.values()
        if words and is_smuggled:
            self.blame("forged_effects", f"{user} is shown {sorted(words)} in {where}")
        elif strange := words - allowed:
            self.blame("crossed", f"{sorted(strange)} in {where}, about {sorted(allowed)}")

    def _links(self, shown: str, user: str, thread: Thread | None) -> None:
        links = DownloadLinks(LINKS_SECRET, SystemClock(), ADDRESS)
        for signed in set(_LINK.findall(shown)):
            self.figures["downloads"] += 1
            try:
                owner = links.read(signed).owner
            except LinkRefused:
                self.blame("missing", f"a download of {user} that is no link of ours")
                continue
            if user in self.crowd.smugglers.values():
                self.blame("forged_effects", f"{user} may download what is {owner}'s")
            elif thread is None or owner != thread.owner:
                self.blame("crossed", f"a download of {owner}'s app for {user}")

    def _thread(self, thread: Thread) -> None:
        for trouble in thread.trouble:
            self.blame("missing", f"{thread.word} ({thread.start}, {thread.middle}): {trouble}")
        there = self.crowd.slack.bot_messages(thread.channel, thread_ts=thread.root)
        if not any(_STATUS in m.text for m in there):
            self.blame("unanswered", f"nobody tells {thread.word} how it stands")

    def _views(self) -> None:
        crowd = self.crowd
        owners = {view.id: thread for thread in crowd.threads for view in thread.clicked}
        homes = {view.id for view in crowd.slack.world.homes.values()}
        for view in crowd.slack.views:
            shown = json.dumps([*view.history, view.body])
            thread = owners.get(view.id)
            allowed = set() if thread is None else {thread.word}
            if view.id in homes:
                allowed = {t.word for t in crowd.begun_by(view.user)}
                self._home(view, allowed)
            self._shown(shown, allowed, view.user, f"a view of {view.user}")

    def _home(self, view: View, allowed: set[str]) -> None:
        if lacking := allowed - words_in(view.body):
            self.blame("missing", f"{sorted(lacking)} in the home of {view.user}")

    # --- what is kept --------------------------------------------------------------------

    def store(self, held: Iterable[HeldProject]) -> None:
        by_word: defaultdict[str, list[HeldProject]] = defaultdict(list)
        for project in held:
            words = words_in(project.everything)
            if len(words) != 1:
                self.blame("crossed", f"{sorted(words)} in project {project.row.id}")
            for word in words:
                by_word[word].append(project)
        for thread in self.crowd.threads:
            found = by_word.pop(thread.word, [])
            if len(found) != 1:
                kind = "doubles" if found else "missing"
                self.blame(kind, f"{len(found)} projects about {thread.word}")
            for project in found:
                self._project(thread, project)
        for word in by_word:
            self.blame("crossed", f"{word} is nobody's")

    def _project(self, thread: Thread, project: HeldProject) -> None:
        if project.row.owner != thread.owner:
            self.blame("crossed", f"{thread.word} belongs to {project.row.owner}")
        if project.places != {(thread.team, thread.channel, thread.root)}:
            self.blame("crossed", f"{thread.word} is bound to {sorted(project.places)}")
        self._ends(thread, project)
        for task in project.tasks:
            self._task(thread, task)
        self._versions(thread, project)

    def _ends(self, thread: Thread, project: HeldProject) -> None:
        """Each wish once, and each ended as it had to."""
        wanted, got = defaultdict(list), defaultdict(list)
        for kind, prompt, status in thread.expected():
            wanted[kind, prompt].append(status)
        for task in reversed(project.tasks):
            row = task.row
            got[row.kind, "" if row.kind is TaskKind.FIX else row.prompt].append(row.status)
        for wish in wanted.keys() | got.keys():
            more = len(got[wish]) - len(wanted[wish])
            told = f"{thread.word} ({thread.middle}, {thread.after}): {wish} {got[wish]}"
            if more:
                self.blame("doubles" if more > 0 else "missing", told)
            elif sorted(got[wish]) != sorted(wanted[wish]):
                self.blame("wrong_ends", f"{told}, not {wanted[wish]}")

    def _task(self, thread: Thread, task: HeldTask) -> None:
        row, events = task.row, [recorded.event for recorded in task.log]
        ends = [event for event in events if isinstance(event, TERMINAL)]
        if len(ends) != 1 or events[-1] is not ends[0]:
            self.blame("wrong_ends", f"{thread.word}: {row.id} has ended {len(ends)} times")
        begun = [event.worker_id for event in events if isinstance(event, TaskStarted)]
        self.workers.update(begun[-1:])
        stoppers = {event.by for event in ends if isinstance(event, TaskCancelled)}
        people = {row.requested_by, *stoppers}
        if people & set(self.crowd.smugglers.values()) or CONTRABAND in row.prompt:
            self.blame("forged_effects", f"{thread.word}: {row.prompt!r} by {sorted(people)}")
        elif people - set(self.crowd.people(thread.team)):
            self.blame("crossed", f"{thread.word} is asked for or stopped by {sorted(people)}")
        self._messages_of(thread, task)

    def _messages_of(self, thread: Thread, task: HeldTask) -> None:
        """One live message with one end, and one word at the end, where they belong."""
        place = (thread.team, thread.channel, thread.root)
        for mark, name in (
            (task.row.id, "live message"),
            (f"{task.row.id}:done", "word at the end"),
        ):
            found = [m for m in _messages(self.crowd) if task_of(m) == mark]
            self._one(found, f"{name} of {thread.word}")
            for message in found:
                if _place(message) != place:
                    self.blame("crossed", f"a {name} of {thread.word} in {_place(message)}")
                elif build_of(message) is not None:
                    self._live(thread, message, task)

    def _one(self, found: list[Message], name: str) -> None:
        if len(found) != 1:
            self.blame("doubles" if found else "missing", f"{len(found)} times the {name}")

    def _live(self, thread: Thread, message: Message, task: HeldTask) -> None:
        ends = [is_final(state) for state in message.history]
        if sum(ends) != 1 or not ends[-1]:
            kind = "doubles" if sum(ends) > 1 else "missing"
            self.blame(kind, f"{sum(ends)} of {len(ends)} states of {thread.word} are final")
        kept = task.delivery
        origin = None if kept is None else kept.origin.thread
        noted = (
            None
            if kept is None or origin is None
            else (origin.team_id, origin.channel_id, origin.thread_ts or kept.message_ts),
            None if kept is None else kept.message_ts,
            None if kept is None else kept.owner,
        )
        if noted != (_place(message), message.ts, thread.owner):
            self.blame("crossed", f"the store shows {thread.word} at {noted}")

    def _versions(self, thread: Thread, project: HeldProject) -> None:
        """Each version holds what was asked for, and the app is at the right one."""
        prompts = {t.row.id: t.row.prompt for t in project.tasks if t.row.kind is not TaskKind.FIX}
        files = {version.id: version.files for version in project.versions}
        for version in project.versions:
            prompt = prompts.get(version.task_id or TaskId(""))
            if prompt is not None and version.files != expected_files(thread, prompt):
                self.blame("wrong_ends", f"{thread.word}: another app than {prompt!r}")
        wish, head = thread.head(), project.row.head
        at = None if head is None else files.get(head)
        if at != (None if wish is None else expected_files(thread, wish)):
            self.blame("wrong_ends", f"{thread.word} is not at the version of {wish!r}")

    # --- what Slack was asked ------------------------------------------------------------

    def calls(self) -> None:
        for call in self.crowd.slack.calls:
            if call.status == 429:
                self.limited[call.method] += 1
            elif call.error in LATE:
                self.figures["late"] += 1
            elif call.error is not None:
                self.blame("slack_errors", f"{call.method} {call.team}: {call.error} {call.args}")
            elif self._is_elsewhere(call):
                self.blame("slack_errors", f"{call.method} of {call.team} with {call.args}")

    def _is_elsewhere(self, call: Call) -> bool:
        """Whether a workspace's token was used for a place or a person of another one."""
        world = self.crowd.slack.world
        named = [str(call.args.get(name)) for name in ("user", "user_id", "users")]
        teams = {world.users[name].team for name in named if name in world.users}
        channel = world.channels.get(str(call.args.get("channel") or call.args.get("channel_id")))
        if channel is not None and channel.shared_with:
            teams = set()  # a guest of it may be spoken to
        teams |= set() if channel is None else {channel.team}
        return bool(teams - {call.team})


def _messages(crowd: Crowd) -> Iterator[Message]:
    for found in crowd.slack.world.messages.values():
        yield from found


def _place(message: Message) -> tuple[str, str, str]:
    channel: Channel = message.channel
    return channel.team, channel.id, message.root_ts
