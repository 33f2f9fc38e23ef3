"""A Slack on loopback, to which the real slack_sdk and slack_bolt talk.

    async with FakeSlack() as slack:
        team = slack.workspace("T1")                    # with our app installed: team.token
        team.channel("C1", members=["U1"])              # and its bot a member
        client = AsyncWebClient(team.token, slack.api_url)
        slack.attach_http("http://127.0.0.1:8787/slack/events")     # or Socket Mode, by itself
        await slack.command("U1", "C1", "/zapdev", "a kanban board")
        [live] = slack.messages("C1")
        await slack.click("U1", live, "cancel")

What a person does returns when the app has acknowledged. What goes wrong is scripted by `fail`,
`delay`, `hold`, `cut` and `lose_answer`; `calls`, `messages` and `deliveries` say what happened.
"""

import asyncio
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Final, Self

from aiohttp import web
from typing_extensions import override

from agents.background import Background
from agents.ports import Clock
from agents.system import SystemClock
from tests.fakes.slack import events
from tests.fakes.slack.browser import Browser
from tests.fakes.slack.delivery import Attempt, Courier, Delivery, Kind
from tests.fakes.slack.faults import Faults
from tests.fakes.slack.http_delivery import HttpTransport
from tests.fakes.slack.payloads import Payloads
from tests.fakes.slack.people import People
from tests.fakes.slack.rates import RateLimits
from tests.fakes.slack.replies import answer_response_url
from tests.fakes.slack.scripts import Scripts
from tests.fakes.slack.sockets import Connection, SocketMode
from tests.fakes.slack.tokens import Tokens
from tests.fakes.slack.web_api import WebApi
from tests.fakes.slack.web_request import AppSecrets
from tests.fakes.slack.workspace import Builders
from tests.fakes.slack.world import Call, File, Json, Message, View, World
from tests.fakes.waiting import until

ACK_LIMIT_S: Final = 3.0
AT_ONCE: Final = (0.0, 0.0, 0.0)


