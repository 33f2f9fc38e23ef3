"""What words ask for, before anything is done."""

import pytest

from agents.errors import BadRequest
from bot.slack.intents import (
    Again,
    Aside,
    Build,
    Choose,
    Identify,
    Import,
    Intent,
    Share,
    Sharing,
    Show,
    Stop,
    Undo,
    parse_command,
    parse_message,
    parse_prompt,
)

BOT = "UBOT"


def said(text: str, *, is_direct: bool = False, in_project: bool = True) -> Intent:
    return parse_message(text, BOT, is_direct=is_direct, in_project=in_project)


# --- after /zapdev -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("a kanban board", Build("a kanban board")),
        ("build a kanban board", Build("a kanban board")),
        ("Build\na kanban board", Build("a kanban board")),
        ("help me plan a party", Build("help me plan a party")),
        ("stop motion gallery", Build("stop motion gallery")),
        ("list of countries", Build("list of countries")),
        ("help", Show("help")),
        ("HELP", Show("help")),
        ("list", Show("list")),
        ("status", Show("status")),
        ("usage", Show("usage")),
        ("settings", Show("settings")),
        ("link", Identify("link")),
        ("unlink", Identify("unlink")),
        ("stop", Stop()),
        ("cancel", Stop()),
        ("retry", Again()),
        ("undo", Undo()),
        ("model", Choose("model", "")),
        ("model openai/gpt-4o", Choose("model", "openai/gpt-4o")),
        ("framework vue", Choose("framework", "vue")),
        ("import <https://github.com/a/b>", Import("https://github.com/a/b")),
        ("import <https://github.com/a/b|github.com/a/b>", Import("https://github.com/a/b")),
    ],
)
def test_a_command_is_known_by_its_name_and_all_else_is_to_be_built(
    text: str, intent: Intent
) -> None:
    assert parse_command(text) == intent


@pytest.mark.parametrize("text", ["", "   ", "frobnicate", "build", "stpo", "Kanban?"])
def test_a_word_that_is_no_command_gets_help(text: str) -> None:
    assert parse_command(text) == Show("help")


# --- sharing ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("share", Sharing()),
        ("sharing", Sharing()),
        ("share <@U2>", Share("U2", "editor")),
        ("share <@U2|ann>", Share("U2", "editor")),
        ("Share with <@U2>.", Share("U2", "editor")),
        ("share <@U2> edit", Share("U2", "editor")),
        ("share <@U2> can view", Share("U2", "viewer")),
        ("share everybody view", Share(None, "viewer")),
        ("share everyone to look", Share(None, "viewer")),
        ("share all", Share(None, "editor")),
        ("unshare <@U2>", Share("U2", None)),
        ("unshare everybody", Share(None, None)),
    ],
)
def test_sharing_is_understood_in_a_command_and_in_a_thread(text: str, intent: Intent) -> None:
    assert parse_command(text) == intent
    for said in (text, f"<@UZAP> {text}"):
        assert parse_message(said, "UZAP", is_direct=False, in_project=True) == intent


@pytest.mark.parametrize(
    "text",
    [
        "share everybody's photos",
        "share photos with <@U2>",
        "a page to share <@U2> view",
    ],
)
def test_what_only_sounds_like_sharing_is_something_to_build(text: str) -> None:
    assert isinstance(parse_command(text), Build)


@pytest.mark.parametrize(
    "text",
    ["share <@U2> sing", "unshare <@U2> view", "share everyone admin", "share <@U2> <@U3> view"],
)
def test_what_is_nearly_sharing_is_asked_back_and_not_built(text: str) -> None:
    with pytest.raises(BadRequest, match="who may do what"):
        parse_command(text)
    for is_direct in (False, True):
        with pytest.raises(BadRequest, match="who may do what"):
            parse_message(f"<@UZAP> {text}", "UZAP", is_direct=is_direct, in_project=True)


def test_in_direct_messages_sharing_is_understood_too() -> None:
    said = parse_message("please share <@U2>", "UZAP", is_direct=True, in_project=False)
    assert said == Share("U2", "editor")


def test_in_a_thread_that_is_not_ours_sharing_with_somebody_is_for_people() -> None:
    said = parse_message("share <@U2>", "UZAP", is_direct=False, in_project=False)
    assert said == Aside()


# --- options -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "--framework vue a board for bikes",
        "a board --framework vue for bikes",
        "a board for bikes --framework vue",
        "a board for bikes --framework=vue",
        "a board for bikes --Framework=vue",
        "a board for bikes —framework vue",
        "a board for bikes –framework=vue",
        "a board for bikes ——framework vue",
        "a board --framework “vue” for bikes",
        "a board --framework vue, for bikes",
    ],
)
def test_an_option_counts_wherever_it_stands_and_however_slack_spells_its_dashes(
    text: str,
) -> None:
    intent = parse_command(text)
    assert isinstance(intent, Build)
    assert (" ".join(intent.prompt.split()), intent.framework) == ("a board for bikes", "vue")


