"""The Slack side of a process: Bolt over Socket Mode or HTTP, and the live messages."""

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web
from slack_bolt import BoltResponse
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request import payload_utils
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier

from agents.background import Background
from agents.errors import UserError
from agents.logger import create_logger
from bot.slack.desk import Desk
from bot.slack.errors import WorkspaceGone
from bot.slack.line import SlackLine
from bot.slack.listeners import Listeners
from bot.slack.messages import SurfaceParts
from bot.slack.shelf import ShelfFacts
from bot.slack.surface import Surfaces
from bot.slack.workspaces import OneWorkspace, Workspaces

log = create_logger(__name__)

EVENTS_PATH = "/slack/events"
NOT_HERE = "Zapdev is not in this workspace any more. Whoever runs it can tell how to add it again."
SOCKETS = 2
"""WebSockets per process: Slack renews each now and then, and what comes meanwhile takes another."""

_NO_SECRET = "unused: signatures are checked before Bolt"  # noqa: S105 - it is none
_NONSENSE = (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)
"""What Bolt raises of payloads such as Slack never sends."""

_KINDS: tuple[Callable[[dict[str, Any]], Any], ...] = (
    payload_utils.is_event,
    payload_utils.is_slash_command,
    payload_utils.is_action,
    payload_utils.is_shortcut,
    payload_utils.is_view,
    payload_utils.is_options,
)
"""Of everything else there is no listener."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How this process hears of Slack: an app token for Socket Mode, a signing secret for HTTP."""

    app_token: str | None = None
    signing_secret: str | None = None


class SlackApp:
    """The app, in all workspaces that have it."""

    def __init__(
        self,
        connection: Connection,
        line: SlackLine,
        workspaces: Workspaces,
        listeners: Listeners,
    ) -> None:
        secret = connection.signing_secret
        self._verifier = None if secret is None else SignatureVerifier(secret)
        self.hears_http = secret is not None
        self.listeners = listeners
        self.bolt = AsyncApp(
            name="zapdev",
            logger=_bolt_logger(),
            client=line.client,
            authorize=_authorizer(workspaces),
            user_facing_authorize_error_message=NOT_HERE,
            signing_secret=_NO_SECRET,
            request_verification_enabled=False,  # done here, before anything is parsed or logged
            process_before_response=True,  # listeners are quick, and Bolt waits for them itself
        )
        self.bolt.middleware(_only_what_is_known)
        listeners.register(self.bolt)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Slack's request over HTTP: 401 without its signature, 400 where it makes no sense."""
        body = _decoded(await request.read())
        if body is None or not self._is_signed(request.headers, body):
            return web.json_response({"error": "not signed by Slack"}, status=401)
        try:
            _check(body, request.content_type)
            asked = AsyncBoltRequest(body=body, headers=dict(request.headers))
            answer = await self.bolt.async_dispatch(asked)
        except _NONSENSE as error:  # what our own listeners raise goes to their error boundary
            log.warning("request from Slack not understood", error=type(error).__name__)
            return web.json_response({"error": "not understood"}, status=400)
        return await to_aiohttp_response(answer)

    def _is_signed(self, headers: Mapping[str, str], body: str) -> bool:
        """By Slack, within the last five minutes."""
        stamp = headers.get("X-Slack-Request-Timestamp", "")
        signature = headers.get("X-Slack-Signature", "")
        if self._verifier is None or not (stamp.isascii() and stamp.isdigit() and len(stamp) < 15):
            return False
        if not signature.isascii():
            return False
        return bool(self._verifier.is_valid(body, stamp, signature))


