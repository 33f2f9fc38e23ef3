"""What is in a Slack: workspaces with people, channels, messages, views and files.

State and look-ups only; what an app may do with it stands in the `web_*.py` modules, what people
do in `people.py`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from agents.ports import Clock

Json = dict[str, Any]
ChannelKind = Literal["channel", "group", "im", "mpim"]

BOT_SCOPES = (
    "app_mentions:read",
    "assistant:write",
    "channels:history",
    "chat:write",
    "chat:write.public",
    "commands",
    "files:write",
    "groups:history",
    "im:history",
    "im:write",
    "mpim:history",
    "reactions:write",
    "users:read",
    "users:read.email",
)
"""A generous set. A test of the bot gives what its own manifest asks for."""


@dataclass(eq=False)
class User:
    id: str
    team: str
    name: str
    email: str | None = None
    is_bot: bool = False
    is_admin: bool = False
    has_left: bool = False
    is_guest: bool = False


@dataclass(eq=False)
class Channel:
    id: str
    team: str
    """Its home; people of `shared_with` teams may be members too."""
    name: str
    kind: ChannelKind = "channel"
    members: set[str] = field(default_factory=set)
    shared_with: set[str] = field(default_factory=set)
    is_archived: bool = False

    @property
    def is_open(self) -> bool:
        """Anybody of the workspace may look into it."""
        return self.kind == "channel"


@dataclass(frozen=True)
class State:
    """A message as it stood from a moment on."""

    at: float
    """By the clock's `monotonic`."""
    text: str
    blocks: Sequence[Json] = ()
    attachments: Sequence[Json] = ()
    metadata: Json | None = None
    edited_ts: str | None = None
    """Since when it is marked as edited."""


@dataclass(eq=False)
class Message:
    channel: Channel
    ts: str
    user: str
    history: list[State]
    """Every state it ever had, the current one last."""
    thread_ts: str | None = None
    bot_id: str | None = None
    subtype: str | None = None
    ephemeral_to: str | None = None
    """Who alone sees it."""
    via: Literal["person", "api", "response_url", "ack"] = "api"
    deleted_at: float | None = None
    reactions: dict[str, set[str]] = field(default_factory=dict)
    files: list["File"] = field(default_factory=list)

    @property
    def now(self) -> State:
        return self.history[-1]

    @property
    def text(self) -> str:
        return self.now.text

    @property
    def blocks(self) -> Sequence[Json]:
        return self.now.blocks

    @property
    def root_ts(self) -> str:
        """The thread it is in, or would start."""
        return self.thread_ts or self.ts

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None


@dataclass(eq=False)
class View:
    id: str
    team: str
    user: str
    body: Json
    """What the app sent: type, title, blocks, private_metadata, …"""
    hash: str
    root_id: str
    previous_id: str | None = None
    state: Json = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    """Shown at its inputs, by block_id."""
    is_open: bool = True
    history: list[Json] = field(default_factory=list)

    @property
    def blocks(self) -> Sequence[Json]:
        blocks: list[Json] = self.body.get("blocks", [])
        return blocks


@dataclass(eq=False)
class File:
    id: str
    team: str
    name: str
    length: int
    owner: str
    title: str = ""
    content: bytes | None = None
    shared_in: list[Message] = field(default_factory=list)
    is_complete: bool = False


@dataclass(eq=False)
class Session:
    """What people see of an agent at work in a thread."""

    channel: str
    thread_ts: str
    title: str | None
    history: list[tuple[float, str]]

    @property
    def status(self) -> str:
        return self.history[-1][1]


@dataclass(eq=False)
class Trigger:
    user: str
    team: str
    expires_at: float
    view: View | None = None
    """The modal it came from."""
    is_used: bool = False


@dataclass(eq=False)
class ResponseUrl:
    channel: Channel
    user: str
    expires_at: float
    message: Message | None = None
    """Whose button was pressed."""
    uses: int = 0