def test_several_options_count_and_the_last_of_its_name_wins() -> None:
    intent = parse_command("a --model x/y --framework react shop --framework vue")
    assert isinstance(intent, Build)
    assert (intent.framework, intent.model) == ("vue", "x/y")


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("a board --colour red", "There is no option --colour.", "There are --framework"),
        ("a board --framwork vue", "There is no option --framwork.", "Did you mean --framework?"),
        ("a board —framwork vue", "There is no option --framwork.", "Did you mean --framework?"),
        ("a board --framework", "--framework needs a value", ""),
        ("a board --framework --model x", "--framework needs a value", ""),
        ("a board --model=", "--model needs a value, such as --model openai/gpt-4o.", ""),
        ("--framework vue", "Say what to build.", "For example"),
    ],
)
def test_an_option_that_cannot_be_is_refused_with_the_way_on(
    text: str, says: str, hint: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_command(text)
    assert says in str(refused.value)
    assert hint in (refused.value.hint or "")


@pytest.mark.parametrize(
    "text",
    ["a page — with dashes", "a shop –and a cart", "a well-known a--b page", "a -1 button"],
)
def test_other_dashes_are_prose(text: str) -> None:
    assert parse_command(text) == Build(text)


# --- Slack's spelling --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("a page with a &lt;form&gt; &amp; more", "a page with a <form> & more"),
        ("show &amp;lt; and &amp;copy;", "show &lt; and &copy;"),
        ("like <https://a.example/x?b=1&amp;c=2|a.example/x>", "like https://a.example/x?b=1&c=2"),
        ("write to <mailto:a@b.example|a@b.example> please", "write to a@b.example please"),
        ("a page for <@U2|ada>", "a page for @ada"),
        ("a page for <@U2>", "a page for @somebody"),
        ("a page for <#C2|general>", "a page for #general"),
        ("a page for <!here>", "a page for @here"),
        ("a page for <!subteam^S1|@team>", "a page for @team"),
    ],
)
def test_words_arrive_as_they_were_typed(text: str, prompt: str) -> None:
    assert parse_command(text) == Build(prompt)


# --- in threads and direct messages ------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("make it green", Build("make it green")),
        (f"<@{BOT}> make it green", Build("make it green")),
        (f"make it green <@{BOT}|zapdev>", Build("make it green")),
        ("Bigger!", Build("Bigger!")),
        ("stop", Stop()),
        ("Stop.", Stop()),
        (f"<@{BOT}> please stop", Stop()),
        ("retry", Again()),
        ("undo", Undo()),
        ("status", Show("status")),
        (f"<@{BOT}>", Show("help")),
        ("!aside what do you think?", Aside()),
        ("!ASIDE hm", Aside()),
        (f"<@{BOT}> !aside hm", Aside()),
        ("<@U2> what do you think?", Aside()),
        ("<@U2|ada> look", Aside()),
        ("<!here> look at this", Aside()),
        ("<!subteam^S1> look at this", Aside()),
        (f"<@{BOT}> ask <@U2> for the colours", Build("ask @somebody for the colours")),
        ("!asides are not asides", Build("!asides are not asides")),
    ],
)
def test_a_reply_is_for_us_unless_it_is_for_people(text: str, intent: Intent) -> None:
    assert said(text) == intent


def test_in_a_direct_message_nobody_else_can_be_meant() -> None:
    assert said("a page for <@U2>", is_direct=True, in_project=False) == Build(
        "a page for @somebody"
    )
    assert said("!aside hm", is_direct=True, in_project=False) == Aside()


def test_one_word_starts_no_app_but_may_change_one() -> None:
    assert said(f"<@{BOT}> hello", in_project=False) == Show("help")
    assert said("hi", is_direct=True, in_project=False) == Show("help")
    assert said("hello", in_project=True) == Build("hello")


def test_a_mention_may_spell_the_command_out() -> None:
    assert said(f"<@{BOT}> build a shop --framework vue", in_project=False) == Build(
        "a shop", "vue"
    )


def test_a_message_to_build_from_is_taken_at_its_word() -> None:
    assert parse_prompt("help") == Build("help")
    assert parse_prompt("We need a page, <@U2>") == Build("We need a page, @somebody")


# --- accounts ----------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["ABCD-EFG2", "abcd-efgh", "abcd2fgh", "ABC-DEFG", "ABCD–EFG2"])
def test_what_looks_like_a_code_behind_link_is_one(code: str) -> None:
    assert parse_command(f"link {code}") == Identify("link", code)


@pytest.mark.parametrize(
    "words", ["link shortener", "link elements", "link to-do", "links page", "link ABCD-EFG2 now"]
)
def test_something_to_build_that_begins_with_link_is_built(words: str) -> None:
    assert parse_command(words) == Build(words)


def test_who_is_linked_and_codes_are_asked_for_by_the_command_only() -> None:
    assert parse_command("links") == Identify("links")
    for words in ("links", "link ABCD-EFG2"):
        assert said(words) == Build(words)
    assert said("unlink", in_project=False, is_direct=True) == Identify("unlink")
