"""The main job from Slack, with real parts: the real program over Socket Mode, the offline model,
real sandboxes, a real preview. Only Slack itself is played.
"""

import io
import re
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from bot.render import slack_actions as buttons
from tests.fakes.server import Server, serving
from tests.fakes.slack import picture
from tests.fakes.slack.delivery import Delivery
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.world import Message, State
from tests.fakes.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROMPT = "A kanban board for a bike shop"
WORDS = "Kanban board for a bike shop"
GREEN = "#15803d"
DONE_S = 180.0
_RANKS = {"pending": 0, "in_progress": 1, "complete": 2, "error": 2}


@dataclass
class Story:
    """What happened, in order."""

    slack: FakeSlack
    server: Server
    command: Delivery
    first: Message
    second: Message
    third: Message
    styles: list[str] = field(default_factory=list)
    """The style sheet of the preview after each of the three."""
    pages: list[str] = field(default_factory=list)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def story(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Story]:
    """A command, a reply by somebody else, and Undo."""
    folder = tmp_path_factory.mktemp("slack")
    async with FakeSlack() as slack:
        team = slack.workspace("T1")
        team.channel("C1", members=["U1", "U2"])
        settings = {
            "SLACK_BOT_TOKEN": team.token,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_API_URL": slack.api_url,
        }
        async with serving(folder / "data", **settings) as server:
            await slack.connected()
            command = await slack.command("U1", "C1", "/zapdev", f"{PROMPT} --framework react")
            first = await live_message(slack, 0)
            told = Story(slack, server, command, first, first, first)
            await look(told, first)
            await slack.say("U2", "C1", "Make the accent colour green", first.ts)
            told.second = await live_message(slack, 1)
            await look(told, told.second)
            await slack.click("U2", told.second, buttons.UNDO)
            told.third = await live_message(slack, 2)
            await look(told, told.third)
            yield told


async def live_message(slack: FakeSlack, number: int) -> Message:
    """The live message of so many tasks before it, once it is final."""

    def found() -> list[Message]:
        return [m for m in slack.bot_messages("C1") if is_live(m)]

    await until(lambda: len(found()) > number, DONE_S)
    message = found()[number]
    await until(lambda: buttons.FILES in actions_of(message.now), DONE_S)
    return message


def is_live(message: Message) -> bool:
    """It has a task's plan, unlike what else the bot says."""
    return any(block["type"] == "plan" for block in message.history[0].blocks)


async def look(story: Story, message: Message) -> None:
    """Open the preview as a person does, and its style sheet."""
    url = link_of(message)
    async with aiohttp.ClientSession() as http:
        async with http.get(url) as answer:
            assert answer.status == 200
            page, at = await answer.text(), answer.url
        sheet = re.search(r'rel="stylesheet"[^>]*href="([^"]+)"', page)
        assert sheet is not None
        async with http.get(at.join(URL(sheet[1]))) as answer:
            assert answer.status == 200
            story.styles.append(await answer.text())
    story.pages.append(page)


def shown_to(slack: FakeSlack, user: str) -> str:
    """The modal in front of a person."""
    view = slack.modal(user)
    return "" if view is None else str(view.blocks)


def actions_of(state: State) -> list[str]:
    return [
        element["action_id"]
        for block in state.blocks
        if block["type"] == "actions"
        for element in block["elements"]
    ]


def link_of(message: Message) -> str:
    """Where the button Open preview leads."""
    elements = [e for b in message.blocks if b["type"] == "actions" for e in b["elements"]]
    [url] = [e["url"] for e in elements if e["action_id"] == buttons.OPEN_PREVIEW]
    return str(url)


def cards_of(state: State) -> dict[str, int]:
    """How far each step of the plan is, by its id."""
    plans: list[Any] = [block for block in state.blocks if block["type"] == "plan"]
    return {task["task_id"]: _RANKS[task["status"]] for plan in plans for task in plan["tasks"]}


# --- what a person sees ------------------------------------------------------------------


async def test_the_command_is_acknowledged_at_once_and_only_to_its_author(story: Story) -> None:
    assert story.command.latency_s < 0.5
    assert story.slack.ephemeral("U1")[0].text.startswith(f"On it: “{PROMPT}”")
    assert [m for m in story.slack.ephemeral("U2") if "On it" in m.text] == []


