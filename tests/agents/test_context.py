"""What a model gets to read: the files that matter, a map, and a conversation that fits."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.context import (
    describe_files,
    files_that_matter,
    fit,
    rank_files,
    tokens_of,
)
from agents.conversation import compact
from agents.ports import Message, ToolCall
from agents.templates import get_template
from agents.types import Framework, Turn

APP = {
    "src/App.tsx": "import { Board } from './Board';\nexport default function App() {\n  return <Board />;\n}\n",
    "src/Board.tsx": "export function Board() {\n  return <ul className='columns'>cards</ul>;\n}\n",
    "src/InvoiceTable.tsx": "export const InvoiceTable = () => <table>total</table>;\n",
    "src/theme.css": ":root {\n  --primary: #123456;\n}\n",
    "src/storage.ts": "export function load() {\n  return localStorage.getItem('cards');\n}\n",
    "index.html": "<title>Bikes</title>\n",
}


@pytest.mark.parametrize(
    ("request_text", "first"),
    [
        ("Make the accent colour green", "src/theme.css"),
        ("The invoice table should show a total", "src/InvoiceTable.tsx"),
        ("invoices are wrong", "src/InvoiceTable.tsx"),
        ("Change the title", "index.html"),
        ("It should remember what I typed", "src/storage.ts"),
        ("Cards in the Board need a column more", "src/Board.tsx"),
    ],
)
def test_the_file_that_a_request_is_about_comes_first(request_text: str, first: str) -> None:
    assert rank_files(request_text, APP)[0] == first


@pytest.mark.parametrize("text", ["", "please make it", "?!", "12 34", "zzz qqq"])
def test_words_that_say_nothing_find_nothing(text: str) -> None:
    assert rank_files(text, APP) == []


def test_the_entry_page_is_shown_when_nothing_is_found() -> None:
    assert list(files_that_matter("zzz", APP, ["src/App.tsx", "gone.tsx"], 1_000)) == [
        "src/App.tsx"
    ]


@given(st.text(max_size=60), st.integers(0, 300))
def test_the_files_shown_are_whole_and_within_the_budget(text: str, limit: int) -> None:
    shown = files_that_matter(text, APP, ["src/App.tsx"], limit)
    assert all(APP[path] == content for path, content in shown.items())
    assert sum(map(tokens_of, shown.values())) <= limit


@pytest.mark.parametrize("framework", Framework)
def test_in_a_sample_app_the_colours_are_found_by_the_word_colour(framework: Framework) -> None:
    sample = get_template(framework).sample
    best = rank_files("Make the accent colour green", sample)
    assert best[0].endswith("theme.css")


def test_the_map_names_lines_and_exports() -> None:
    assert describe_files(["b.png", "src/App.tsx", "src/theme.css"], APP) == [
        "b.png",
        "src/App.tsx (4 lines): App",
        "src/theme.css (3 lines)",
    ]


# --- the past --------------------------------------------------------------------------------


def talk(count: int, answer: str = "Done. " * 100) -> list[Turn]:
    turns = []
    for number in range(count):
        turns += [Turn(role="user", text=f"Request {number}: the bell must be number {number}")]
        turns += [Turn(role="assistant", text=answer)]
    return turns


def size(turns: list[Turn]) -> int:
    return sum(tokens_of(turn.text) for turn in turns)


def test_a_short_past_is_kept_as_it_is() -> None:
    assert compact(talk(3), 10_000) == talk(3)


def test_answers_are_shortened_before_any_request_is() -> None:
    kept = compact(talk(10), 1_500)
    assert size(kept) <= 1_500
    assert [t for t in kept if t.role == "user"] == [t for t in talk(10) if t.role == "user"]
    assert kept[-1] == talk(10)[-1]


def test_what_was_decided_long_ago_is_kept_in_peoples_own_words() -> None:
    kept = compact(talk(40), 1_600)
    assert size(kept) <= 1_600
    assert kept[0].role == "user"
    assert kept[0].text.startswith("What was asked for before, oldest first:\n- Request 0:")
    said = "\n".join(turn.text for turn in kept)
    assert all(f"number {number}" in said for number in range(40))


def test_the_first_and_the_newest_requests_survive_a_very_small_budget() -> None:
    kept = compact(talk(400), 600)
    said = "\n".join(turn.text for turn in kept)
    assert size(kept) <= 600
    assert "number 0" in said
    assert "number 399" in said


@given(
    st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.text(max_size=900)), max_size=12),
    st.integers(200, 800),
)
def test_any_past_fits_and_ends_as_it_ended(listed: list[tuple[str, str]], limit: int) -> None:
    turns = [Turn(role="user" if r == "user" else "assistant", text=text) for r, text in listed]
    kept = compact(turns, limit)
    assert size(kept) <= limit + 10
    assert bool(kept) is bool(turns)
    if turns:
        assert kept[-1].role == turns[-1].role
        assert kept[-1].text[:60] == turns[-1].text[:60]


# --- a conversation that grows ---------------------------------------------------------------


def grown(turns: int) -> list[Message]:
    messages = [Message("system", "rules " * 50), Message("user", "A board")]
    for number in range(turns):
        files = [{"path": f"src/{number}.ts", "content": "x = 1;\n" * 300}]
        written = ToolCall(f"w{number}", "createOrUpdateFiles", json.dumps({"files": files}))
        read = ToolCall(f"r{number}", "readFiles", '{"paths": ["a.ts"]}')
        messages += [
            Message("assistant", f"Step {number}", tool_calls=(written, read)),
            Message("tool", "Written", tool_call_id=f"w{number}"),
            Message("tool", "text " * 400, tool_call_id=f"r{number}"),
        ]
    return messages


def weight(messages: list[Message]) -> int:
    return sum(
        tokens_of(m.content) + sum(tokens_of(c.arguments) for c in m.tool_calls) for m in messages
    )


def test_a_conversation_within_its_budget_is_left_alone() -> None:
    assert fit(grown(3), 1_000_000) == grown(3)


def test_old_results_give_way_first_and_the_newest_messages_never() -> None:
    before = grown(12)
    limit = weight(before) - 100
    after = fit(before, limit)
    assert weight(after) <= limit
    assert after[-6:] == before[-6:]
    old = [message for message in after[:-6] if message.role == "tool"]
    assert all(tokens_of(message.content) < 120 for message in old)
    assert any(before[at].tool_calls == after[at].tool_calls != () for at in range(len(before) - 6))
    assert "read or run it again" in after[4].content


def fresh(count: int) -> list[Message]:
    """The results of one turn, which the model has not seen."""
    calls = tuple(ToolCall(f"f{n}", "readFiles", '{"paths": ["a.ts"]}') for n in range(count))
    results = [Message("tool", "new " * 400, tool_call_id=call.id) for call in calls]
    return [Message("assistant", "Reading", tool_calls=calls), *results]


def test_results_that_the_model_has_not_seen_stay_while_older_ones_can_give_way() -> None:
    before = [*grown(12), *fresh(10)]
    after = fit(before, weight(before) - 100)
    assert after[-11:] == before[-11:]
    assert weight(after) < weight(before) - 100


def test_the_newest_that_were_seen_give_way_before_the_conversation_is_too_long() -> None:
    before = [*grown(2), *fresh(2)]
    after = fit(before, weight(fresh(2)) + 700)
    assert after[-3:] == before[-3:]
    assert all(tokens_of(m.content) < 120 for m in after[:-3] if m.role == "tool")


def test_of_one_turns_results_the_oldest_give_way_when_they_alone_are_too_long() -> None:
    before = fresh(10)
    after = fit(before, weight(before) // 2)
    assert weight(after) <= weight(before) // 2
    assert after[-3:] == before[-3:]
    assert "read or run it again" in after[1].content


def test_written_files_give_way_next_and_keep_their_names_and_valid_arguments() -> None:
    before = grown(20)
    after = fit(before, weight(before) // 3)
    assert weight(after) < weight(before) / 2
    assert [(m.role, m.tool_call_id) for m in after] == [(m.role, m.tool_call_id) for m in before]
    arguments = json.loads(after[2].tool_calls[0].arguments)
    assert arguments["files"][0]["path"] == "src/0.ts"
    assert "x = 1" not in arguments["files"][0]["content"]


def test_what_people_and_the_model_said_is_never_touched() -> None:
    before = grown(20)
    after = fit(before, 10)
    said = [(m.role, m.content) for m in before if m.role != "tool"]
    assert [(m.role, m.content) for m in after if m.role != "tool"] == said


def test_once_shortened_there_is_room_for_more_and_the_start_stays_the_same() -> None:
    limit = weight(grown(20))
    after = fit(grown(21), limit)
    assert fit(after, limit) == after
    assert weight(after) < limit * 0.7


@pytest.mark.parametrize(
    "arguments", ["[" * 500, '{"files": 3}' + " " * 500, '{"x": "' + "y" * 900 + '"}']
)
def test_calls_that_are_not_understood_stay(arguments: str) -> None:
    call = ToolCall("c", "createOrUpdateFiles", arguments)
    messages = [Message("assistant", "", tool_calls=(call,)), *[Message("user", "x")] * 6]
    assert fit(messages, 1)[0].tool_calls == (call,)
