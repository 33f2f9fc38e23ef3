"""What the sidecar is given. The composition root fills it; routes read it from the app."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from agents.events import Recorded
from agents.types import OwnerId, TaskId
from bot.metrics import Metrics
from bot.services.app_hosts import AppHosts
from bot.services.downloads import DownloadLinks
from bot.services.highlighting import Highlighter
from bot.services.linking import Linking, SlackPeople, SlackSignIn
from bot.services.previews import PreviewLinks, Previews
from bot.services.principals import SignIn
from bot.services.projects import ProjectService
from bot.services.sign_outs import SignOuts
from bot.services.tasks import LOCAL_OWNER, TaskService
from bot.sidecar.buckets import Buckets
from bot.sidecar.clerk_webhooks import ClerkWebhooks

Readiness = Callable[[], Awaitable[Mapping[str, str | None]]]
"""Looks at every part this process needs: name -> None, or in plain words what is wrong."""


class Follower(Protocol):
    """Follows one task's log."""

    def follow(self, task_id: TaskId, after: int) -> AsyncIterator[list[Recorded]]:
        """Events with `seq > after` in order, as they are stored; ends after the terminal one."""
        ...


@dataclass(frozen=True, slots=True)
class Info:
    """What the page says about this server. `offline`: no AI, the built-in model answers."""

    version: str
    model: str
    offline: bool
    sandbox: str
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClerkPage:
    """What a page needs to sign people in: Clerk's public key, and the origin of its script."""

    publishable_key: str
    frontend_api: str


@dataclass(frozen=True, slots=True)
class LinkDoor:
    """What linking a Slack user needs. Without `openid` a code is typed in Slack."""

    linking: Linking
    people: SlackPeople
    openid: SlackSignIn | None = None


@dataclass(frozen=True, slots=True)
class SidecarDeps:
    """Everything the routes may touch.

    `allowed_hosts` are host names (no port) that requests may name besides the loopback ones;
    `public_url` adds its own. `preview_sources` are CSP sources that the page may frame;
    `app_hosts` is where apps of this machine are reached from outside, if they are. Without
    `sign_in` everybody is `owner`; with it, a stream lasts for at most `stream_s`. `clerk` is how
    the page signs people in.
    """

    tasks: TaskService
    projects: ProjectService
    feed: Follower
    ready: Readiness
    info: Info
    owner: OwnerId = LOCAL_OWNER
    sign_in: SignIn | None = None
    clerk: ClerkPage | None = None
    linking: LinkDoor | None = None
    sign_outs: SignOuts | None = None
    webhooks: ClerkWebhooks | None = None
    public_url: str | None = None
    allowed_hosts: frozenset[str] = frozenset()
    preview_sources: tuple[str, ...] = ("https://*.e2b.app",)
    downloads: DownloadLinks | None = None
    previews: Previews | None = None
    links: PreviewLinks | None = None
    highlighter: Highlighter = field(default_factory=Highlighter)
    app_hosts: AppHosts | None = None
    metrics: Metrics = field(default_factory=Metrics)
    metrics_token: str | None = None
    cors_origins: frozenset[str] = frozenset()
    limits: Buckets | None = None
    proxies: int = 0
    body_s: float = 20.0
    heartbeat_s: float = 15.0
    write_timeout_s: float = 9.0
    stream_s: float = 900.0


DEPS: web.AppKey[SidecarDeps] = web.AppKey("deps", SidecarDeps)
