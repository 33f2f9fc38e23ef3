"""Modals: files, changes, downloads, the form for a new build."""

import html
import io
import zipfile

import aiohttp
import pytest

from bot.render import slack_actions as buttons
from bot.render import slack_replies as replies
from bot.render.slack_forms import CHANNEL, FRAMEWORK, MODEL, PROMPT
from bot.render.slack_home import EXAMPLE, EXAMPLES
from bot.render.slack_views import CODE_PAGE, DIFF_PAGE, FILES_PAGE, PICK_FILE
from bot.services.downloads import Download
from bot.slack.listeners import NEW_BUILD
from tests.fakes.sidecar import running_sidecar
from tests.fakes.slack.world import Message, View
from tests.fakes.slack_bot import Bot
from tests.fakes.worker import APP, ICON


@pytest.fixture
async def root(bot: Bot) -> Message:
    return await bot.slack.mention("U1", "C1", "a kanban board")


async def looked_at(bot: Bot, message: Message, action_id: str) -> View:
    """Press it; the modal in front of the person when all is there."""
    await bot.slack.click("U1", message, action_id)
    await bot.settled()
    view = bot.slack.modal("U1")
    assert view is not None
    return view


def text_of(view: View) -> str:
    """Everything that it says."""
    parts = [p for block in view.blocks for p in (block.get("text"), *block.get("elements", []))]
    words = [part["text"] for part in parts if isinstance(part, dict) and "text" in part]
    return "\n".join(html.unescape(said) for said in words if isinstance(said, str))


# --- files -------------------------------------------------------------------------------


async def test_files_shows_the_tree_and_then_the_code_of_the_chosen_file(
    bot: Bot, root: Message
) -> None:
    live = await bot.built({**APP, "public/icon.png": ICON})
    view = await looked_at(bot, live, buttons.FILES)
    assert len(view.history) == 2, "it is open before anything is read"
    assert "5 files" in text_of(view)
    assert "src/\n  App.tsx" in text_of(view)
    chosen = str(sorted([*APP, "public/icon.png"]).index("src/App.tsx"))
    await bot.slack.click("U1", view, PICK_FILE, value=chosen)
    await bot.settled()
    assert "<h1>Kanban for the bike shop</h1>" in text_of(view)
    await bot.slack.click("U1", view, PICK_FILE, value="1")
    await bot.settled()
    assert "This file is not text" in text_of(view)


async def test_a_view_that_slack_has_no_time_for_is_filled_when_it_has(
    bot: Bot, root: Message
) -> None:
    live = await bot.built()
    bot.slack.fail("views.update", "ratelimited", retry_after=1, times=1)
    view = await looked_at(bot, live, buttons.FILES)
    assert "One moment" not in text_of(view)
    assert "src/App.tsx" in str(view.blocks)


async def test_a_long_file_is_read_page_by_page(bot: Bot, root: Message) -> None:
    code = "".join(f"const line{n} = {n};\n" for n in range(3_000))
    live = await bot.built({"src/App.tsx": code.encode()})
    view = await looked_at(bot, live, buttons.FILES)
    await bot.slack.click("U1", view, PICK_FILE, value="0")
    await bot.settled()
    seen, pages = text_of(view), 1
    while f'"{CODE_PAGE}:0:on"' in str(view.blocks).replace("'", '"'):
        await bot.slack.click("U1", view, f"{CODE_PAGE}:0:on")
        await bot.settled()
        seen, pages = seen + text_of(view), pages + 1
    assert pages > 1
    assert all(f"const line{n} = {n};" in seen for n in range(3_000))


async def test_more_files_than_a_menu_takes_are_paged(bot: Bot, root: Message) -> None:
    live = await bot.built({f"src/part{n:03}.ts": b"x" for n in range(150)})
    view = await looked_at(bot, live, buttons.FILES)
    assert "part149" not in str(view.blocks)
    await bot.slack.click("U1", view, f"{FILES_PAGE}:on")
    await bot.settled()
    assert "part149" in str(view.blocks)
    await bot.slack.click("U1", view, PICK_FILE, value="149")
    await bot.settled()
    assert "src/part149.ts" in text_of(view)


async def test_a_message_shows_the_files_of_its_own_version(bot: Bot, root: Message) -> None:
    first = await bot.built()
    await bot.slack.say("U1", "C1", "make it green", root.ts)
    await bot.built({"src/Green.tsx": b"green"})
    assert "Green.tsx" not in text_of(await looked_at(bot, first, buttons.FILES))


# --- changes -----------------------------------------------------------------------------


async def test_changes_are_those_to_the_version_before(bot: Bot, root: Message) -> None:
    await bot.built()
    await bot.slack.say("U1", "C1", "make it green", root.ts)
    green = {
        **APP,
        "src/theme.css": b":root { --primary: #16a34a; }\n",
        "src/new.ts": b"export {};\n",
    }
    del green["src/main.tsx"]
    live = await bot.built(green)
    said = text_of(await looked_at(bot, live, buttons.DIFF))
    assert "3 files changed" in said
    assert "-:root { --primary: #0b6b4f; }\n+:root { --primary: #16a34a; }" in said
    assert "*New:* src/new" in said.replace("\u2060", "")
    assert "*Deleted:* src/main" in said.replace("\u2060", "")
    assert "App.tsx" not in said


