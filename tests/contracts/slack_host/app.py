"""A tiny app on the real slack_bolt, which acknowledges everything and remembers what came."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack.server import FakeSlack

Json = dict[str, Any]
ANYTHING = re.compile(".*", re.DOTALL)


class TinyApp:
    """`answer` is what the next command or submission is acknowledged with."""

    def __init__(self, slack: FakeSlack, client: AsyncWebClient) -> None:
        self.client = client
        self.bodies: list[Json] = []
        self.retries: list[str] = []
        self.answer: Any = ""
        self.bolt = AsyncApp(client=client, signing_secret=slack.secrets.signing_secret)
        self._listen()

    def events(self, kind: str) -> list[Json]:
        """The events of this type that came, the latest last."""
        inner = [body["event"] for body in self.bodies if "event" in body]
        return [event for event in inner if event["type"] == kind]

    @property
    def last(self) -> Json:
        return self.bodies[-1]

    def _listen(self) -> None:
        async def answering(ack: Any, body: Json) -> None:
            self.bodies.append(body)
            await (ack(**self.answer) if isinstance(self.answer, dict) else ack(self.answer))

        async def acking(ack: Any, body: Json) -> None:
            self.bodies.append(body)
            await ack()

        async def event(body: Json, request: Any) -> None:
            self.bodies.append(body)
            self.retries += request.headers.get("x-slack-retry-num", [])

        self.bolt.command(ANYTHING)(answering)
        self.bolt.view(ANYTHING)(answering)
        for register in (self.bolt.action, self.bolt.shortcut, self.bolt.view_closed):
            register(ANYTHING)(acking)
        for kind in ("message", ANYTHING):
            self.bolt.event(kind)(event)


Transport = Callable[[FakeSlack, TinyApp], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def serving(handler: Callable[[web.Request], Any]) -> AsyncIterator[str]:
    """A request URL on loopback."""
    app = web.Application()
    app.router.add_post("/slack/events", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    await runner.cleanup()


@asynccontextmanager
async def over_http(slack: FakeSlack, tiny: TinyApp) -> AsyncIterator[None]:
    async def handle(request: web.Request) -> web.StreamResponse:
        answer = await tiny.bolt.async_dispatch(await to_bolt_request(request))
        return await to_aiohttp_response(answer)

    async with serving(handle) as url:
        slack.attach_http(url)
        yield


@asynccontextmanager
async def over_socket(slack: FakeSlack, tiny: TinyApp) -> AsyncIterator[None]:
    handler = AsyncSocketModeHandler(tiny.bolt, slack.app_token)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await slack.connected()
    yield
    await handler.close_async()  # type: ignore[no-untyped-call]


TRANSPORTS: dict[str, Transport] = {"http": over_http, "socket": over_socket}


def button(action_id: str = "go", value: str = "1", **more: Any) -> Json:
    text = {"type": "plain_text", "text": "Go"}
    return {"type": "button", "action_id": action_id, "text": text, "value": value, **more}


def actions(*elements: Json) -> list[Json]:
    return [{"type": "actions", "block_id": "act", "elements": list(elements)}]


def modal(**more: Any) -> Json:
    """A form with one input."""
    text_input = {"type": "plain_text_input", "action_id": "idea"}
    label = {"type": "plain_text", "text": "What shall I build?"}
    return {
        "type": "modal",
        "callback_id": "form",
        "title": {"type": "plain_text", "text": "New app"},
        "submit": {"type": "plain_text", "text": "Build"},
        "blocks": [{"type": "input", "block_id": "what", "label": label, "element": text_input}],
        **more,
    }
