"""Slack's side of a process, put together from the settings: one workspace, or many."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from pydantic import SecretStr

from agents.errors import UserError
from agents.logger import create_logger
from agents.models import ModelCatalog
from agents.ports import Clock
from bot.config import Settings
from bot.feed import Feed, Hub
from bot.metrics import Metrics
from bot.services.downloads import DownloadLinks
from bot.services.linking import Linking
from bot.services.previews import PreviewLinks
from bot.services.projects import ProjectService
from bot.services.sealing import Seal
from bot.services.tasks import TaskService
from bot.slack.app import EVENTS_PATH, Connection, SlackApp, slack_app
from bot.slack.desk import Desk
from bot.slack.directory import SlackDirectory
from bot.slack.door import SlackDoor
from bot.slack.grants import Grants
from bot.slack.installations import Installations
from bot.slack.line import SlackLine
from bot.slack.listeners import COMMAND
from bot.slack.manifest import SCOPES
from bot.slack.messages import LOOK_S, SurfaceParts
from bot.slack.oauth import INSTALL_PATH, InstallFacts, InstallPages
from bot.slack.openid import SlackOpenId
from bot.slack.shelf import ShelfFacts
from bot.slack.workspaces import Workspaces, find_one_workspace
from bot.store.port import Store

log = create_logger(__name__)

DISTANT_LOOK_S = 10.0
"""Where each look at the store is a call over the network, and counted."""


@dataclass(frozen=True, slots=True)
class SideParts:
    """What it stands on. `holder` is this process, by a name that no other has. Without `linking`
    there are no accounts.
    """

    settings: Settings
    clock: Clock
    store: Store
    hub: Hub
    feed: Feed
    tasks: TaskService
    projects: ProjectService
    downloads: DownloadLinks
    links: PreviewLinks
    models: ModelCatalog
    holder: str
    metrics: Metrics = field(default_factory=Metrics)
    linking: Linking | None = None


@dataclass(frozen=True, slots=True)
class SlackSide:
    """Connected to Slack. Where the app can be added by OAuth, `pages` are there; where it has
    credentials, people can show who they are by `openid`.
    """

    app: SlackApp
    people: SlackDirectory
    pages: InstallPages | None = None
    openid: SlackOpenId | None = None

    @property
    def install_path(self) -> str | None:
        """Where people add the app to their workspace."""
        return None if self.pages is None else INSTALL_PATH

    @property
    def routes(self) -> list[web.RouteDef]:
        """What Slack, and who adds the app, ask of us over HTTP."""
        found = [] if self.pages is None else self.pages.routes()
        return [*found, web.post(EVENTS_PATH, self.app.handle)] if self.app.hears_http else found


@asynccontextmanager
async def slack_side(parts: SideParts) -> AsyncIterator[SlackSide | None]:
    """Connected while inside; None where nothing of Slack's is set.

    Raises: UserError (a setting is missing, or Slack does not accept a token).
    """
    settings = parts.settings
    connection = Connection(_plain(settings.slack_app_token), _plain(settings.slack_signing_secret))
    way = _way_in(settings, connection)
    if way is None:
        yield None
        return
    async with AsyncExitStack() as stack:
        line = SlackLine(settings.slack_api_url, parts.metrics.called_slack)
        stack.push_async_callback(line.close)
        workspaces: Workspaces
        pages: InstallPages | None = None
        if isinstance(way, str):
            workspaces = await find_one_workspace(line, way)
        else:
            grants = Grants(
                line, parts.clock, client_id=way.client_id, client_secret=way.client_secret
            )
            seal = Seal([*settings.encryption_secrets, way.client_secret])
            workspaces = installations = Installations(
                parts.store, seal, grants, parts.clock, parts.holder
            )
            stack.push_async_callback(installations.close)
            door = SlackDoor(line, installations)
            pages = InstallPages(grants, installations, parts.store, door, _facts(settings))
        app = await stack.enter_async_context(_app(parts, connection, line, workspaces))
        people = SlackDirectory(SlackDoor(line, workspaces), workspaces)
        yield SlackSide(app, people, pages, _openid(settings, line))


@dataclass(frozen=True, slots=True)
class _OAuth:
    """The app's own credentials, by which workspaces add it."""

    client_id: str
    client_secret: str


def _facts(settings: Settings) -> InstallFacts:
    site = settings.slack_api_url.removesuffix("/api")
    return InstallFacts(
        authorize_url=f"{site}/oauth/v2/authorize",
        scopes=list(SCOPES),
        command=COMMAND,
        offline=settings.offline,
        public_url=settings.public_url,
    )


def _openid(settings: Settings, line: SlackLine) -> SlackOpenId | None:
    client_id, secret = settings.slack_client_id, _plain(settings.slack_client_secret)
    if client_id is None or secret is None:
        return None
    site = settings.slack_api_url.removesuffix("/api")
    return SlackOpenId(line, site, client_id=client_id, client_secret=secret)


def _way_in(settings: Settings, connection: Connection) -> str | _OAuth | None:
    """A token for one workspace, or OAuth for many. Raises: UserError."""
    token, client_id = _plain(settings.slack_bot_token), settings.slack_client_id
    secret = _plain(settings.slack_client_secret)
    if token is None and client_id is None and secret is None:
        return None
    if token is None and (client_id is None or secret is None):
        missing = "SLACK_CLIENT_ID" if client_id is None else "SLACK_CLIENT_SECRET"
        raise UserError(
            f"To be added to many workspaces {missing} has to be set, too.",
            field=missing,
            hint="Both are under “Basic Information” on the app's page at api.slack.com/apps.",
        )
    if connection.app_token is None and connection.signing_secret is None:
        raise UserError(
            "Slack is set up, but neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET is set.",
            field="SLACK_APP_TOKEN",
            hint="Socket Mode takes the app token (xapp-…); HTTP takes the signing secret.",
        )
    if connection.app_token is None and "sidecar" not in settings.roles:
        raise UserError(
            "Slack's requests come to the sidecar, which is not among ZAPDEV_ROLES.",
            field="ZAPDEV_ROLES",
            hint="Add sidecar, or use Socket Mode (SLACK_APP_TOKEN).",
        )
    if token is not None and secret is not None:
        log.info("SLACK_BOT_TOKEN is set, so the app is in that one workspace only")
    return token or _OAuth(client_id or "", secret or "")


@asynccontextmanager
async def _app(
    parts: SideParts, connection: Connection, line: SlackLine, workspaces: Workspaces
) -> AsyncIterator[SlackApp]:
    settings = parts.settings
    desk = Desk(parts.store, parts.tasks, parts.projects, parts.models, parts.hub)
    surfaces = SurfaceParts(
        store=parts.store,
        feed=parts.feed,
        hub=parts.hub,
        door=SlackDoor(line, workspaces),
        clock=parts.clock,
        holder=parts.holder,
        offline=settings.offline,
        preview_is_local=settings.apps_stay_here,
        look_s=DISTANT_LOOK_S if settings.store_kind == "convex" else LOOK_S,
    )
    desk.told_again = parts.metrics.dedupe_hits.inc
    facts = ShelfFacts(
        clock=parts.clock,
        command=COMMAND,
        offline=settings.offline,
        preview_is_local=settings.apps_stay_here,
        downloads=parts.downloads,
        links=parts.links,
        linking=parts.linking,
    )
    async with slack_app(connection, surfaces, desk, workspaces, facts) as app:
        yield app


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