async def test_the_changes_of_a_first_version_are_what_was_written(bot: Bot, root: Message) -> None:
    await bot.settled()
    await bot.worker.take()
    await bot.worker.write({"src/App.tsx": APP["src/App.tsx"]})
    await bot.worker.complete(APP)
    live = await bot.show(await bot.only_task())
    said = text_of(await looked_at(bot, live, buttons.DIFF))
    assert "1 file changed" in said
    assert "+export default function App() {" in said


async def test_many_changes_are_paged(bot: Bot, root: Message) -> None:
    live = await bot.built({f"src/part{n:03}.ts": b"export {};\n" for n in range(60)})
    view = await looked_at(bot, live, buttons.DIFF)
    assert "part059" not in text_of(view)
    for _ in range(10):
        if f"{DIFF_PAGE}:on" not in str(view.blocks):
            break
        await bot.slack.click("U1", view, f"{DIFF_PAGE}:on")
        await bot.settled()
    assert "part059" in text_of(view)


async def test_a_task_without_a_version_says_so_in_the_view(bot: Bot, root: Message) -> None:
    live = await bot.built()
    payload = (await bot.slack.click("U1", live, buttons.FILES)).payload
    await bot.settled()
    await bot.slack.say("U1", "C1", "make it green", root.ts)
    await bot.settled()
    row = (await bot.tasks())[-1]
    action = {**payload["actions"][0], "value": row.id}
    person = bot.slack.world.users["U1"]
    trigger = bot.slack.world.new_trigger(person, "T1")
    await bot.slack.deliver("interactive", {**payload, "trigger_id": trigger, "actions": [action]})
    await bot.settled()
    view = bot.slack.modal("U1")
    assert view is not None
    assert "left no version behind" in text_of(view)


async def test_a_view_that_cannot_be_opened_any_more_is_told_to_the_person(
    bot: Bot, root: Message
) -> None:
    live = await bot.built()
    bot.slack.fail("views.open", "expired_trigger_id")
    await bot.slack.click("U1", live, buttons.FILES)
    await bot.settled()
    assert "Try again in a minute" in str(bot.slack.ephemeral("U1")[0].blocks)


# --- download ----------------------------------------------------------------------------


async def test_download_gives_a_link_that_serves_the_archive(bot: Bot, root: Message) -> None:
    live = await bot.built()
    async with running_sidecar(bot.store, downloads=bot.downloads) as sidecar:
        bot.downloads.address = sidecar.url
        await bot.slack.click("U1", live, buttons.DOWNLOAD)
        await bot.settled()
        [said] = bot.slack.ephemeral("U1")
        assert "works for 15 minutes" in said.text
        assert "only on the machine that the bot runs on" in said.text
        url = said.text.partition("<")[2].partition("|")[0]
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            assert answer.status == 200
            raw = await answer.read()
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        held = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    assert held == APP


async def test_a_public_address_is_not_called_local(bot: Bot, root: Message) -> None:
    live = await bot.built()
    bot.downloads.address = "https://zapdev.example.com"
    await bot.slack.click("U1", live, buttons.DOWNLOAD)
    await bot.settled()
    [said] = bot.slack.ephemeral("U1")
    assert "https://zapdev.example.com/d/" in said.text
    assert "only on the machine" not in said.text


async def test_without_an_address_no_link_is_offered_but_a_way(bot: Bot, root: Message) -> None:
    live = await bot.built()
    await bot.slack.click("U1", live, buttons.DOWNLOAD)
    await bot.settled()
    [said] = bot.slack.ephemeral("U1")
    assert "no address to download from" in said.text
    assert "ZAPDEV_PUBLIC_URL" in str(said.blocks)


async def test_the_link_is_for_that_messages_version(bot: Bot, root: Message) -> None:
    first = await bot.built()
    row = await bot.only_task()
    bot.downloads.address = "https://zapdev.example.com"
    await bot.slack.say("U1", "C1", "make it green", root.ts)
    await bot.built({"src/App.tsx": b"green"})
    await bot.slack.click("U1", first, buttons.DOWNLOAD)
    await bot.settled()
    signed = bot.slack.ephemeral("U1")[0].text.partition("/d/")[2].partition("|")[0]
    versions = await bot.store.fragments(row.owner, row.project_id)
    assert bot.downloads.read(signed) == Download(row.owner, row.project_id, versions[-1].id)


# --- the form ----------------------------------------------------------------------------


async def form(bot: Bot) -> View:
    await bot.slack.shortcut("U1", NEW_BUILD)
    await bot.settled()
    view = bot.slack.modal("U1")
    assert view is not None
    return view


