"""One call to the Web API: who calls, with which arguments, and how it is refused."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from aiohttp import web

from tests.fakes.slack.rates import TIER_3
from tests.fakes.slack.tokens import Token, Tokens
from tests.fakes.slack.world import Channel, Installation, Json, Team, User, World

_TRUE: Final = frozenset({"1", "true", "True"})
_HISTORY: Final = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}


class Refused(Exception):
    """The call is answered with this error."""

    def __init__(self, error: str, **extra: Any) -> None:
        super().__init__(error)
        self.error = error
        self.extra = extra


@dataclass(frozen=True)
class AppSecrets:
    """What the app and Slack both know."""

    client_id: str = "111.222"
    client_secret: str = "client-secret"
    signing_secret: str = "signing-secret"
    app_token: str = "xapp-1-A0ZAPDEV-1-abc"


@dataclass(frozen=True)
class Request:
    """What a method's handler works on."""

    world: World
    tokens: Tokens
    secrets: AppSecrets
    args: Mapping[str, Any]
    token: Token | None
    basic: tuple[str, str] | None = None
    """Client id and secret by HTTP's basic scheme."""
    subscriptions: frozenset[str] = frozenset()

    # --- arguments ---------------------------------------------------------------------------

    def text(self, name: str) -> str | None:
        value = self.args.get(name)
        return None if value is None else str(value)

    def required(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise Refused(
                "invalid_arguments",
                response_metadata={"messages": [f"[ERROR] missing required field: {name}"]},
            )
        return value

    def flag(self, name: str) -> bool:
        value = self.args.get(name)
        return value is True or str(value) in _TRUE

    def structure(self, name: str, error: str = "invalid_arguments") -> Any:
        """A list or an object, which a form carries as JSON text."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise Refused(error) from None

    # --- who and where -----------------------------------------------------------------------

    @property
    def installation(self) -> Installation:
        if self.token is None or self.token.installation is None:
            raise Refused("not_allowed_token_type")
        return self.token.installation

    @property
    def team(self) -> Team:
        """Where the call acts; a token of a whole organisation says it by `team_id`."""
        teams = self.installation.teams
        name = self.text("team_id") if self.installation.is_org_wide else None
        if name is None and len(teams) == 1:
            name = teams[0]
        if name is None:
            channel = self.world.channels.get(self.text("channel") or "")
            name = channel.team if channel is not None else None
        if name is None:
            raise Refused("missing_argument", needed="team_id")
        if name not in teams:
            raise Refused("team_access_not_granted")
        return self.world.teams[name]

    @property
    def bot(self) -> User:
        return self.world.users[self.installation.bot_user]

    @property
    def scopes(self) -> list[str]:
        return [] if self.token is None else self.token.scopes

    def need_scope(self, *any_of: str) -> None:
        if any_of and not set(any_of) & set(self.scopes):
            raise Refused("missing_scope", needed=any_of[0], provided=",".join(self.scopes))

    def channel(self, name: str = "channel") -> Channel:
        """A conversation that the bot can see. A person's id stands for the direct messages."""
        wanted = self.required(name)
        user = self.world.users.get(wanted)
        if user is not None and user.team in self.installation.teams and not user.is_bot:
            return self.world.direct_channel(user, self.bot.id)
        found = self.world.channels.get(wanted)
        teams = set(self.installation.teams)
        if found is None or not {found.team, *found.shared_with} & teams:
            raise Refused("channel_not_found")
        if not found.is_open and self.bot.id not in found.members:
            raise Refused("channel_not_found")
        return found

    def user(self, name: str = "user") -> User:
        found = self.world.users.get(self.required(name))
        if found is None:
            raise Refused("user_not_found")
        return found

    def need_membership(self, channel: Channel) -> None:
        if self.bot.id not in channel.members:
            raise Refused("not_in_channel")

    def need_scope_of(self, channel: Channel, right: str) -> None:
        """Such as `channels:history`, by the kind of conversation."""
        self.need_scope(f"{_HISTORY[channel.kind]}:{right}")

    def need_client(self) -> None:
        """Client id and secret, by the basic scheme or as arguments."""
        given = self.basic or (self.text("client_id") or "", self.text("client_secret") or "")
        if given[0] != self.secrets.client_id:
            raise Refused("invalid_client_id")
        if given[1] != self.secrets.client_secret:
            raise Refused("bad_client_secret")


Handler = Callable[[Request], Json]


@dataclass(frozen=True)
class Method:
    handler: Handler
    tier: int = TIER_3
    scopes: tuple[str, ...] = ()
    """One of them is needed."""
    token: Literal["app", "bot", "user", "any", "none"] = "bot"
    """`any`: a bot's or a person's. `none`: the client's id and secret instead."""


@dataclass(frozen=True)
class Received:
    """The HTTP request, read."""

    args: Json
    token: str | None
    basic: tuple[str, str] | None = None
    problem: str | None = field(default=None)


async def read(request: web.Request) -> Received:
    """Slack takes arguments from the query, from a form and from JSON."""
    args: Json = dict(request.query)
    kind, problem = request.content_type, None
    if kind == "application/json" and request.can_read_body:
        try:
            body = await request.json()
        except ValueError:
            body = None
        if isinstance(body, dict):
            args |= body
        else:
            problem = "invalid_json"
    elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        args |= dict(await request.post())
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    token = args.pop("token", None)
    if scheme == "Bearer":
        token = credentials
    basic = None
    if scheme == "Basic":
        name, _, secret = base64.b64decode(credentials).decode().partition(":")
        basic = (name, secret)
    return Received(args, None if token is None else str(token), basic, problem)
