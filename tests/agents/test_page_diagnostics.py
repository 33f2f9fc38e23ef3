from typing import Any

import pytest

from agents.diagnostics import fingerprint
from agents.diagnostics.page import MAX_FINDINGS, judge
from agents.sighting import FailedLoad, PageError
from agents.testing import sighting

URL = "http://127.0.0.1:5173"
STACK = (
    "TypeError: no\n"
    f"    at ui ({URL}/node_modules/.vite/deps/react.js:5:1)\n"
    f"    at Board ({URL}/src/components/Board.tsx?t=17:42:7)\n"
)
VITE = (
    "[plugin:vite:oxc] Transform failed with 1 error:\n"
    "/home/user/src/App.tsx:3:5\n"
    "1 | export default\n"
)


def failed(path: str, status: int | None = 404, reason: str = "", kind: Any = "script") -> Any:
    return (FailedLoad(f"{URL}{path}", kind, status, reason),)


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ({"problem": "net::ERR_TOO_MANY_REDIRECTS"}, "redirects in a circle"),
        ({"problem": "net::ERR_CONNECTION_REFUSED"}, "ERR_CONNECTION_REFUSED"),
        ({"problem": "the tab crashed"}, "tab crash"),
        (
            {"problem": "net::ERR_EMPTY_RESPONSE", "unreachable": frozenset({"10.0.0.1"})},
            "net::ERR_EMPTY_RESPONSE. It leads to 10.0.0.1.",
        ),
        ({"status": 500}, "answers a browser with 500"),
        ({"loads": 40}, "without end"),
        ({"overlay": "Something broke"}, "error overlay: Something broke"),
        ({"failures": failed("/assets/a.js")}, "The script /assets/a.js cannot be loaded: answers"),
        ({"failures": failed("/a.css", kind="stylesheet")}, "The stylesheet /a.css"),
        ({"failures": failed("/a.js", 200, "an HTML page came in its place")}, "an HTML page came"),
        ({"failures": failed("/a.js", None, "net::ERR_FAILED")}, "net::ERR_FAILED"),
        ({"errors": (PageError("Error: nobody caught me"),)}, "Uncaught error in the page: Error"),
        ({"blank": True}, "stays blank"),
        ({"settled": False}, "busy without end"),
    ],
)
def test_what_a_person_would_call_broken_is_one_finding(seen: dict[str, Any], told: str) -> None:
    [finding] = judge(sighting(**seen))
    assert told in finding.message
    assert finding.severity == "error"


@pytest.mark.parametrize(
    "seen",
    [
        {},
        {"console": ("Warning: each child in a list should have a unique key",)},
        {"errors": (PageError("ResizeObserver loop completed with undelivered notifications."),)},
        {"errors": (PageError("AbortError: signal is aborted without reason"),)},
        {"errors": (PageError("NotAllowedError: play() failed because nobody has clicked"),)},
        {"unreachable": frozenset({"fonts.example.com"})},
        {"loads": 2},
        {"screenshot": None},
    ],
)
def test_what_works_for_people_is_no_finding(seen: dict[str, Any]) -> None:
    assert judge(sighting(**seen)) == ()


@pytest.mark.parametrize(
    "seen",
    [
        {"errors": (PageError("TypeError: Failed to fetch"),)},
        {"errors": (PageError("ReferenceError: Chart is not defined"),)},
        {"errors": (PageError("AxiosError: Network Error"),)},
        {"errors": (PageError("TypeError: Failed to fetch dynamically imported module: x"),)},
        {"blank": True},
    ],
)
def test_what_hosts_out_of_reach_may_have_caused_is_a_warning(seen: dict[str, Any]) -> None:
    away = frozenset({"cdn.example.com"})
    [finding] = judge(sighting(**seen, unreachable=away, console=("said",)))
    assert finding.severity == "warning"
    assert "does not let it reach cdn.example.com: " in finding.message
    assert [d.severity for d in judge(sighting(**seen))] == ["error"]


def test_hosts_out_of_reach_excuse_nothing_that_is_missing_at_home() -> None:
    away = frozenset({"cdn.example.com"})
    errors = tuple(PageError(f"Error: {n}") for n in range(MAX_FINDINGS))
    missing = failed("/a.css", kind="stylesheet")
    found = judge(sighting(errors=errors, settled=False, failures=missing, unreachable=away))
    assert [d.severity for d in found] == ["error"] * 2 + ["warning"] * (MAX_FINDINGS - 2)


def test_a_fetch_that_fails_at_home_is_a_finding() -> None:
    [finding] = judge(sighting(errors=(PageError("TypeError: Failed to fetch"),)))
    assert "Failed to fetch" in finding.message


def test_an_error_names_the_apps_own_file_and_line() -> None:
    [finding] = judge(sighting(errors=(PageError("TypeError: no", STACK),)))
    assert (finding.file, finding.line) == ("src/components/Board.tsx", 42)


def test_an_overlay_names_the_file_that_it_shows() -> None:
    [finding] = judge(sighting(overlay=VITE))
    assert (finding.file, finding.line) == ("src/App.tsx", 3)


def test_a_source_that_is_missing_is_named() -> None:
    [finding] = judge(sighting(failures=failed("/src/main.tsx")))
    assert finding.file == "src/main.tsx"


def test_the_console_is_told_as_warnings_which_do_not_make_it_another_problem() -> None:
    first, second = (judge(sighting(blank=True, console=(f"at {n}",))) for n in (1, 2))
    assert [d.severity for d in first] == ["error", "warning"]
    assert fingerprint(first) == fingerprint(second)


def test_a_page_full_of_errors_gives_few_and_short_findings() -> None:
    errors = tuple(PageError(f"Error {n} " + "x" * 5_000) for n in range(50))
    found = judge(sighting(errors=errors))
    assert len(found) == MAX_FINDINGS
    assert all(len(finding.message) <= 600 for finding in found)