async def test_the_form_builds_in_the_chosen_channel(bot: Bot) -> None:
    view = await form(bot)
    values = {PROMPT: "a kanban board", CHANNEL: "C1", FRAMEWORK: "vue", MODEL: "openai/gpt-4o"}
    await bot.slack.submit("U1", view, values)
    row = await bot.only_task()
    delivery = await bot.store.delivery(row.id)
    assert delivery is not None
    assert (row.prompt, row.framework, row.model) == ("a kanban board", "vue", "openai/gpt-4o")
    assert delivery.origin.thread.channel_id == "C1"
    assert not view.is_open
    assert "On it" in bot.whispers()[0]


async def test_where_the_bot_cannot_write_it_builds_in_the_direct_messages_and_says_why(
    bot: Bot,
) -> None:
    bot.slack.workspace("T1").channel("G5", members=["U1"], kind="group", with_bot=False)
    view = await form(bot)
    await bot.slack.submit("U1", view, {PROMPT: "a kanban board", CHANNEL: "G5"})
    row = await bot.only_task()
    delivery = await bot.store.delivery(row.id)
    assert delivery is not None
    assert delivery.origin.thread.channel_id == "D1"
    assert bot.replies("D1") == ["I cannot write in <#G5>, so I build it here."]


async def test_a_form_that_is_sent_twice_builds_once(bot: Bot) -> None:
    view = await form(bot)
    await bot.slack.submit("U1", view, {PROMPT: "a kanban board", CHANNEL: "C1"})
    [sent] = [d for d in bot.slack.deliveries if d.payload.get("type") == "view_submission"]
    await bot.slack.deliver("interactive", sent.payload)
    assert [row.prompt for row in await bot.tasks()] == ["a kanban board"]


async def test_what_is_wrong_in_the_form_is_said_at_its_field(bot: Bot) -> None:
    view = await form(bot)
    await bot.slack.submit("U1", view, {PROMPT: "a board --colour red", CHANNEL: "C1"})
    assert "There is no option --colour" in view.errors[PROMPT]
    assert view.is_open
    assert await bot.tasks() == []


async def test_an_option_in_the_forms_words_counts_where_nothing_was_chosen(bot: Bot) -> None:
    view = await form(bot)
    await bot.slack.submit("U1", view, {PROMPT: "a board --framework svelte", CHANNEL: "C1"})
    row = await bot.only_task()
    assert (row.prompt, row.framework) == ("a board", "svelte")


async def test_build_something_and_the_examples_open_the_form(bot: Bot) -> None:
    await bot.slack.command("U1", "C1", "/zapdev", "list")
    [said] = bot.slack.ephemeral("U1")
    view = await looked_at(bot, said, f"{EXAMPLE}:1")
    [words] = [b["element"] for b in view.blocks if b["block_id"] == PROMPT]
    assert words["initial_value"] == EXAMPLES[1]
    await bot.slack.command("U1", "C1", "/zapdev", "help")
    view = await looked_at(bot, bot.slack.ephemeral("U1")[-1], replies.NEW_APP)
    [words] = [b["element"] for b in view.blocks if b["block_id"] == PROMPT]
    assert "initial_value" not in words


# --- the Home tab ------------------------------------------------------------------------


async def test_home_of_a_newcomer_says_how_to_begin(bot: Bot) -> None:
    await bot.slack.open_home("U1")
    await bot.settled()
    home = bot.slack.home("U1")
    assert home is not None
    assert "No app yet" in text_of(home)
    await bot.slack.click("U1", home, replies.NEW_APP)
    await bot.settled()
    view = bot.slack.modal("U1")
    assert view is not None
    await bot.slack.submit("U1", view, {PROMPT: "a kanban board", CHANNEL: "C1"})
    assert (await bot.only_task()).prompt == "a kanban board"


async def test_home_shows_ones_own_apps_with_status_and_links(bot: Bot, root: Message) -> None:
    await bot.built(preview_url="http://127.0.0.1:4444")
    await bot.slack.mention("U2", "C1", "the app of somebody else")
    await bot.slack.open_home("U1")
    await bot.settled()
    home = bot.slack.home("U1")
    assert home is not None
    shown = text_of(home) + str(home.blocks)
    for part in ("Bike shop board", "ready", "http://127.0.0.1:4444", "/archives/C1/p"):
        assert part in shown
    assert f"?thread_ts={root.ts}&amp;cid=C1|thread" in str(home.blocks), "it opens the thread"
    assert "1 build in the last 24 hours" in shown
    assert "somebody else" not in shown
    delivery = await bot.slack.click("U1", home, buttons.OPEN_PREVIEW)
    assert delivery.is_acked


async def test_what_is_asked_in_home_is_answered_in_a_view(bot: Bot) -> None:
    await bot.slack.open_home("U1")
    await bot.settled()
    home = bot.slack.home("U1")
    assert home is not None
    await bot.slack.click("U1", home, replies.SHOW_HELP)
    await bot.settled()
    view = bot.slack.modal("U1")
    assert view is not None
    assert "Say it, watch it being built" in str(view.blocks)


async def test_the_messages_tab_publishes_nothing(bot: Bot) -> None:
    await bot.slack.open_home("U1", tab="messages")
    await bot.settled()
    assert bot.slack.home("U1") is None
