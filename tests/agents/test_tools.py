"""Whatever a model asks for, it gets a result it can act on."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.errors import SandboxLost
from agents.ports import CommandResult, ToolCall
from agents.tools import create_tools, describe_call, run_tool
from tests.fakes.memory_workspace import MemoryWorkspace, small_app, use

MIB = 1024 * 1024


@pytest.fixture
def space() -> MemoryWorkspace:
    return small_app()


# --- what the model is told ------------------------------------------------------------------


def test_the_tools_have_the_plans_names_and_plain_schemas() -> None:
    tools = {tool.name: tool for tool in create_tools()}
    assert list(tools) == [
        "createOrUpdateFiles",
        "editFile",
        "readFiles",
        "listFiles",
        "searchFiles",
        "deleteFiles",
        "terminal",
    ]
    for tool in tools.values():
        text = json.dumps(tool.parameters)
        assert tool.description
        assert "$ref" not in text
        assert "$defs" not in text
        assert tool.parameters["type"] == "object"
        assert tool.parameters["additionalProperties"] is False
    assert set(tools["terminal"].parameters["properties"]) == {"command", "timeoutMs"}
    files = tools["createOrUpdateFiles"].parameters["properties"]["files"]
    assert set(files["items"]["properties"]) == {"path", "content"}
    assert files["items"]["required"] == ["path", "content"]


async def test_an_unknown_tool_is_answered_with_the_known_ones(space: MemoryWorkspace) -> None:
    result = await use(space, "writeFiles", files=[])
    assert not result.ok
    assert "createOrUpdateFiles, editFile, readFiles" in result.text
    near = await use(space, "readFile", path="x")
    assert "Did you mean readFiles?" in near.text


@pytest.mark.parametrize(
    ("name", "arguments", "hint"),
    [
        ("readFiles", {"paths": "src/App.tsx"}, "paths: Input should be a valid array"),
        ("readFiles", {}, "paths: Field required"),
        ("readFiles", {"paths": []}, "at least 1"),
        ("terminal", {"command": "ls", "cwd": "x"}, "cwd: Extra inputs are not permitted"),
        ("terminal", {"command": 5}, "it takes: command, timeoutMs"),
        ("createOrUpdateFiles", {"files": [{"path": "a"}]}, "files.0.content: Field required"),
        ("editFile", {"path": "a", "edits": [{"search": "x"}]}, "edits.0.replace"),
    ],
)
async def test_wrong_arguments_name_the_field(
    space: MemoryWorkspace, name: str, arguments: dict[str, Any], hint: str
) -> None:
    result = await use(space, name, **arguments)
    assert not result.ok
    assert hint in result.text


@pytest.mark.parametrize("arguments", ["", "nonsense", "[]", "null", '{"paths": ["a"', '"\\ud800"'])
async def test_arguments_that_are_no_object_are_a_result(
    space: MemoryWorkspace, arguments: str
) -> None:
    result = await run_tool(ToolCall("1", "readFiles", arguments), space)
    assert not result.ok


async def test_a_lost_sandbox_is_no_result(space: MemoryWorkspace) -> None:
    space.lost = True
    with pytest.raises(SandboxLost):
        await use(space, "listFiles")


@pytest.mark.parametrize(
    ("name", "arguments", "summary"),
    [
        (
            "createOrUpdateFiles",
            {"files": [{"path": p, "content": ""} for p in ("src/App.tsx", "b", "c")]},
            "src/App.tsx, 2 more",
        ),
        ("editFile", {"path": "a.ts", "edits": [{"search": "a", "replace": "b"}]}, "a.ts"),
        ("readFiles", {"paths": ["a.ts"]}, "a.ts"),
        ("listFiles", {}, "."),
        ("searchFiles", {"pattern": "use\n  State"}, "use State"),
        ("terminal", {"command": "npm run build"}, "npm run build"),
        ("nonsense", {}, "nonsense"),
    ],
)
def test_a_call_is_described_in_one_short_line(
    name: str, arguments: dict[str, Any], summary: str
) -> None:
    assert describe_call(ToolCall("1", name, json.dumps(arguments))) == summary


def test_a_long_command_is_described_in_80_characters() -> None:
    line = describe_call(ToolCall("1", "terminal", json.dumps({"command": "echo " + "x" * 500})))
    assert len(line) == 80
    assert line.endswith("…")


# --- createOrUpdateFiles ---------------------------------------------------------------------


async def test_files_are_written_together(space: MemoryWorkspace) -> None:
    files = [{"path": "./src/a.ts", "content": "1\n"}, {"path": "src/b.ts", "content": "1\n2"}]
    result = await use(space, "createOrUpdateFiles", files=files)
    assert result.ok
    assert space.files["src/a.ts"] == b"1\n"
    assert space.writes == 1
    assert "src/b.ts (2 lines)" in result.text


async def test_the_same_call_twice_leaves_the_same_files(space: MemoryWorkspace) -> None:
    files = [{"path": "src/a.ts", "content": "1\n"}]
    first = await use(space, "createOrUpdateFiles", files=files)
    before = dict(space.files)
    assert await use(space, "createOrUpdateFiles", files=files) == first
    assert space.files == before


@pytest.mark.parametrize(
    ("file", "hint"),
    [
        ({"path": "../x", "content": "1"}, "'..'"),
        ({"path": "/etc/passwd", "content": "1"}, "relative to the project"),
        ({"path": ".env", "content": "KEY=1"}, "environment files"),
        ({"path": "src/a.ts", "content": "// ... rest of the code ...\n"}, "placeholder"),
        ({"path": "src/a.ts", "content": "x" * (MIB + 1)}, "1048577 bytes"),
    ],
)
async def test_a_file_that_may_not_be_written_is_named_and_the_others_are_written(
    space: MemoryWorkspace, file: dict[str, str], hint: str
) -> None:
    good = {"path": "src/good.ts", "content": "1\n"}
    result = await use(space, "createOrUpdateFiles", files=[file, good])
    assert not result.ok
    assert hint in result.text
    assert "Written:\nsrc/good.ts" in result.text
    assert set(space.files) - {"src/good.ts"} == {
        *("package.json", "src/App.tsx", "src/lib/data.ts", "public/logo.png"),
    }


async def test_a_file_of_exactly_one_mebibyte_is_written(space: MemoryWorkspace) -> None:
    files = [{"path": "src/a.ts", "content": "x" * MIB}]
    assert (await use(space, "createOrUpdateFiles", files=files)).ok


# --- editFile --------------------------------------------------------------------------------


async def test_an_edit_is_written_once(space: MemoryWorkspace) -> None:
    edits = [{"search": "Hello", "replace": "Bikes"}, {"search": "<p>", "replace": "<p id='x'>"}]
    result = await use(space, "editFile", path="src/App.tsx", edits=edits)
    assert result.ok
    assert b"<p id='x'>Bikes</p>" in space.files["src/App.tsx"]
    assert space.writes == 1
    assert result.text == "Applied 2 edits: src/App.tsx (3 lines)"


async def test_a_failed_edit_writes_nothing(space: MemoryWorkspace) -> None:
    edits = [{"search": "Hello", "replace": "Bikes"}, {"search": "absent()", "replace": "x"}]
    result = await use(space, "editFile", path="src/App.tsx", edits=edits)
    assert not result.ok
    assert result.text.startswith("src/App.tsx was not changed. Edit 2: ")
    assert space.writes == 0


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("src/app.tsx", "Did you mean src/App.tsx?"),
        ("App.tsx", "Did you mean src/App.tsx?"),
        ("zzz", "listFiles"),
        ("public/logo.png", "binary"),
        ("../x", "'..'"),
    ],
)
async def test_a_file_that_cannot_be_edited_says_why(
    space: MemoryWorkspace, path: str, hint: str
) -> None:
    result = await use(space, "editFile", path=path, edits=[{"search": "a", "replace": "b"}])
    assert not result.ok
    assert hint in result.text


async def test_an_edit_keeps_crlf_and_a_byte_order_mark(space: MemoryWorkspace) -> None:
    space.files["a.txt"] = b"\xef\xbb\xbfone\r\ntwo\r\n"
    edits = [{"search": "one\n", "replace": "1\n2\n"}]
    assert (await use(space, "editFile", path="a.txt", edits=edits)).ok
    assert space.files["a.txt"] == b"\xef\xbb\xbf1\r\n2\r\ntwo\r\n"


# --- readFiles -------------------------------------------------------------------------------


async def test_files_are_read_whole_under_their_names(space: MemoryWorkspace) -> None:
    result = await use(space, "readFiles", paths=["src/App.tsx", "src/lib/data.ts"])
    assert result.ok
    assert "=== src/App.tsx: 3 lines ===\nexport function App() {" in result.text
    assert "=== src/lib/data.ts: 1 line ===" in result.text


async def test_what_cannot_be_read_is_told_beside_what_can(space: MemoryWorkspace) -> None:
    space.files["empty.ts"] = b""
    result = await use(
        space, "readFiles", paths=["public/logo.png", "src/Ap.tsx", ".env", "empty.ts"]
    )
    assert not result.ok
    assert "public/logo.png: binary, 6 bytes" in result.text
    assert "Did you mean src/App.tsx?" in result.text
    assert "environment files" in result.text
    assert "empty.ts: empty" in result.text


async def test_a_long_file_is_cut_with_a_mark(space: MemoryWorkspace) -> None:
    space.files["long.ts"] = b"let x = 1;\n" * 10_000
    result = await use(space, "readFiles", paths=["long.ts"])
    assert result.ok
    assert "=== cut after 60000 characters (line 5455) of 110000" in result.text
    assert len(result.text) < 61_000


async def test_many_files_together_stay_within_the_total(space: MemoryWorkspace) -> None:
    for n in range(6):
        space.files[f"{n}.ts"] = b"let x = 1;\n" * 5_000
    result = await use(space, "readFiles", paths=[f"{n}.ts" for n in range(6)])
    assert len(result.text) < 182_000
    assert "=== 5.ts: 5000 lines ===" in result.text


# --- terminal --------------------------------------------------------------------------------


async def test_a_command_runs_without_a_network_for_a_minute(space: MemoryWorkspace) -> None:
    result = await use(space, "terminal", command=" npx tsc --noEmit ")
    assert result.ok
    assert space.ran == [("npx tsc --noEmit", 60.0, False)]
    assert result.text == "Exit code 0 after 0.5 s\ndone"


async def test_a_plain_install_has_the_network_but_runs_no_scripts(space: MemoryWorkspace) -> None:
    await use(space, "terminal", command="npm install date-fns", timeoutMs=120_000)
    assert space.ran == [("npm install date-fns --ignore-scripts", 120.0, True)]


async def test_a_failing_command_is_a_result(space: MemoryWorkspace) -> None:
    space.answer = CommandResult(2, "\x1b[31merror\x1b[0m TS1005\n", 3.21)
    result = await use(space, "terminal", command="npx tsc")
    assert not result.ok
    assert result.text == "Exit code 2 after 3.2 s\nerror TS1005"


async def test_a_command_that_did_not_end_says_so(space: MemoryWorkspace) -> None:
    space.answer = CommandResult(124, "", 5.0, timed_out=True)
    result = await use(space, "terminal", command="npx tsc", timeoutMs=5_000)
    assert not result.ok
    assert result.text.startswith("Stopped after 5 s")
    assert "(no output)" in result.text


async def test_a_server_is_refused_without_being_started(space: MemoryWorkspace) -> None:
    result = await use(space, "terminal", command="cd . && npm run dev")
    assert not result.ok
    assert "Zapdev starts the app" in result.text
    assert space.ran == []


async def test_a_flood_of_output_keeps_its_head_and_tail(space: MemoryWorkspace) -> None:
    space.answer = CommandResult(1, "first\n" + "x" * 60_000 + "\nlast")
    text = (await use(space, "terminal", command="npx tsc")).text
    assert "first" in text
    assert text.endswith("last")
    assert "characters left out" in text
    assert len(text) < 25_000


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from([tool.name for tool in create_tools()]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=12),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["path", "paths", "files", "content", "edits", "search", "replace", "command"]
                ),
                inner,
                max_size=3,
            )
        ),
        max_leaves=8,
    ),
)
async def test_any_arguments_give_a_result(name: str, arguments: object) -> None:
    space = MemoryWorkspace({"a": b"x"})
    call = ToolCall("1", name, json.dumps(arguments))
    result = await run_tool(call, space)
    assert result.text
    assert result.summary == describe_call(call)


LONG = "".join(f"line {number}\n" for number in range(60))


@pytest.mark.parametrize(
    ("old", "new", "led"),
    [
        (LONG, LONG.replace("line 7\n", "line seven\n"), True),
        (LONG, LONG + "more\n", True),
        (LONG, "".join(f"other {number}\n" for number in range(60)), False),
        (LONG, LONG, False),
        ("short\n" * 5, "short\n" * 4 + "new\n", False),
        (None, LONG, False),
    ],
)
async def test_a_long_file_rewritten_for_a_few_lines_leads_to_edit_file(
    old: str | None, new: str, led: bool
) -> None:
    space = small_app()
    space.before = {} if old is None else {"src/long.ts": old.encode()}
    files = [{"path": "src/long.ts", "content": new}]
    result = await use(space, "createOrUpdateFiles", files=files)
    assert result.ok
    assert ("editFile next time" in result.text) is led