class FakeSlack(People, Scripts, Builders):
    """One Slack with one app of ours in it."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        rate_limits: bool = True,
        ack_limit_s: float = ACK_LIMIT_S,
        retries_s: Sequence[float] = AT_ONCE,
        subscriptions: Iterable[str] = events.SUBSCRIPTIONS,
        is_agent: bool = True,
        secrets: AppSecrets | None = None,
    ) -> None:
        """`retries_s` are the waits before an event's retries; `AS_SLACK_RETRIES_S` are Slack's.

        Everything goes by `clock`, Slack's patience for acknowledgements too (so it has none with a
        clock whose `sleep` returns at once). Only signatures are always of the real time.
        """
        self.clock = clock or SystemClock()
        self.secrets = secrets or AppSecrets()
        self.world = World(self.clock, publish=self._publish, is_agent=is_agent)
        self.payloads = Payloads(self.world)
        self.tokens = Tokens(self.world, self.secrets.app_token)
        self.rates = RateLimits(self.clock, is_on=rate_limits)
        self.faults = Faults()
        self.socket_mode = SocketMode(self.world, self.clock, ack_limit_s)
        self.http = HttpTransport(self.clock, self.secrets.signing_secret, ack_limit_s)
        self.courier = Courier(self.clock, retries_s)
        self.courier.transports = [self.socket_mode, self.http]
        self.courier.on_limited = lambda payload: self.payloads.app_rate_limited(payload["team_id"])
        self._api = WebApi(self.world, self.tokens, self.secrets, self.rates, self.faults)
        self._api.subscriptions = frozenset(subscriptions)
        self._api.methods["apps.connections.open"] = self.socket_mode.method
        self.browser = Browser(self.world, self, self.secrets)
        self._background = Background()
        self._on_their_way = 0
        self._runner: web.AppRunner | None = None

    # --- where it is --------------------------------------------------------------------------

    @property
    def api_url(self) -> str:
        """What `AsyncWebClient(base_url=…)` and SLACK_API_URL take."""
        return f"{self.world.base_url}/api/"

    @property
    def authorize_url(self) -> str:
        """Where a browser is sent to install the app; `browser.signed_in` is who allows it."""
        return f"{self.world.base_url}/oauth/v2/authorize"

    @property
    def openid_url(self) -> str:
        """Where Sign in with Slack lives: `/authorize` and `/keys`."""
        return f"{self.world.base_url}/openid/connect"

    @property
    def app_token(self) -> str:
        """The app-level token for Socket Mode."""
        return self.secrets.app_token

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/api/{method}", self._api.answer)
        app.router.add_get("/link/", self.socket_mode.link)
        app.router.add_post("/response/{name}", self._answer_response_url)
        app.router.add_post("/upload/{file}", self._take_upload)
        self.browser.add_routes(app.router)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.world.base_url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.faults.clear()
        await self._background.stop()
        await self.socket_mode.close()
        await self.http.close()
        if self._runner is not None:
            await self._runner.cleanup()

    # --- what happened ------------------------------------------------------------------------

    @property
    def calls(self) -> list[Call]:
        """Every call to the Web API, the latest last."""
        return self._api.calls

    def calls_of(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    def messages(self, channel: str, *, thread_ts: str | None = None) -> list[Message]:
        """What everybody sees there now; with `thread_ts`, that thread, its first message too."""
        seen = list(self.world.visible(channel))
        return seen if thread_ts is None else [m for m in seen if m.root_ts == thread_ts]

    def bot_messages(self, channel: str, *, thread_ts: str | None = None) -> list[Message]:
        found = self.messages(channel, thread_ts=thread_ts)
        return [m for m in found if m.bot_id is not None]

    def ephemeral(self, user: str | None = None) -> list[Message]:
        """What only one person sees, by whichever way it came."""
        everything = (m for found in self.world.messages.values() for m in found)
        private = [m for m in everything if m.ephemeral_to is not None and not m.is_deleted]
        return [m for m in private if user in (None, m.ephemeral_to)]

    @property
    def deleted(self) -> list[Message]:
        everything = (m for found in self.world.messages.values() for m in found)
        return [m for m in everything if m.is_deleted]

    @property
    def views(self) -> list[View]:
        """Every modal and App Home there ever was."""
        return list(self.world.views.values())

    @property
    def files(self) -> list[File]:
        return [file for file in self.world.files.values() if file.is_complete]

    @property
    def deliveries(self) -> list[Delivery]:
        """Every payload sent to the app, the latest last."""
        return self.courier.deliveries

    @property
    def connections(self) -> list[Connection]:
        """The app's open WebSockets."""
        return self.socket_mode.connections

    async def connected(self, how_many: int = 1) -> None:
        """Until so many WebSockets are open."""
        await until(lambda: len(self.connections) >= how_many)

    # --- to the app ---------------------------------------------------------------------------

    def attach_http(self, url: str | None) -> None:
        """Send payloads to this request URL whenever no WebSocket is open."""
        self.http.url = url

    @override
    async def deliver(self, kind: Kind, payload: Json) -> Delivery:
        return await self.courier.deliver(kind, payload)

    @override
    async def deliver_event(self, team: str, event: Json) -> Delivery | None:
        if not self._hears(team, event):
            return None
        return await self.deliver("event", self.payloads.event(team, event))

    async def deliver_http(self, url: str, payload: Json, *, kind: Kind = "event") -> Delivery:
        """One payload to one address, with Slack's signature and retries."""
        transport = HttpTransport(self.clock, self.secrets.signing_secret, self.http.ack_limit_s)
        transport.url = url
        courier = self.courier.over(transport)
        try:
            return await courier.deliver(kind, payload)
        finally:
            await transport.close()

    async def verify_url(self, url: str, challenge: str = "a-challenge") -> Attempt:
        """What Slack does when a request URL is entered; the acknowledgement repeats the text."""
        delivery = await self.deliver_http(url, self.payloads.url_verification(challenge))
        return delivery.attempts[-1]

    async def settled(self) -> None:
        """Until every payload on its way has arrived or is given up."""
        await asyncio.sleep(0)
        await until(lambda: all(d.is_over for d in self.deliveries) and not self._on_their_way)

    def _publish(self, team: str, event: Json) -> None:
        self._on_their_way += 1
        self._background.spawn(self._bring(team, event), name="slack-event")

    async def _bring(self, team: str, event: Json) -> None:
        try:
            await self.deliver_event(team, event)
        finally:
            self._on_their_way -= 1

    def _hears(self, team: str, event: Json) -> bool:
        """The app is there, has asked for such events, and its bot is where it happened."""
        if events.subscription(event) not in self._api.subscriptions:
            return False
        installation = self.world.installation(team)
        if installation is None:
            return False
        if event["type"] in ("message", "app_mention"):
            channel = self.world.channels[event["channel"]]
            return installation.is_active and installation.bot_user in channel.members
        return True

    # --- the other addresses ------------------------------------------------------------------

    async def _answer_response_url(self, request: web.Request) -> web.Response:
        return await answer_response_url(self.world, request)

    async def _take_upload(self, request: web.Request) -> web.Response:
        file = self.world.files.get(request.match_info["file"])
        content = await request.read()
        if file is None or file.content is not None or len(content) != file.length:
            return web.Response(status=400, text="upload refused")
        file.content = content
        return web.Response(text=f"OK - {len(content)}")