async def test_the_preview_that_is_linked_shows_the_persons_words(story: Story) -> None:
    assert all(WORDS in page for page in story.pages)
    assert f"{WORDS}: ready" in story.first.text.replace("\u2060", "")


async def test_a_reply_changes_the_app_and_undo_brings_the_old_one_back(story: Story) -> None:
    assert [GREEN in style for style in story.styles] == [False, True, False]
    assert story.styles[0] == story.styles[2]


async def test_files_changes_and_the_download_show_the_same_version(story: Story) -> None:
    slack = story.slack
    await slack.click("U1", story.second, buttons.DIFF)
    await until(lambda: GREEN in shown_to(slack, "U1"))
    assert "1 file changed" in shown_to(slack, "U1")
    await slack.click("U1", story.second, buttons.FILES)
    await until(lambda: "App.tsx" in shown_to(slack, "U1"))
    await slack.click("U1", story.second, buttons.DOWNLOAD)
    await until(lambda: any("/d/" in m.text for m in slack.ephemeral("U1")))
    [said] = [m.text for m in slack.ephemeral("U1") if "/d/" in m.text]
    assert "only on the machine that the bot runs on" in said
    url = said.partition("<")[2].partition("|")[0]
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        assert (answer.status, answer.content_type) == (200, "application/zip")
        raw = await answer.read()
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("src/theme.css")]
        assert GREEN in archive.read(name).decode()


async def test_home_shows_the_app_with_its_link(story: Story) -> None:
    await story.slack.open_home("U1")
    await until(lambda: story.slack.home("U1") is not None)
    home = story.slack.home("U1")
    assert home is not None
    assert WORDS in str(home.blocks)
    assert link_of(story.third) in str(home.blocks)
    assert "2 builds in the last 24 hours" in str(home.blocks)  # the check after an undo is none


async def test_everything_is_in_the_thread_that_the_first_message_began(story: Story) -> None:
    assert story.first.thread_ts is None
    assert (story.second.thread_ts, story.third.thread_ts) == (story.first.ts, story.first.ts)
    beside = [m for m in story.slack.bot_messages("C1") if not is_live(m)]
    said = [m.text for m in beside if not m.files]
    assert [text.partition(" ")[0] for text in said] == ["<@U1>", "<@U2>", "<@U2>"]
    pictures = [m for m in beside if m.files]
    assert {m.thread_ts for m in pictures} == {story.first.ts}
    contents = [file.content or b"" for m in pictures for file in m.files]
    assert all(content.startswith(b"\xff\xd8\xff") for content in contents), "JPEG"
    assert "The app is back at" in story.slack.ephemeral("U2")[0].text


# --- how the message went ----------------------------------------------------------------


async def test_each_message_goes_forward_step_by_step_to_its_final_state(story: Story) -> None:
    for message in (story.first, story.second, story.third):
        states = message.history
        assert len(states) > 1
        assert all(state.text for state in states)
        furthest: dict[str, int] = {}
        for state in states:
            cards = cards_of(state)
            assert all(cards.get(name, rank) >= rank for name, rank in furthest.items())
            furthest |= cards
        assert set(furthest.values()) == {2}
        assert buttons.STOP in actions_of(states[0])
        assert buttons.STOP not in actions_of(states[-1])


async def test_files_appear_while_they_are_written(story: Story) -> None:
    shown = [str([b for b in s.blocks if "files" in b["block_id"]]) for s in story.first.history]
    assert any("src/App.tsx" in files for files in shown[:-1])


async def test_the_states_can_be_looked_at(story: Story, tmp_path: Path) -> None:
    page = picture.history(story.first)
    (tmp_path / "live.html").write_text(page)
    assert page.count('class="frame"') == len(story.first.history)


# --- how Slack and the log see it --------------------------------------------------------


async def test_slack_refused_nothing_and_nothing_had_to_be_repeated(story: Story) -> None:
    assert [f"{call.method}: {call.error}" for call in story.slack.calls if call.error] == []
    assert [d.type for d in story.slack.deliveries if len(d.attempts) != 1] == []


async def test_the_log_holds_no_error_no_advice_of_bolts_and_nobodys_words(story: Story) -> None:
    assert story.server.complaints == []
    log = "\n".join(story.server.log)
    assert "Slack is connected" in log
    for unwanted in ("bike shop", "accent colour", "`token`", "Unhandled", story.slack.app_token):
        assert unwanted not in log
