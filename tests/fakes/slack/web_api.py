"""The Web API: every call is judged, carried out, recorded and answered, or goes wrong by script."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from tests.fakes.slack import web_access, web_chat, web_conversations, web_files, web_views
from tests.fakes.slack.faults import Fault, Faults
from tests.fakes.slack.rates import TIER_1, RateLimits
from tests.fakes.slack.tokens import Token, Tokens
from tests.fakes.slack.web_request import (
    AppSecrets,
    Method,
    Received,
    Refused,
    Request,
    read,
)
from tests.fakes.slack.world import Call, Json, World

METHODS: Final[Mapping[str, Method]] = {
    **web_access.METHODS,
    **web_chat.METHODS,
    **web_conversations.METHODS,
    **web_files.METHODS,
    **web_views.METHODS,
}
_LIMITED: Final = ("ratelimited", "rate_limited")


@dataclass
class _Answer:
    body: Json
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def error(self) -> str | None:
        if not self.body:
            return f"HTTP {self.status}"
        return None if self.body.get("ok") else str(self.body.get("error"))

    def response(self) -> web.Response:
        if not self.body:
            page = f"<html><h1>{self.status}</h1></html>"
            return web.Response(text=page, status=self.status, content_type="text/html")
        return web.json_response(self.body, status=self.status, headers=self.headers)


class WebApi:
    """What stands behind `/api/<method>`."""

    def __init__(
        self, world: World, tokens: Tokens, secrets: AppSecrets, rates: RateLimits, faults: Faults
    ) -> None:
        self._world, self._tokens, self._secrets = world, tokens, secrets
        self._rates, self._faults = rates, faults
        self.calls: list[Call] = []
        self.subscriptions: frozenset[str] = frozenset()
        self.methods: dict[str, Method] = {
            **METHODS,
            "apps.connections.open": Method(_unreachable, TIER_1, ("connections:write",), "app"),
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One HTTP request."""
        name = request.match_info["method"]
        at = self._world.clock.monotonic()
        received = await read(request)
        token = self._tokens.all.get(received.token or "")
        team = _team_of(token)
        faults = self._faults.take(name, team, _channel_of(received.args))
        for fault in faults:
            await self._wait(fault)
        wrong = faults[-1] if faults and faults[-1].kind not in ("delay", "hold") else None
        if wrong is None or wrong.kind == "lost":
            answer = self._carry_out(name, received, token)
        else:
            answer = _failed(wrong)
        is_cut = wrong is not None and wrong.kind in ("cut", "lost")
        status, error = (
            (0, answer.error or "connection cut") if is_cut else (answer.status, answer.error)
        )
        self.calls.append(Call(name, received.args, received.token, team, at, error, status))
        if is_cut:
            return cut(request)
        return answer.response()

    async def _wait(self, fault: Fault) -> None:
        if fault.kind == "delay":
            await self._world.clock.sleep(fault.seconds)
        if fault.hold is not None:
            fault.hold.reached.set()
            await fault.hold.released.wait()

    def _carry_out(self, name: str, received: Received, token: Token | None) -> _Answer:
        method = self.methods.get(name)
        if method is None:
            return _Answer({"ok": False, "error": "unknown_method", "req_method": name})
        try:
            self._need_caller(method, received, token)
            if (limited := self._limited(name, method, received, token)) is not None:
                return limited
            request = self._request(received, token)
            if method.token != "none":
                request.need_scope(*method.scopes)
            answer = _Answer({"ok": True, **method.handler(request)})
        except Refused as refusal:
            answer = _Answer({"ok": False, "error": refusal.error, **refusal.extra})
        if token is not None:
            answer.headers["X-OAuth-Scopes"] = ",".join(token.scopes)
            answer.headers["X-Accepted-OAuth-Scopes"] = ",".join(method.scopes)
        return answer

    def _need_caller(self, method: Method, received: Received, token: Token | None) -> None:
        if received.problem is not None:
            raise Refused(received.problem)
        if method.token == "none":
            return
        complaint = self._tokens.complaint(received.token)
        if complaint is not None:
            raise Refused(complaint)
        fitting = ("bot", "user") if method.token == "any" else (method.token,)
        if token is None or token.kind not in fitting:
            raise Refused("not_allowed_token_type")

    def _limited(
        self, name: str, method: Method, received: Received, token: Token | None
    ) -> _Answer | None:
        where = _team_of(token) or self._world.app_id
        channel = _channel_of(received.args)
        seconds = self._rates.refuse(name, method.tier, where, channel)
        return None if seconds is None else _too_many(float(seconds))

    def _request(self, received: Received, token: Token | None) -> Request:
        return Request(
            self._world,
            self._tokens,
            self._secrets,
            received.args,
            token,
            received.basic,
            self.subscriptions,
        )


def _unreachable(request: Request) -> Json:
    """Socket Mode puts its own handler here."""
    raise Refused("internal_error")


def _team_of(token: Token | None) -> str | None:
    if token is None or token.installation is None:
        return None
    installation = token.installation
    return installation.enterprise if installation.is_org_wide else installation.teams[0]


def _channel_of(args: Mapping[str, Any]) -> str | None:
    found = args.get("channel") or args.get("channel_id")
    return None if found is None else str(found)


def _too_many(seconds: float, error: str = "ratelimited") -> _Answer:
    return _Answer({"ok": False, "error": error}, 429, {"Retry-After": f"{seconds:g}"})


def _failed(fault: Fault) -> _Answer:
    if fault.error in _LIMITED:
        return _too_many(1.0 if fault.retry_after is None else fault.retry_after, fault.error)
    if not fault.error:
        return _Answer({}, fault.status)
    return _Answer({"ok": False, "error": fault.error, **(fault.extra or {})}, fault.status)


def cut(request: web.Request) -> web.StreamResponse:
    """Drop the connection instead of answering."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
