"""Campaign `secrets`: canaries planted wherever a secret can turn up, then looked for in all
that left the process: every telemetry item a loopback Sentry received, and the log stream.

Three kinds, in turn: the process's own keys (known), secrets nobody registered (shaped), and
private words without any shape (plain), which are planted only where nothing may be sent at all:
prompts, model output, request bodies, headers, cookies, queries, local variables, source lines.
Each canary has its own task, all at once; a message that wears another task's tag is a leak too.
"""

import asyncio
import io
import json
import random
import runpy
import string
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stderr, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import sentry_sdk
from aiohttp import web

from agents.client import OpenRouterLLM
from agents.logger import breadcrumb, configure_logging, create_logger, span, task_scope
from agents.ports import LLMRequest, Message
from agents.scrubber import Scrubber
from bot.telemetry import telemetry
from tests.fakes.openrouter import FakeOpenRouter, text
from tests.fakes.sentry_receiver import SentryReceiver, sentry_receiver

DEFAULT_SIZE = 40

ITEM_TYPES = frozenset({"event", "transaction", "span", "log", "trace_metric"})
_SHAPES = (
    "xoxb-{}",
    "xapp-1-{}",
    "sk-or-v1-{}",
    "e2b_{}",
    "whsec_{}",
    "ghp_{}",
    "github_pat_{}",
    "figd_{}",
    "eyJ{0}.eyJ{0}.{0}",
)

_log = create_logger("agents.campaign")


@dataclass(frozen=True, slots=True)
class Canary:
    """A secret with its task; `marker` is the part that is searched for."""

    task_id: str
    kind: str
    secret: str
    marker: str

    @property
    def found_by_us(self) -> bool:
        """Whether the scrubber can know it, so that it may stand in what is sent."""
        return self.kind != "plain"


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """Plant `size` canaries and count what got out. `store` does not matter here."""
    del store
    canaries = list(make_canaries(random.Random(seed), size))  # noqa: S311 - a seeded campaign
    stream = io.StringIO()
    async with sentry_receiver() as receiver:
        with redirect_stderr(stream):
            await _plant_all(canaries, receiver.dsn, stream)
    return judge(canaries, receiver, stream.getvalue())


