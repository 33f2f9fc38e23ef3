import pytest
from typing_extensions import override

from agents.ports import Page
from agents.preview import PreviewGate
from agents.system import SystemClock
from agents.templates import get_template
from agents.testing import InMemorySandbox, ScriptedFetcher
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
    _, findings = await gate.verify(sandbox, TEMPLATE)
    assert sandbox.served == [(TEMPLATE.preview, TEMPLATE.port)]
    return findings


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


async def test_scripts_of_other_origins_are_not_fetched() -> None:
    fetcher = ScriptedFetcher(Page(200, '<script src="http://10.0.0.1/x.js"></script>'))
    sandbox = InMemorySandbox(SandboxId("sbx"), TEMPLATE)
    await PreviewGate(fetcher, _NoWait()).verify(sandbox, TEMPLATE)
    assert fetcher.urls == ["http://127.0.0.1:5173"]