def _decoded(raw: bytes) -> str | None:
    """None for what is no text, as all that Slack sends is."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def _check(body: str, content_type: str) -> None:
    """An object, or a form that may hold one. Raises: ValueError, RecursionError."""
    if content_type == "application/json":
        payload = json.loads(body)
    else:
        fields = parse_qs(body, keep_blank_values=True, strict_parsing=True)
        payload = json.loads(fields["payload"][0]) if "payload" in fields else fields
    if not isinstance(payload, dict) or not payload:
        raise ValueError("no object")


async def _only_what_is_known(
    body: dict[str, Any],
    next: Callable[[], Awaitable[Any]],  # noqa: A002 - Bolt's name for it
) -> BoltResponse | None:
    """A payload that no kind of listener takes is acknowledged; Bolt would log it whole."""
    if any(is_kind(body) for is_kind in _KINDS):
        await next()
        return None
    return BoltResponse(status=200, body="")


def _bolt_logger() -> logging.Logger:
    """Warnings and worse go where all logs go; below that Bolt logs whole payloads.

    Its own advice about tokens in the environment is left out: settings are not its business.
    """
    logger = logging.Logger("slack_bolt", logging.WARNING)  # noqa: LOG001 - not one of the tree's
    logger.parent = logging.root
    logger.addFilter(lambda record: "`token`" not in record.getMessage())
    return logger


def _authorizer(workspaces: Workspaces) -> Callable[..., Awaitable[Any]]:
    """Slack is not asked, and the store only now and then. None: the app is not there.

    Bolt fills arguments by their names, and takes a method's `self` for one.
    """

    async def authorize(team_id: str | None) -> AuthorizeResult | None:
        try:
            us, token = await workspaces.workspace(team_id or "")
        except WorkspaceGone as error:
            log.warning("not authorized", team_id=team_id, reason=str(error))
            return None
        return AuthorizeResult(
            enterprise_id=None,
            team_id=us.team_id,
            bot_token=token,
            bot_id=us.bot_id,
            bot_user_id=us.bot_user_id,
        )

    return authorize


@asynccontextmanager
async def slack_app(
    connection: Connection,
    parts: SurfaceParts,
    desk: Desk,
    workspaces: Workspaces,
    facts: ShelfFacts,
) -> AsyncIterator[SlackApp]:
    """Connect, listen and keep live messages while inside.

    Raises: UserError when Slack does not accept the app token.
    """
    door, background = parts.door, Background()
    app = SlackApp(connection, door.line, workspaces, Listeners(desk, door, workspaces, facts))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(background.stop)
        is_one = isinstance(workspaces, OneWorkspace)  # which the settings may bring back
        farewell = None if is_one else app.listeners.departures.leave_if_gone
        background.spawn(Surfaces(parts, farewell).run(), name="slack-surfaces")
        if facts.linking is not None:
            greeting = app.listeners.newcomers.run(parts.hub, parts.holder)
            background.spawn(greeting, name="slack-newcomers")
        stack.push_async_callback(app.listeners.close)
        if connection.app_token is not None:
            for _ in range(SOCKETS):
                await stack.enter_async_context(_socket(app.bolt, connection.app_token))
        yield app


@asynccontextmanager
async def _socket(bolt: AsyncApp, app_token: str) -> AsyncIterator[None]:
    """One WebSocket, kept open. Raises: UserError."""
    handler = AsyncSocketModeHandler(bolt, app_token)
    try:
        await _connect(handler)
        yield
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


async def _connect(handler: AsyncSocketModeHandler) -> None:
    """Ask for an address first: by itself the client would ask for ever. Raises: UserError."""
    socket = handler.client
    try:
        socket.wss_uri = await socket.issue_new_wss_url()
    except SlackApiError as error:
        raise UserError(
            f"Slack does not accept SLACK_APP_TOKEN ({error.response.get('error')}).",
            field="SLACK_APP_TOKEN",
            hint="Copy the app-level token (xapp-…, with connections:write) from the app's page.",
        ) from error
    except (aiohttp.ClientError, TimeoutError) as error:
        log.warning("Slack is not reachable, and is tried again", error=repr(error))
    await handler.connect_async()  # type: ignore[no-untyped-call]
