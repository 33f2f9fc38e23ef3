import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.printed_code import printed_calls, printed_files

CODE = "export const a = 1;\n"
FENCE = "```"


def block(info: str = "tsx", body: str = CODE, fence: str = FENCE) -> str:
    return f"{fence}{info}\n{body}{fence}\n"


@pytest.mark.parametrize(
    "text",
    [
        block("tsx src/App.tsx"),
        block('tsx title="src/App.tsx"'),
        block("tsx filename=src/App.tsx"),
        block("tsx file: 'src/App.tsx'"),
        block("tsx:src/App.tsx"),
        block("src/App.tsx"),
        block("tsx ./src/App.tsx"),
        block(body=f"// src/App.tsx\n{CODE}"),
        block(body=f"/* src/App.tsx */\n{CODE}"),
        block(body=f"<!-- src/App.tsx -->\n{CODE}"),
        block(body=f"// filename: src/App.tsx\n{CODE}"),
        "**src/App.tsx**\n" + block(),
        "**`src/App.tsx`**:\n\n" + block(),
        "### src/App.tsx\n\n" + block(),
        "### 1. `src/App.tsx`\n" + block(),
        "2. **src/App.tsx**\n" + block(),
        "filename: src/App.tsx\n" + block(),
        "**File:** `src/App.tsx`\n" + block(),
        "`src/App.tsx`:\n" + block(fence="~~~"),
        "src/App.tsx\r\n" + block().replace("\n", "\r\n"),
        block("tsx src/App.tsx", fence="````"),
    ],
)
def test_every_common_way_to_name_a_file_is_understood(text: str) -> None:
    assert printed_files(f"Here it is.\n\n{text}\nDone.") == {"src/App.tsx": CODE}


def test_all_files_come_out_with_their_own_content() -> None:
    text = (
        "### package.json\n" + block("json", '{"name": "x"}\n')
        + "Then the page:\n\n" + block("tsx src/app/[id]/page.tsx", "a\n\n  b\n")
        + "### src/a.css\n" + block("css", "")
    )  # fmt: skip
    assert printed_files(text) == {
        "package.json": '{"name": "x"}\n',
        "src/app/[id]/page.tsx": "a\n\n  b\n",
        "src/a.css": "\n",
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No code at all.",
        block(),
        "Run this:\n" + block("bash", "npm install\n"),
        block("tsx src/App.tsx") + block("bash", "npm install\n"),
        block("tsx src/App.tsx") + block("tsx src/App.tsx", "other\n"),
        f"{FENCE}tsx src/App.tsx\nexport const a",
        block("tsx src/a.tsx") + f"{FENCE}tsx src/b.tsx\nexport const b",
        "I changed src/App.tsx like this:\n" + block(),
        "See **src/App.tsx** and **src/b.ts**\n" + block(),
        block(body=f"// uses the v1.2 api\n{CODE}"),
        block("tsx src/App.tsx") + "\n" + block(),
    ],
)
def test_without_a_name_for_every_block_nothing_is_guessed(text: str) -> None:
    assert printed_files(text) is None


def test_the_same_file_printed_twice_alike_is_one_file() -> None:
    assert printed_files(block("tsx a.tsx") * 2) == {"a.tsx": CODE}


LINES = st.text(st.characters(exclude_characters="\n\r`~", exclude_categories=["Cs"]), max_size=30)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}/[a-z]{1,8}\.tsx", fullmatch=True),
                       st.lists(LINES, min_size=1, max_size=6), min_size=1, max_size=4))  # fmt: skip
def test_any_content_comes_back_as_it_was_printed(files: dict[str, list[str]]) -> None:
    contents = {path: "\n".join(lines) + "\n" for path, lines in files.items()}
    text = "\n".join(block(f"tsx {path}", body) for path, body in contents.items())
    assert printed_files(text) == contents


@given(st.text(st.sampled_from("`~# *a./\n:tsx"), max_size=120))
def test_nothing_makes_it_raise(text: str) -> None:
    found = printed_files(text)
    assert found is None or all(found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"name": "rm", "arguments": {}}',
        '{"name": "editFile"}',
        '{"name": "editFile", "arguments": 3}',
        'Call it with {"name": "editFile", "arguments": {}} to edit.',
        "[1, null]",
        "[" * 3_000,
        "<tool_call>no JSON</tool_call>",
        'It says `<tool_call>{"name": "editFile", "arguments": {}}</tool_call>` there.',
    ],
)
def test_what_is_no_call_of_a_tool_is_none(text: str) -> None:
    assert printed_calls(text, {"editFile"}) == []


def test_calls_keep_their_order_and_arguments_that_are_text_already() -> None:
    text = (
        '<tool_call>{"name": "readFiles", "arguments": "{\\"paths\\": []}"}</tool_call>\n'
        '<tool_call>{"function": {"name": "editFile", "arguments": {"path": "a"}}}</tool_call>'
    )
    assert printed_calls(text, {"editFile", "readFiles"}) == [
        ("readFiles", '{"paths": []}'),
        ("editFile", '{"path": "a"}'),
    ]
