"""Modals that show an app's files and what a task changed."""

from dataclasses import replace
from typing import Any

from bot.render.slack_views import (
    FileDiff,
    FileEntry,
    FilesPage,
    render_diff_view,
    render_files_view,
)

FILES = [
    FileEntry("index.html", 507),
    FileEntry("src/App.tsx", 1_700),
    FileEntry("src/ui/Button.tsx", 80),
]
PAGE = FilesPage("task_1", "Bike board", FILES)


def texts(view: dict[str, Any]) -> list[str]:
    return [b["text"]["text"] for b in view["blocks"] if b["type"] == "section"]


def row(view: dict[str, Any], block_id: str) -> list[dict[str, Any]]:
    found = [b["elements"] for b in view["blocks"] if b.get("block_id") == block_id]
    return found[0] if found else []


def values(elements: list[dict[str, Any]]) -> dict[str, str]:
    return {b["action_id"]: b["value"] for b in elements if b["type"] == "button"}


def test_files_are_a_tree_and_a_menu() -> None:
    view = render_files_view(PAGE)

    assert texts(view) == [
        "*Bike board*\n3 files, 2.3 kB",
        "```\nindex.html  507 B\nsrc/\n  App.tsx  1.7 kB\n  ui/\n    Button.tsx  80 B\n```",
    ]
    (menu,) = row(view, "zd_files")
    assert [option["value"] for option in menu["options"]] == ["0", "1", "2"]
    assert view["private_metadata"] == "task_1"


def test_a_picked_file_shows_its_code() -> None:
    view = render_files_view(replace(PAGE, picked=1, code="a < b && `c`"))

    assert texts(view)[1:] == ["src/App.tsx  1.7 kB", "```\na &lt; b &amp;&amp; `c`\n```"]
    (menu,) = row(view, "zd_files")
    assert menu["initial_option"]["value"] == "1"


def test_a_file_that_is_no_text_or_empty_says_so() -> None:
    assert "not text" in str(render_files_view(replace(PAGE, picked=0, code=None)))
    assert "is empty" in str(render_files_view(replace(PAGE, picked=0, code=" \n")))


def test_long_code_is_read_page_by_page() -> None:
    code = "\n".join(f"line {n}" for n in range(8_000))

    first = render_files_view(replace(PAGE, picked=1, code=code))
    second = render_files_view(replace(PAGE, picked=1, code=code, code_page=1))

    assert values(row(first, "zd_pages")) == {"zd_code_page:1:on": "1"}
    assert values(row(second, "zd_pages")) == {"zd_code_page:1:back": "0", "zd_code_page:1:on": "2"}
    assert texts(first)[2].startswith("```\nline 0\n")
    assert texts(first)[-1] != texts(second)[-1]


def test_many_files_are_turned_over_in_the_menu() -> None:
    many = replace(PAGE, files=[FileEntry(f"f{n:03}.ts", 1) for n in range(250)], files_page=9)

    view = render_files_view(many)

    menu, *buttons = row(view, "zd_files")
    assert menu["options"][0]["value"] == "200"
    assert values(buttons) == {"zd_files_page:back": "1"}


def test_an_app_without_files_says_so() -> None:
    assert texts(render_files_view(replace(PAGE, files=[]))) == ["This app has no files yet."]


def test_lines_that_look_like_a_diffs_head_are_counted() -> None:
    diffs = [FileDiff("a.ts", "updated", "@@ -1 +1,2 @@\n--- x;\n+++i;\n+y\n")]
    assert texts(render_diff_view("task_1", "Board", diffs))[1].endswith("+2 −1")


def test_changes_are_shown_file_by_file_and_counted() -> None:
    diffs = [
        FileDiff("src/App.tsx", "updated", "--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n+more\n"),
        FileDiff("logo.png", "deleted", None),
    ]

    shown = texts(render_diff_view("task_1", "Bike board", diffs))

    assert shown[0] == "*Bike board*\n2 files changed"
    assert shown[1] == "*Changed:* src/App.tsx  +2 −1"
    assert shown[2].startswith("```\n--- a")
    assert shown[3] == "*Deleted:* logo.png"


def test_many_changes_are_turned_over() -> None:
    diffs = [FileDiff(f"f{n}.ts", "created", "+x") for n in range(30)]

    view = render_diff_view("task_1", "Bike board", diffs, page=1)

    assert values(row(view, "zd_pages")) == {"zd_diff_page:back": "0", "zd_diff_page:on": "2"}


def test_no_change_is_said_too() -> None:
    assert texts(render_diff_view("task_1", "x", [])) == ["Nothing was changed."]