@dataclass(eq=False)
class Installation:
    """The app in one workspace, or in several of an organisation."""

    teams: list[str]
    bot_user: str
    bot_id: str
    scopes: list[str]
    enterprise: str | None = None
    is_org_wide: bool = False
    rotates: bool = False
    token: str = ""
    """The newest access token."""
    refresh_token: str | None = None
    is_active: bool = True


@dataclass(frozen=True)
class Call:
    """A request of the app to the Web API, and what it was answered with."""

    method: str
    args: Mapping[str, Any]
    token: str | None
    team: str | None
    at: float
    error: str | None
    status: int = 200
    """0 when the connection was cut instead."""


Publish = Callable[[str, Json], None]


@dataclass(eq=False)
class World:
    clock: Clock
    app_id: str = "A0ZAPDEV"
    publish: Publish = lambda _team, _event: None
    """Sends an event of a workspace to the app, in the background."""
    teams: dict[str, "Team"] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    messages: dict[str, list[Message]] = field(default_factory=dict)
    """By channel, in the order of their posting; ephemeral ones too."""
    views: dict[str, View] = field(default_factory=dict)
    homes: dict[tuple[str, str], View] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    sessions: dict[tuple[str, str], Session] = field(default_factory=dict)
    triggers: dict[str, Trigger] = field(default_factory=dict)
    response_urls: dict[str, ResponseUrl] = field(default_factory=dict)
    is_agent: bool = True
    base_url: str = ""
    _last_us: int = 0
    _last_id: int = 0

    def next_ts(self) -> str:
        """A time stamp that no message has."""
        self._last_us = max(int(self.clock.now().timestamp() * 1_000_000), self._last_us + 1)
        return f"{self._last_us // 1_000_000}.{self._last_us % 1_000_000:06d}"

    def next_id(self, prefix: str) -> str:
        self._last_id += 1
        return f"{prefix}{self._last_id:08d}"

    def message(self, channel: str, ts: str) -> Message | None:
        """One that everybody sees and nobody deleted."""
        return next((m for m in self.visible(channel) if m.ts == ts), None)

    def visible(self, channel: str) -> Iterator[Message]:
        for message in self.messages.get(channel, ()):
            if not message.is_deleted and message.ephemeral_to is None:
                yield message

    def root_of(self, channel: str, ts: str) -> str | None:
        """The thread that a reply to this message goes to; a deleted root with replies stays one."""
        for message in self.visible(channel):
            if ts in (message.ts, message.thread_ts):
                return message.root_ts
        return None

    def thread(self, channel: str, root: str) -> list[Message]:
        return [m for m in self.visible(channel) if m.root_ts == root]

    def add(self, message: Message) -> Message:
        self.messages.setdefault(message.channel.id, []).append(message)
        return message

    def direct_channel(self, user: User, bot_user: str) -> Channel:
        """The direct messages of a person and the bot, opened when there are none."""
        for channel in self.channels.values():
            if channel.kind == "im" and channel.members == {user.id, bot_user}:
                return channel
        name = f"D{user.id[1:]}"
        if name in self.channels:
            name = self.next_id("D")
        channel = Channel(name, user.team, "directmessage", "im", {user.id, bot_user})
        self.channels[name] = channel
        return channel

    def installation(self, team: str) -> Installation | None:
        found = self.teams.get(team)
        return None if found is None else found.installation

    def new_trigger(self, user: User, team: str, view: View | None = None) -> str:
        name = f"{self.next_id('')}.{self.next_id('')}.{self.next_id('f')}"
        lasts = self.clock.monotonic() + TRIGGER_S
        self.triggers[name] = Trigger(user.id, team, lasts, view)
        return name

    def new_response_url(self, channel: Channel, user: str, message: Message | None = None) -> str:
        name = self.next_id("r")
        lasts = self.clock.monotonic() + RESPONSE_URL_S
        self.response_urls[name] = ResponseUrl(channel, user, lasts, message)
        return f"{self.base_url}/response/{name}"


TRIGGER_S = 3.0
RESPONSE_URL_S = 30 * 60.0


@dataclass(eq=False)
class Team:
    """A workspace."""

    id: str
    name: str
    domain: str
    enterprise: str | None = None
    installation: Installation | None = None
