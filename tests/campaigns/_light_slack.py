"""Slack's whole side for many workspaces beside a light program, by Socket Mode."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agents.models import DEFAULT_CATALOG
from agents.system import SystemClock
from bot.config import Settings
from bot.services.downloads import DownloadLinks
from bot.services.previews import PreviewLinks
from bot.slack.side import SideParts, SlackSide, slack_side
from tests.campaigns._light import LightProgram
from tests.campaigns._places import StorePlace
from tests.fakes.slack.web_request import AppSecrets

SECRETS = AppSecrets()
LINKS_SECRET = b"what all processes sign links by"
ADDRESS = "http://127.0.0.1:8787"


@asynccontextmanager
async def slack_beside(
    program: LightProgram, place: StorePlace, slack_url: str, model_url: str
) -> AsyncIterator[SlackSide]:
    """Connected to Slack while inside."""
    settings = Settings.model_validate(
        {
            "slack_api_url": slack_url,
            "slack_client_id": SECRETS.client_id,
            "slack_client_secret": SECRETS.client_secret,
            "slack_app_token": SECRETS.app_token,
            "openrouter_base_url": model_url,
            "convex_url": place.address if place.is_distant else None,
        }
    )
    parts = SideParts(
        settings=settings,
        clock=SystemClock(),
        store=program.store,
        hub=program.hub,
        feed=program.feed,
        tasks=program.tasks,
        projects=program.projects,
        downloads=DownloadLinks(LINKS_SECRET, SystemClock(), ADDRESS),
        links=PreviewLinks(program.store),
        models=DEFAULT_CATALOG,
        holder=program.worker.id,
    )
    async with slack_side(parts) as side:
        if side is None:
            raise AssertionError("Slack is not set up")
        yield side
