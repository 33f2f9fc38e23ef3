from typing import Any

import pytest
from typing_extensions import override

from agents.ports import Page
from agents.preview import PreviewGate, Verdict
from agents.sighting import PageError, Sighting
from agents.system import SystemClock
from agents.templates import get_template
from agents.testing import InMemorySandbox, ScriptedBrowser, ScriptedFetcher, sighting
from agents.types import Diagnostic, Framework, SandboxId

TEMPLATE = get_template(Framework.REACT)
APP = Page(200, '<title>Bikes</title><script type="module" src="/assets/a.js"></script>')


class _NoWait(SystemClock):
    """Time that passes by being waited for."""

    def __init__(self) -> None:
        self._now = 0.0

    @override
    def monotonic(self) -> float:
        return self._now

    @override
    async def sleep(self, seconds: float) -> None:
        self._now += seconds


async def verdict(*pages: Page | None, crashed: str | None = None) -> list[Diagnostic]:
    sandbox = InMemorySandbox(SandboxId("sbx"), TEMPLATE)
    sandbox.crash_output = crashed
    gate = PreviewGate(ScriptedFetcher(*pages), _NoWait())
    found = await gate.verify(sandbox, TEMPLATE)
    assert sandbox.served == [(TEMPLATE.preview, TEMPLATE.port)]
    assert "browser" not in found.checks
    return list(found.findings)


async def looked_at(*seen: Sighting | None, says: str | None = None) -> Verdict:
    """The verdict on an app that answers well over HTTP; it `says` this and ends meanwhile."""
    sandbox = InMemorySandbox(SandboxId("sbx"), TEMPLATE)

    class Looking(ScriptedBrowser):
        @override
        async def look(self, url: str) -> Sighting | None:
            sandbox.crash_output = says
            return await super().look(url)

    fetcher = ScriptedFetcher(APP, Page(200, "ok"))
    return await PreviewGate(fetcher, _NoWait(), Looking(*seen)).verify(sandbox, TEMPLATE)


async def test_a_page_that_answers_with_the_app_passes() -> None:
    assert await verdict(APP, Page(200, "console.log('bikes')")) == []


async def test_a_server_that_needs_a_while_passes() -> None:
    assert await verdict(None, None, Page(502, ""), APP, Page(200, "ok")) == []


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ([None], "Nothing answered"),
        ([Page(500, "<h1>Boom</h1>")], "answers 500: Boom"),
        ([Page(404, "no")], "answers 404"),
        ([Page(200, "<main data-zapdev='zapdev-start-page'>")], "start page"),
        ([APP, Page(200, "jsx('main',{'data-zapdev':'zapdev-start-page'})")], "start page"),
    ],
)
async def test_a_page_that_is_not_the_app_is_a_finding(
    pages: list[Page | None], expected: str
) -> None:
    [finding] = await verdict(*pages)
    assert expected in finding.message


async def test_a_server_that_stopped_is_reported_with_its_last_words() -> None:
    [finding] = await verdict(None, crashed="Error: port in use")
    assert "stopped" in finding.message
    assert "port in use" in finding.message


@pytest.mark.parametrize("source", ["http://10.0.0.1/x.js", "http://[x", "//["])
async def test_scripts_of_other_origins_are_not_fetched(source: str) -> None:
    fetcher = ScriptedFetcher(Page(200, f'<script src="{source}"></script>'))
    sandbox = InMemorySandbox(SandboxId("sbx"), TEMPLATE)
    await PreviewGate(fetcher, _NoWait()).verify(sandbox, TEMPLATE)
    assert fetcher.urls == ["http://127.0.0.1:5173"]


async def test_a_page_that_a_browser_shows_well_passes_with_its_picture() -> None:
    found = await looked_at(sighting())
    assert found.findings == ()
    assert found.checks == ("http", "start page", "browser")
    assert found.screenshot == sighting().screenshot


async def test_where_no_browser_can_look_the_checks_over_http_count() -> None:
    found = await looked_at(None)
    assert (found.findings, found.checks, found.screenshot) == ((), ("http", "start page"), None)


async def test_what_a_browser_sees_is_a_finding() -> None:
    found = await looked_at(sighting(errors=(PageError("TypeError: x is undefined"),)))
    assert [f.message for f in found.findings] == [
        "Uncaught error in the page: TypeError: x is undefined"
    ]
    assert "browser" in found.checks


async def test_warnings_alone_do_not_keep_a_page_from_being_shown() -> None:
    found = await looked_at(sighting(blank=True, unreachable=frozenset({"cdn.example.com"})))
    assert found.ok
    assert [f.severity for f in found.findings] == ["warning"]
    assert found.screenshot == sighting().screenshot
    assert not (await looked_at(sighting(blank=True))).ok


async def test_a_start_page_that_scripts_make_is_seen_in_a_browser() -> None:
    found = await looked_at(sighting(html="<main data-zapdev='zapdev-start-page'>"))
    assert [f.file for f in found.findings] == [TEMPLATE.entry[0]]


@pytest.mark.parametrize("problem", [None, "net::ERR_EMPTY_RESPONSE"])
async def test_a_server_that_stops_after_its_first_answer_is_the_one_finding(
    problem: str | None,
) -> None:
    found = await looked_at(sighting(problem=problem), says="Error: out of memory")
    [finding] = found.findings
    assert "stopped" in finding.message
    assert "out of memory" in finding.message


async def test_a_browser_does_not_look_at_what_does_not_answer() -> None:
    browser = ScriptedBrowser()
    sandbox = InMemorySandbox(SandboxId("sbx"), TEMPLATE)
    await PreviewGate(ScriptedFetcher(Page(500, "no")), _NoWait(), browser).verify(
        sandbox, TEMPLATE
    )
    assert browser.urls == []


@pytest.mark.parametrize(
    "doubtful",
    [
        {"settled": False},
        {"blank": True},
        {"problem": "Timeout 8000ms exceeded."},
        {"problem": "net::ERR_TIMED_OUT"},
    ],
)
async def test_what_a_busy_machine_may_have_caused_is_looked_at_twice(
    doubtful: dict[str, Any],
) -> None:
    assert (await looked_at(sighting(**doubtful), sighting())).findings == ()
    assert (await looked_at(sighting(**doubtful))).findings != ()
    assert (await looked_at(sighting(**doubtful), None)).findings != ()


async def test_an_error_is_believed_at_once() -> None:
    broken = sighting(blank=True, errors=(PageError("Error: no"),))
    assert len((await looked_at(broken, sighting())).findings) == 2
