"""Everything that people can do in Slack: what it asks of Slack, and that it counts once.

Each deed is a payload of Slack's with the requests that must follow. Then the same payloads come
again, twice, as Slack repeats them; nothing may be different. The table is held against what the
listeners, the manifest and the rendering know, so that nothing new is forgotten.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agents.types import Check, Diagnostic
from bot.render import slack_accounts as accounts
from bot.render import slack_actions as buttons
from bot.render import slack_help, slack_home, slack_usage, slack_views
from bot.render import slack_replies as replies
from bot.render import slack_sharing as sharing
from bot.render.slack_forms import BUILD_FORM, CHANNEL, OTHERS, PROMPT, SETTINGS_FORM
from bot.render.slack_gallery import message_states
from bot.slack.intents import TOPICS
from bot.slack.listeners import BUILD_FROM_MESSAGE, NEW_BUILD
from bot.slack.manifest import EVENTS
from bot.store.port import TaskRow
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.world import Message
from tests.fakes.slack_bot import Bot, slack_bot

Do = Callable[[Bot, Message], Awaitable[None]]
POST, WHISPER = "chat.postMessage", "chat.postEphemeral"
OPEN, UPDATE, HOME = "views.open", "views.update", "views.publish"


@dataclass(frozen=True)
class Deed:
    """What is done, what it asks of Slack, and how many tasks it begins.

    `after`: how the app in the thread stands before; see `prepared`.
    """

    do: Do
    asks: frozenset[str] = frozenset()
    begins: int = 0
    after: str = "built"
    stops: int = 0
    in_vain: frozenset[str] = frozenset()
    """What Slack refuses, as it has to."""


def command(text: str) -> Do:
    return lambda bot, _: _told(bot.slack.command("U1", "C1", "/zapdev", text))


def reply(text: str, user: str = "U1") -> Do:
    return lambda bot, live: _told(bot.slack.say(user, "C1", text, live.root_ts))


def click(action_id: str, user: str = "U1") -> Do:
    return lambda bot, live: _told(bot.slack.click(user, live, action_id))


async def _told(telling: Awaitable[object]) -> None:
    await telling


async def mention(bot: Bot, _: Message) -> None:
    await bot.slack.mention("U1", "C1", "a shop")


async def direct(bot: Bot, _: Message) -> None:
    await bot.slack.dm("U1", "a shop")


async def in_private(bot: Bot, _: Message) -> None:
    bot.team.channel("G1", members=["U1"], kind="group")
    await bot.slack.mention("U1", "G1", "a shop")


async def among_some(bot: Bot, _: Message) -> None:
    bot.team.channel("G2", members=["U1", "U2"], kind="mpim")
    await bot.slack.mention("U1", "G2", "a shop")


async def edit(bot: Bot, live: Message) -> None:
    [root] = [m for m in bot.slack.messages("C1") if m.ts == live.root_ts]
    await bot.slack.edit("U1", root, f"<@{bot.team.bot_user}> a board for bikes")


async def native_stop(bot: Bot, live: Message) -> None:
    person, channel = bot.slack.world.users["U1"], bot.slack.world.channels["C1"]
    event = bot.slack.payloads.agent_session_stopped(person, channel, live.root_ts)
    await bot.slack.deliver_event("T1", event)


async def home(bot: Bot, _: Message) -> None:
    await bot.slack.open_home("U1")


def in_home(action_id: str) -> Do:
    async def do(bot: Bot, _: Message) -> None:
        await bot.slack.open_home("U2")
        await bot.settled()
        shown = bot.slack.home("U2")
        assert shown is not None
        await bot.slack.click("U2", shown, action_id)

    return do


def answered(text: str, action_id: str) -> Do:
    """A button of what a command has answered."""

    async def do(bot: Bot, _: Message) -> None:
        await bot.slack.command("U1", "C1", "/zapdev", text)
        await bot.settled()
        await bot.slack.click("U1", bot.slack.ephemeral("U1")[-1], action_id)

    return do


async def build_form(bot: Bot, _: Message) -> None:
    await bot.slack.shortcut("U1", NEW_BUILD)
    await bot.settled()
    view = bot.slack.modal("U1")
    assert view is not None
    await bot.slack.submit("U1", view, {PROMPT: "a shop", CHANNEL: "C1"})


async def settings_form(bot: Bot, _: Message) -> None:
    await bot.slack.command("U1", "C1", "/zapdev", "settings")
    await bot.settled()
    view = bot.slack.modal("U1")
    assert view is not None
    await bot.slack.submit("U1", view, {OTHERS: "viewer"})


async def from_message(bot: Bot, _: Message) -> None:
    said = await bot.slack.say("U2", "C1", "a page for our summer party")
    await bot.slack.message_shortcut("U1", said, BUILD_FROM_MESSAGE)


async def new_build(bot: Bot, _: Message) -> None:
    await bot.slack.shortcut("U1", NEW_BUILD)


def turn(first: str, action_id: str, value: str | None = None) -> Do:
    """A menu or a page inside a view."""

    async def do(bot: Bot, live: Message) -> None:
        await bot.slack.click("U1", live, first)
        await bot.settled()
        view = bot.slack.modal("U1")
        assert view is not None
        await bot.slack.click("U1", view, action_id, value=value)

    return do


async def read_on(bot: Bot, live: Message) -> None:
    """The second page of a long file."""
    await turn(buttons.FILES, slack_views.PICK_FILE, "0")(bot, live)
    await bot.settled()
    view = bot.slack.modal("U1")
    assert view is not None
    await bot.slack.click("U1", view, f"{slack_views.CODE_PAGE}:0:on")


async def in_dm(bot: Bot, _: Message) -> None:
    bot.team.channel("G3", members=["U1"], kind="group", with_bot=False)
    await bot.slack.command("U1", "G3", "/zapdev", "a shop")
    await bot.settled()
    await bot.slack.click("U1", bot.slack.ephemeral("U1")[-1], replies.BUILD_IN_DM)


async def ask_edit(bot: Bot, _: Message) -> None:
    await bot.slack.click("U2", bot.slack.ephemeral("U2")[-1], sharing.ASK_EDIT)


async def let_edit(bot: Bot, _: Message) -> None:
    await bot.slack.click("U1", bot.slack.bot_messages("C1")[-1], sharing.LET_EDIT)


def asks(*methods: str) -> frozenset[str]:
    return frozenset(methods)


COMMANDS: dict[str, Deed] = {
    "build": Deed(command("a shop"), begins=1),
    "build, by its name": Deed(command("build a shop --framework vue"), begins=1),
    **{topic: Deed(command(topic)) for topic in TOPICS if topic != "settings"},
    "settings": Deed(command("settings"), asks(OPEN, UPDATE)),
    "stop": Deed(command("stop"), after="running", stops=1),
    "model": Deed(command("model openai/gpt-4o")),
    "framework": Deed(command("framework vue")),
    "import": Deed(command("import https://github.com/a/b"), begins=1),
    "share": Deed(command("share <@U2> view")),
    "new link": Deed(command("new link")),
    **{words: Deed(command(words)) for words in ("link", "unlink", "links", "link ABCD-EFG2")},
}
IN_THREADS: dict[str, Deed] = {
    "build": Deed(reply("make it green"), begins=1),
    "build, by another": Deed(reply("make it green", user="U2"), begins=1),
    "build, while it runs": Deed(reply("make it green"), asks(POST), begins=1, after="running"),
    **{topic: Deed(reply(topic), asks(POST)) for topic in TOPICS},
    "stop": Deed(reply("stop"), after="running", stops=1),
    "retry": Deed(reply("retry"), begins=1, after="stuck"),
    "undo": Deed(reply("undo"), asks(POST), begins=1, after="built twice"),
    "model": Deed(reply("model openai/gpt-4o"), asks(POST)),
    "framework": Deed(reply("framework vue"), asks(POST)),
    "import": Deed(reply("import https://github.com/a/b"), asks(POST)),
    "share": Deed(reply("share <@U2> view"), asks(POST)),
    "sharing": Deed(reply("share"), asks(POST)),
    "new link": Deed(reply("new link"), asks(POST)),
    **{words: Deed(reply(words), asks(POST)) for words in ("link", "unlink")},
    "aside": Deed(reply("!aside what do you think?")),
}
EVENT_DEEDS: dict[str, Deed] = {
    "agent_session_stopped": Deed(native_stop, after="running", stops=1),
    "app_home_opened": Deed(home, asks(HOME)),
    "app_mention": Deed(mention, begins=1),
    "message.channels": Deed(reply("make it green"), begins=1),
    "message.groups": Deed(in_private, begins=1),
    "message.im": Deed(direct, begins=1),
    "message.mpim": Deed(among_some, begins=1),
    "message.channels, edited": Deed(edit, asks(POST), begins=1, after="running", stops=1),
}
SHORTCUTS: dict[str, Deed] = {
    BUILD_FROM_MESSAGE: Deed(from_message, begins=1),
    NEW_BUILD: Deed(new_build, asks(OPEN)),
}
FORMS: dict[str, Deed] = {
    BUILD_FORM: Deed(build_form, asks(OPEN, WHISPER), begins=1),
    SETTINGS_FORM: Deed(settings_form, asks(OPEN, UPDATE, HOME)),
}
BUTTONS: dict[str, Deed] = {
    buttons.STOP: Deed(click(buttons.STOP), after="running", stops=1),
    buttons.OPEN_PREVIEW: Deed(click(buttons.OPEN_PREVIEW)),
    buttons.FILES: Deed(click(buttons.FILES), asks(OPEN, UPDATE)),
    buttons.DIFF: Deed(click(buttons.DIFF), asks(OPEN, UPDATE)),
    buttons.DOWNLOAD: Deed(click(buttons.DOWNLOAD), asks(WHISPER)),
    buttons.UNDO: Deed(click(buttons.UNDO), asks(WHISPER), begins=1, after="built twice"),
    buttons.RETRY: Deed(click(buttons.RETRY), begins=1, after="stuck"),
    buttons.FIX: Deed(click(buttons.FIX), begins=1, after="red"),
    buttons.SUGGEST: Deed(click(buttons.suggest(0)), begins=1),
    f"{buttons.SUGGEST}, an answer": Deed(click(buttons.suggest(1)), begins=1, after="stuck"),
    slack_views.PICK_FILE: Deed(
        turn(buttons.FILES, slack_views.PICK_FILE, "1"), asks(OPEN, UPDATE)
    ),
    slack_views.FILES_PAGE: Deed(
        turn(buttons.FILES, f"{slack_views.FILES_PAGE}:on"), asks(OPEN, UPDATE), after="large"
    ),
    slack_views.DIFF_PAGE: Deed(
        turn(buttons.DIFF, f"{slack_views.DIFF_PAGE}:on"), asks(OPEN, UPDATE), after="large"
    ),
    slack_views.CODE_PAGE: Deed(read_on, asks(OPEN, UPDATE), after="large"),
    slack_home.EXAMPLE: Deed(in_home(f"{slack_home.EXAMPLE}:0"), asks(HOME, OPEN)),
    slack_help.SETTINGS: Deed(in_home(slack_help.SETTINGS), asks(HOME, OPEN, UPDATE)),
    slack_help.SHOW_APPS: Deed(answered("help", slack_help.SHOW_APPS), asks(WHISPER)),
    replies.SHOW_HELP: Deed(in_home(replies.SHOW_HELP), asks(HOME, OPEN)),
    replies.NEW_APP: Deed(in_home(replies.NEW_APP), asks(HOME, OPEN)),
    replies.BUILD_IN_DM: Deed(
        in_dm, asks(WHISPER, "conversations.open"), begins=1, in_vain=asks(WHISPER)
    ),
    sharing.ASK_EDIT: Deed(ask_edit, asks(POST, WHISPER), after="refused"),
    sharing.LET_EDIT: Deed(let_edit, after="asked"),
}
KINDS = {
    "command": COMMANDS,
    "thread": IN_THREADS,
    "event": EVENT_DEEDS,
    "shortcut": SHORTCUTS,
    "form": FORMS,
    "button": BUTTONS,
}
ALL = [
    pytest.param(deed, id=f"{kind}: {name}")
    for kind, deeds in KINDS.items()
    for name, deed in deeds.items()
]


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    async with FakeSlack(rate_limits=False) as slack:
        team = slack.workspace("T1")
        team.channel("C1", members=["U1", "U2"])
        address = "http://127.0.0.1:8787"
        async with slack_bot(slack, tmp_path / "zapdev.db", address=address) as running:
            yield running


async def prepared(bot: Bot, after: str) -> Message:
    """An app in a thread of C1; its newest message."""
    root = await bot.slack.mention("U1", "C1", "a kanban board")
    if after == "running":
        return await bot.running()
    files = {
        f"{n:03}.txt": b"a line of text\n" * 3_000 for n in range(120 if after == "large" else 2)
    }
    live = await bot.built(files, preview_url="http://127.0.0.1:4444")
    if after in ("built", "large"):
        return live
    if after not in ("refused", "asked"):
        await bot.slack.say("U1", "C1", "make it green", root.ts)
    match after:
        case "refused" | "asked":
            await bot.slack.say("U1", "C1", "share everybody view", root.ts)
            await bot.settled()
            await bot.slack.say("U2", "C1", "make it red", root.ts)
            await bot.settled()
            if after == "asked":
                await ask_edit(bot, live)
                await bot.settled()
            return live
        case "stuck":
            return await bot.stuck()
        case "red":
            return await built_red(bot)
        case _:
            return await bot.built({"a.txt": b"3"})


async def built_red(bot: Bot) -> Message:
    """Ready, but lint has found something."""
    await bot.settled()
    claim = await bot.worker.take()
    await bot.worker.prepare()
    await bot.worker.write({"a.txt": b"3"})
    finding = Diagnostic(file="a.txt", line=1, message="An unused word")
    await bot.worker.check(Check.LINT, finding)
    await bot.worker.complete({"a.txt": b"3"})
    return await bot.show(claim.task)


async def tasks(bot: Bot, owner: str) -> list[TaskRow]:
    return [*await bot.tasks(), *(await bot.tasks_of(owner) if owner else ())]


async def standing(bot: Bot, owner: str) -> dict[str, Any]:
    """Everything that a repetition must not change."""
    rows = await tasks(bot, owner)
    projects = {row.project_id: row.owner for row in rows}
    versions = [len(await bot.store.fragments(o, p)) for p, o in projects.items()]
    return {
        "tasks": [(row.prompt, row.kind, row.status, row.cancel_by) for row in rows],
        "said": [m.text for c in bot.slack.world.channels for m in bot.slack.bot_messages(c)],
        "versions": versions,
        "members": [dict(await bot.store.members(p)) for p in projects],
        "wishes": [await bot.store.preferences(owner) for owner in projects.values()],
        "modals": [view.id for view in bot.slack.views if view.body["type"] == "modal"],
    }


@pytest.mark.parametrize("deed", ALL)
async def test_each_deed_asks_slack_for_what_it_needs_and_counts_once(bot: Bot, deed: Deed) -> None:
    await check(bot, deed, await prepared(bot, deed.after))


async def check(bot: Bot, deed: Deed, live: Message, owner: str = "") -> None:
    rows, calls, told = await tasks(bot, owner), len(bot.slack.calls), len(bot.slack.deliveries)
    await deed.do(bot, live)
    await bot.settled()
    deliveries = bot.slack.deliveries[told:]
    assert [d.type for d in deliveries if not d.is_acked] == []
    assert {call.method for call in bot.slack.calls[calls:]} == deed.asks
    assert {call.method for call in bot.slack.calls[calls:] if call.error} == deed.in_vain
    begun = await tasks(bot, owner)
    assert len(begun) - len(rows) == deed.begins
    assert sum(row.cancel_by is not None for row in begun) == deed.stops

    before = await standing(bot, owner)
    for delivery in [*deliveries, *reversed(deliveries)]:
        again = await bot.slack.deliver(delivery.kind, delivery.payload)
        assert again.is_acked, again.attempts
    assert await standing(bot, owner) == before


def _action_names() -> Iterator[str]:
    """Of every button and menu that is rendered anywhere."""

    def found(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            yield from [str(part["action_id"]).partition(":")[0]] if "action_id" in part else []
            part = list(part.values())
        for inner in part if isinstance(part, list) else []:
            yield from found(inner)

    for message in message_states().values():
        yield from found(message.blocks)


def test_no_deed_is_forgotten() -> None:
    fields = {"prompt", "framework", "model", "channel", "others"}
    beside = {replies.LINK_ACCOUNT, *accounts.BUTTONS, slack_usage.SHOW_USAGE}  # their own tests
    assert set(_action_names()) - fields - beside <= set(BUTTONS)
    ends = {"app_uninstalled", "tokens_revoked", "user_change"}  # test_departures, test_link_desk
    assert set(EVENTS) - ends <= set(EVENT_DEEDS)
    assert set(TOPICS) <= set(COMMANDS) & set(IN_THREADS)