def make_canaries(chance: random.Random, size: int) -> Iterable[Canary]:
    """Known, shaped and plain ones in turn."""
    for number in range(size):
        marker = "".join(chance.choices(string.ascii_letters + string.digits, k=32))
        kind = ("known", "shaped", "plain")[number % 3]
        shape = _SHAPES[number // 3 % len(_SHAPES)]
        secret = shape.format(marker) if kind == "shaped" else marker
        yield Canary(f"task_{number:04}", kind, secret, marker)


def judge(canaries: Sequence[Canary], receiver: SentryReceiver, logged: str) -> dict[str, object]:
    """The figures. A control text that must arrive proves that the search could find leaks."""
    sent = receiver.text()
    leaks = [
        (canary.task_id, canary.kind, sink)
        for canary in canaries
        for sink, content in (("sentry", sent), ("log", logged))
        if canary.marker in content
    ]
    types = {item.type for item in receiver.items}
    crumbs = [c for event in receiver.of("event") for c in _crumbs(event)]
    complete = types >= ITEM_TYPES and bool(crumbs)
    wrong = sum(map(_wears_anothers_tag, receiver.of("event") + receiver.of("transaction")))
    wrong += sum(map(_wears_anothers_tag_in_log, receiver.of("log")))
    arrived = all(f"control of {c.task_id}" in sent and c.task_id in logged for c in canaries)
    return {
        "canaries": len(canaries),
        "leaks": len(leaks),
        "leaked": leaks[:10],
        "wrong_tags": wrong,
        "items": len(receiver.items),
        "types": sorted(types),
        "breadcrumbs": len(crumbs),
        "ok": not leaks and not wrong and complete and arrived,
    }


def _crumbs(event: Mapping[str, Any]) -> list[Any]:
    return list((event.get("breadcrumbs") or {}).get("values", []))


def _wears_anothers_tag(event: Mapping[str, Any]) -> bool:
    """Whether an item that names a task in any of its texts is tagged as another one."""
    tag = (event.get("tags") or {}).get("task_id")
    named = {word for word in _words(json.dumps(event)) if word != tag}
    return tag is not None and bool(named)


def _wears_anothers_tag_in_log(envelope: Mapping[str, Any]) -> int:
    wrong = 0
    for line in envelope["items"]:
        tag = line["attributes"]["task_id"]["value"]
        wrong += any(word != tag for word in _words(line["body"]))
    return wrong


def _words(content: str) -> set[str]:
    return {f"task_{rest[:4]}" for rest in content.split("task_")[1:] if rest[:4].isdigit()}


# --- planting ----------------------------------------------------------------------------


async def _plant_all(canaries: Sequence[Canary], dsn: str, stream: io.StringIO) -> None:
    scrubber = Scrubber(c.secret for c in canaries if c.kind == "known")
    configure_logging(level="debug", scrubber=scrubber, stream=stream)
    try:
        async with telemetry(dsn, scrubber, task_sample_rate=1.0), FakeOpenRouter() as model:
            model.always(lambda seen: text(f"You said: {seen.last['content']}"))
            async with _broken_server() as url, aiohttp.ClientSession() as session:
                llm = OpenRouterLLM(model.endpoint)
                try:
                    together = asyncio.Barrier(len(canaries))
                    tasks = (_plant(c, together, llm, session, url) for c in canaries)
                    await asyncio.gather(*tasks)
                finally:
                    await llm.aclose()
    finally:
        configure_logging(level="warning")


async def _plant(
    canary: Canary,
    together: asyncio.Barrier,
    llm: OpenRouterLLM,
    session: aiohttp.ClientSession,
    url: str,
) -> None:
    """One task: everything is done while all the other tasks are at it too."""
    await _in_a_request(canary, session, url)
    with task_scope(canary.task_id, project_id=f"of {canary.task_id}"):
        await together.wait()
        await _in_a_prompt(canary, llm)
        _in_a_local(canary)
        _in_a_source_line(canary)
        if canary.found_by_us:
            _in_what_is_sent(canary)
        await together.wait()
        _log.error(f"control of {canary.task_id}")


async def _in_a_prompt(canary: Canary, llm: OpenRouterLLM) -> None:
    messages = [
        Message("system", f"The key is {canary.secret}"),
        Message("user", f"Use {canary.secret}"),
    ]
    request = LLMRequest("generate", "auto", messages, 0.5, 100)
    with span("gen_ai.chat", "chat auto", model="auto"):
        async for _ in llm.stream(request):
            await asyncio.sleep(0)


async def _in_a_request(canary: Canary, session: aiohttp.ClientSession, url: str) -> None:
    """Header, cookie, query and body of a request that makes its handler fail."""
    secret = canary.secret
    async with session.post(
        f"{url}/broken?api_key={quote(secret)}&page={quote(secret)}",
        json={"prompt": secret, "nested": [secret]},
        headers={"Authorization": f"Bearer {secret}", "X-Custom": secret},
        cookies={"session": secret, "other": secret},
    ) as answer:
        await answer.read()


def _in_a_local(canary: Canary) -> None:
    def fail(password: str, harmless: list[str]) -> None:
        raise LookupError(f"failed for {len(password) + len(harmless)}")

    try:
        fail(canary.secret, [canary.secret])
    except LookupError:
        _log.exception(f"locals of {canary.task_id}")


def _in_a_source_line(canary: Canary) -> None:
    """A literal in the code that fails, in a real file, so that its lines could be read."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "source.py")
        path.write_text(f'"""{canary.secret}"""\n\nBEFORE = "{canary.secret}"\nint("x")\n')
        try:
            runpy.run_path(str(path))
        except ValueError:
            _log.exception(f"source of {canary.task_id}")


def _in_what_is_sent(canary: Canary) -> None:
    """Messages, fields, exceptions, sandbox output, crumbs, spans, tags, metrics."""
    secret = canary.secret
    output = f"$ npm run build\nfailed with {secret}\n\x1b[31mkey: '{secret}'"
    breadcrumb("tool", f"terminal {secret}", output=output, **{secret: 1})
    _log.warning(f"{secret} in {canary.task_id}", output=output, nested={"x": [secret]})
    _log.info("step", url=f"https://{secret}:{secret}@host.example/{secret}?q={quote(secret)}")
    with suppress(RuntimeError), span("tool", f"terminal {secret}", command=secret, n=[secret]):
        raise RuntimeError(secret)
    try:
        try:
            raise ValueError(f"first {secret}")  # noqa: TRY301 - a chain is wanted
        except ValueError as error:
            raise RuntimeError(f"then {secret!r}", {"key": secret}) from error
    except RuntimeError:
        _log.exception(f"{secret} broke {canary.task_id}", token=secret, argument=secret)
    with span("gen_ai.execute_tool", f"execute_tool {secret}", arguments=secret):
        sentry_sdk.set_tag("extra", secret)
    sentry_sdk.set_user({"id": secret, "email": f"{secret}@example.com"})
    sentry_sdk.metrics.count("tool.calls", 1, attributes={"command": secret})
    sentry_sdk.capture_message(f"plain message {secret} of {canary.task_id}")


class _broken_server:  # noqa: N801 - used as a function
    """A server whose handler reads the whole request and then fails."""

    def __init__(self) -> None:
        app = web.Application()
        app.router.add_post("/broken", self._fail)
        self._runner = web.AppRunner(app, access_log=None)

    async def __aenter__(self) -> str:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _fail(self, request: web.Request) -> web.Response:
        body = await request.json()
        raise ArithmeticError(f"cannot handle {len(body)} fields")
