"""What people do in one thread of the crowd, as they see it: nothing here asks the store."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from contextlib import suppress

from bot.render import slack_actions as buttons
from bot.render.slack_views import PICK_FILE
from bot.slack.listeners import COMMAND
from tests.campaigns._crowd_cast import Crowd, Thread, words_in
from tests.campaigns._crowd_forgery import forge_at_end, forge_in_build
from tests.campaigns._crowd_model import SlowModel
from tests.campaigns._crowd_sight import InVain, T, builds_in, builds_of, seen
from tests.campaigns._storm import is_final
from tests.fakes.slack.forms import NotThere
from tests.fakes.slack.world import Message, View

_TRIES = 5
_VIEW_S = 8.0


class Play:
    """One thread, from the first word to the last."""

    def __init__(self, crowd: Crowd, thread: Thread, model: SlowModel, limit_s: float) -> None:
        self._crowd = crowd
        self._slack = crowd.slack
        self._thread = thread
        self._model = model
        self._limit_s = limit_s

    async def run(self) -> None:
        """A boundary: who waits in vain goes away, and the campaign judges what there is."""
        thread = self._thread
        try:
            await self._begin()
            await self._talk()
            await self._interfere()
            self._model.gates[thread.word].set()
            first = sum(1 for _ in thread.expected()) - (thread.after != "nothing")
            await self._finals(first)
            await forge_at_end(self._crowd, thread)
            await self._look()
            if thread.after != "nothing":
                await self._finish()
                await self._finals(first + 1)
        except (InVain, NotThere) as error:
            thread.trouble.append(repr(error))
        finally:
            self._model.gates[thread.word].set()
            thread.is_over = True

    # --- acts ----------------------------------------------------------------------------

    async def _begin(self) -> None:
        thread, slack = self._thread, self._slack
        match thread.start:
            case "command":
                channel = thread.channel
                await slack.command(thread.starter, channel, COMMAND, f"build {thread.first}")
                begun = await self._seen(self._begun_by_command, "a build")
                thread.root = begun.ts
                await self._seen(lambda: len(begun.history) > 1, "a build that moves")
            case "direct":
                message = await slack.dm(thread.starter, thread.first, ts=thread.stamp)
                thread.root = message.ts
            case "mention":
                place = thread.starter, thread.channel
                message = await slack.mention(*place, thread.first, ts=thread.stamp)
                thread.root = message.ts
        await self._seen(self._model.asked[thread.word].is_set, "its turn")

    def _begun_by_command(self) -> Message | None:
        new = (m for m in builds_in(self._slack, self._thread.channel) if m.thread_ts is None)
        return next((m for m in new if self._thread.word in words_in(m.text)), None)

    async def _talk(self) -> None:
        """While it is built: a wish, a question, and people from elsewhere."""
        thread = self._thread
        await asyncio.gather(
            self._say(thread.other, thread.follow_up),
            self._say(thread.starter, "status"),
            forge_in_build(self._crowd, thread),
        )

    async def _interfere(self) -> None:
        """What the thread's plan says: the end of its first build, or of everything."""
        thread, slack = self._thread, self._slack
        match thread.middle:
            case "stop word":
                await self._say(thread.other, "stop")
            case "stop button":
                shown = await self._seen(self._first_build, "a build")
                await slack.click(thread.other, shown, buttons.STOP)
            case "native stop":
                await self._seen(self._is_processing, "Slack's own stop button")
                await slack.press_native_stop(thread.other, builds_of(slack, thread)[0])
            case "edit":
                there = slack.messages(thread.channel)
                mine = next(m for m in there if m.ts == thread.root)
                mention = mine.text.partition(thread.first)[0]
                await slack.edit(thread.starter, mine, f"{mention}{thread.corrected}")
            case "nothing":
                return
        await self._seen(self._first_is_over, "the end of the first build")

    def _first_build(self) -> Message | None:
        """Until it is complete a build is called by what was asked for."""
        there = builds_of(self._slack, self._thread)
        return next((m for m in there if self._thread.first in m.text), None)

    def _first_is_over(self) -> bool:
        first = self._first_build()
        return first is not None and is_final(first.now)

    def _is_processing(self) -> bool:
        session = self._slack.world.sessions.get((self._thread.channel, self._thread.root))
        return session is not None and session.status == "processing"

    async def _look(self) -> None:
        """At each version that there is: its files, its changes, and the way to download it."""
        for message in builds_of(self._slack, self._thread):
            if _has(message, buttons.FILES):
                await self._look_at_files(self._thread.starter, message)
                await self._opened(self._thread.other, message, buttons.DIFF)
                await self._slack.click(self._thread.other, message, buttons.DOWNLOAD)

    async def _look_at_files(self, user: str, message: Message) -> None:
        view = await self._opened(user, message, buttons.FILES)
        menu = next(e for b in view.blocks for e in b.get("elements", []) if "options" in e)
        number = next(o["value"] for o in menu["options"] if "wish.ts" in o["text"]["text"])

        async def pick() -> bool | None:
            await self._slack.click(user, view, PICK_FILE, value=number)
            with suppress(InVain):
                return await seen(lambda: "wish = " in str(view.body), _VIEW_S, "a file")
            return None

        await self._until(pick, "a file")

    async def _opened(self, user: str, message: Message, action: str) -> View:
        """The modal behind a button."""
        slack, found = self._slack, functools.partial(self._new_view, user)

        async def press() -> View | None:
            before = set(slack.world.views)
            await slack.click(user, message, action)
            with suppress(InVain):
                return await seen(lambda: found(before), _VIEW_S, action)
            return None

        async with self._crowd.turns[user]:
            return await self._until(press, action)

    async def _until(self, act: Callable[[], Awaitable[T | None]], name: str) -> T:
        """Who sees nothing happen does it again. Raises: InVain."""
        for _ in range(_TRIES):
            if found := await act():
                return found
        raise InVain(name)

    def _new_view(self, user: str, before: set[str]) -> View | None:
        views = self._slack.world.views.items()
        new = [view for name, view in views if name not in before and view.user == user]
        self._thread.clicked += [view for view in new if view not in self._thread.clicked]
        return next((view for view in new if words_in(view.body)), None)

    async def _finish(self) -> None:
        """The last wish, by word or by button, of the thread's newest build."""
        thread, slack = self._thread, self._slack
        there = builds_of(slack, thread)
        match thread.after:
            case "undo word":
                await self._say(thread.other, "undo")
            case "retry word":
                await self._say(thread.starter, "retry")
            case "undo button":
                [newest] = [m for m in there if _has(m, buttons.UNDO)]
                await slack.click(thread.other, newest, buttons.UNDO)
            case "retry button":
                [stopped] = [m for m in there if thread.follow_up in m.text]
                await slack.click(thread.starter, stopped, buttons.RETRY)
            case _:
                await slack.click(thread.other, there[-1], buttons.suggest(0))

    # --- what they see -------------------------------------------------------------------

    async def _finals(self, how_many: int) -> None:
        """Until so many builds have ended, as people see it."""
        slack, thread = self._slack, self._thread

        def ended() -> bool:
            return sum(is_final(m.now) for m in builds_of(slack, thread)) >= how_many

        await self._seen(ended, f"{how_many} ends")

    async def _say(self, user: str, text: str) -> None:
        await self._slack.say(user, self._thread.channel, text, self._thread.root)

    async def _seen(self, what: Callable[[], T | None], name: str) -> T:
        return await seen(what, self._limit_s, name)


def _has(message: Message, action: str) -> bool:
    return any(e.get("action_id") == action for b in message.blocks for e in b.get("elements", []))
