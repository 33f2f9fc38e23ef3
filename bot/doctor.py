"""What is configured here, and what of it really answers.

Each look is small and ends within seconds. `ok` is True (works), False (is configured, or is
needed, and does not work) or None (not configured, which is fine).
"""

import asyncio
import platform
import shutil
import sys
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from pydantic import SecretStr

from agents.browser.chromium import find_chromium
from agents.browser.session import ChromiumBrowser
from agents.errors import SandboxUnavailable, StoreError, UserError
from agents.sandbox.toolchain import Toolchain, ask, find_registry, find_toolchain
from agents.system import SystemClock
from bot.bootstrap import Services, running
from bot.config import Settings, unknown_names
from bot.services.principals import SignInUnavailable
from bot.setting_values import are_neighbours
from bot.sidecar.clerk_webhooks import webhook_of
from bot.sidecar.sign_in import clerk_sign_in

ANSWER_S = 5.0
NODE_FLOOR = (20, 19)
_CONVEX = "Check CONVEX_URL and CONVEX_SERVICE_KEY; deploy the functions: npx convex dev --once"
_NO_BROWSER = "previews are checked over HTTP only, errors in a page stay unseen, no screenshots"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `next_step` is what to do about it."""

    name: str
    ok: bool | None
    detail: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """One request that shows whether a configured service answers to our key."""

    name: str
    url: str
    next_step: str
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    form: Mapping[str, str] = field(default_factory=dict)
    good: int = 200
    accepted_by: str = ""
    """Slack's refusal that comes only where our key is good."""


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything, side by side, in a fixed order."""
    looks: list[Awaitable[list[Finding]]] = [
        _python(),
        _settings(),
        _node(),
        _chromium(),
        _what_is_kept_here(settings),
        _app_links(settings),
        _services(settings),
    ]
    return [finding for found in await asyncio.gather(*looks) for finding in found]


async def _python() -> list[Finding]:
    ok = sys.version_info >= (3, 11)
    return [Finding("Python", ok, platform.python_version(), "" if ok else "Install 3.11 or newer")]


async def _settings() -> list[Finding]:
    odd = unknown_names()
    if not odd:
        return [Finding("Settings", ok=True, detail="every name is known")]
    return [
        Finding("Settings", ok=False, detail=text, next_step="Mend or remove it") for text in odd
    ]


async def _node() -> list[Finding]:
    install = "Install Node.js 20.19 or newer, or let `make run` take it from PyPI"
    try:
        toolchain = await find_toolchain()
        version = (await ask(str(toolchain.node), "--version")).removeprefix("v")
    except SandboxUnavailable as error:
        return [Finding("Node.js", ok=False, detail=str(error), next_step=install)]
    ok = tuple(map(int, version.split(".")[:2])) >= NODE_FLOOR
    return [Finding("Node.js", ok, version, "" if ok else install), await _npm(toolchain)]


async def _npm(toolchain: Toolchain) -> Finding:
    try:
        registry = await find_registry(toolchain)
    except SandboxUnavailable as error:
        return Finding("npm", ok=False, detail=str(error), next_step="Install npm")
    return Finding("npm", ok=True, detail=f"packages from {registry.address[0]}")


async def _what_is_kept_here(settings: Settings) -> list[Finding]:
    """Whether there is a place to write, state can be kept, and apps can run."""
    place = await _data_dir(settings.data_dir)
    if not place.ok:
        return [place]
    try:
        async with running(settings, roles=frozenset()) as services:
            return [place, await _store(services), await _sandboxes(services)]
    except UserError as error:
        problem = Finding("Services", ok=False, detail=str(error), next_step=error.hint or "")
    except StoreError as error:
        hint = _CONVEX if settings.store_kind == "convex" else "Check ZAPDEV_DATA_DIR"
        problem = Finding("Store", ok=False, detail=str(error), next_step=hint)
    return [place, problem]


async def _store(services: Services) -> Finding:
    url = services.settings.convex_url
    name, hint = (
        ("SQLite", "Check ZAPDEV_DATA_DIR") if url is None else (f"Convex ({_host(url)})", _CONVEX)
    )
    try:
        await services.store.check()
    except StoreError as error:
        return Finding("Store", ok=False, detail=str(error), next_step=hint)
    return Finding("Store", ok=True, detail=name)


async def _sandboxes(services: Services) -> Finding:
    distant = services.settings.sandbox_kind == "e2b"
    try:
        isolated = await services.sandboxes.check()
    except SandboxUnavailable as error:
        hint = "Check E2B_API_KEY" if distant else "Install bubblewrap"
        return Finding("Sandboxes", ok=False, detail=str(error), next_step=hint)
    if distant:
        return Finding("Sandboxes", ok=True, detail="at E2B, each a machine of its own")
    if isolated:
        return Finding("Sandboxes", ok=True, detail="local, isolated by bubblewrap")
    detail = "local, not isolated: for the offline model's own code only"
    hint = "Install bubblewrap before you use a real model"
    return Finding("Sandboxes", True if services.settings.offline else None, detail, hint)


async def _app_links(settings: Settings) -> list[Finding]:
    """Whether the links to apps that run here open for the people who get them."""
    public_url, apps_url = settings.public_url, settings.apps_url
    if public_url is None or settings.sandbox_kind != "local":
        return []
    if apps_url is None:
        detail = "ZAPDEV_PUBLIC_URL is set, but apps run here and open only on this machine"
        hint = "Set ZAPDEV_APPS_URL=https://{key}.<a domain for apps>, or E2B_API_KEY"
        return [Finding("App links", ok=False, detail=detail, next_step=hint)]
    if are_neighbours(apps_url, public_url):
        detail = f"{apps_url}: one site with {public_url}, whose cookies an app may set"
        return [Finding("App links", None, detail, "Give apps a domain of their own")]
    return [Finding("App links", ok=True, detail=f"each app at {apps_url}")]


async def _chromium() -> list[Finding]:
    """Start it once, as the first look at a preview would."""
    browser = ChromiumBrowser(SystemClock())
    await browser.warm_up()
    await browser.close()
    if browser.problem is None:
        return [Finding("Chromium", ok=True, detail=f"{find_chromium()} looks at previews")]
    detail = f"{browser.problem}: {_NO_BROWSER}"
    hint = "" if find_chromium() else "Install Chromium, or let `make chromium` do it"
    return [Finding("Chromium", ok=None, detail=detail, next_step=hint)]


async def _data_dir(folder: Path) -> Finding:
    try:
        free = await asyncio.to_thread(_free_gib, folder)
    except OSError as error:
        detail = f"{folder}: {error.strerror}"
        return Finding("Data folder", ok=False, detail=detail, next_step="Set ZAPDEV_DATA_DIR")
    hint = "" if free >= 2 else "Make room: apps need a few hundred MB each"
    return Finding("Data folder", free >= 2, f"{folder}, {free:.0f} GiB free", hint)


def _free_gib(folder: Path) -> float:
    """Write there once; answers the free space. Raises: OSError. Blocks."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    probe = folder / ".doctor"
    probe.write_bytes(b"")
    probe.unlink()
    return shutil.disk_usage(folder).free / 1024**3


async def _services(settings: Settings) -> list[Finding]:
    """The services that keys switch on, each asked once."""
    named: list[tuple[str, Probe | None, str]] = [
        ("Model", _model_probe(settings), "offline model: sample apps, no AI"),
        ("E2B", _e2b_probe(settings), "not configured: apps run here"),
        ("Slack", _slack_probe(settings), "not configured: page, API and terminal only"),
        ("GitHub", _github_probe(settings), "not configured: public repositories only"),
        ("Figma", _figma_probe(settings), "not configured: no Figma imports"),
    ]
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:

        async def look(name: str, probe: Probe | None, without: str) -> Finding:
            if probe is None:
                return Finding(name, ok=True if name == "Model" else None, detail=without)
            return await ask_service(session, probe)

        found = await asyncio.gather(_clerk(settings), *(look(*row) for row in named))
    reporting = "configured" if settings.sentry_dsn else "not configured: errors stay in the log"
    return [*found, Finding("Sentry", True if settings.sentry_dsn else None, reporting)]


async def ask_service(session: aiohttp.ClientSession, probe: Probe) -> Finding:
    """Ask once; an answer that refuses our key is a failure, with what to do."""
    try:
        asking = session.request(
            probe.method, probe.url, headers=dict(probe.headers), data=dict(probe.form) or None
        )
        async with asking as reply:
            body: Any = await reply.json(content_type=None) if reply.status == 200 else None
            status = reply.status
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        detail = f"no usable answer ({type(error).__name__})"
        return Finding(probe.name, ok=False, detail=detail, next_step=probe.next_step)
    refusal = body.get("error") if isinstance(body, dict) and body.get("ok") is False else None
    if refusal is not None and refusal != probe.accepted_by:  # Slack's way to say no
        detail = f"refused: {refusal}"
        return Finding(probe.name, ok=False, detail=detail, next_step=probe.next_step)
    if status != probe.good:
        return Finding(probe.name, ok=False, detail=f"HTTP {status}", next_step=probe.next_step)
    return Finding(probe.name, ok=True, detail=f"answers ({_host(probe.url)})")


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2]


def _model_probe(settings: Settings) -> Probe | None:
    if settings.offline:
        return None
    base = settings.openrouter_base_url or "https://openrouter.ai/api/v1"
    hint = "Check OPENROUTER_API_KEY and OPENROUTER_BASE_URL"
    return Probe("Model", f"{base}/models", hint, _bearer(settings.openrouter_api_key))


def _e2b_probe(settings: Settings) -> Probe | None:
    if settings.e2b_api_key is None:
        return None
    base = settings.e2b_api_url or f"https://api.{settings.e2b_domain or 'e2b.app'}"
    key = {"X-API-Key": settings.e2b_api_key.get_secret_value()}
    return Probe("E2B", f"{base}/sandboxes", "Check E2B_API_KEY", key)


async def _clerk(settings: Settings) -> Finding:
    """Whether people's tokens can be checked, and from which pages they may come."""
    try:
        sign_in = clerk_sign_in(settings, SystemClock())
        if sign_in is None:
            return Finding("Clerk", ok=None, detail="not configured: no sign-in")
        await sign_in.keys.key("")
        secret = settings.clerk_webhook_secret
        told = secret is not None and webhook_of(secret.get_secret_value()) is not None
    except UserError as error:
        return Finding("Clerk", ok=False, detail=str(error), next_step=error.hint or "")
    except SignInUnavailable as error:
        hint = "Check CLERK_ISSUER or CLERK_PUBLISHABLE_KEY"
        return Finding("Clerk", ok=False, detail=str(error), next_step=hint)
    await sign_in.keys.close()
    pages = ", ".join(sorted(settings.authorized_parties))
    detail = f"{_host(settings.sign_in_url or '')}, for {pages}"
    if told:
        return Finding("Clerk", ok=True, detail=detail)
    detail += "; it does not tell of deleted accounts"
    links = settings.slack_bot_token is not None or settings.slack_client_secret is not None
    if links:
        detail += ", whose links to Slack stay"
    return Finding("Clerk", None if links else True, detail, "Set CLERK_WEBHOOK_SECRET")


def _slack_probe(settings: Settings) -> Probe | None:
    """For many workspaces a code that nobody was given: it is looked at after our credentials."""
    secret = settings.slack_client_secret
    if settings.slack_bot_token is None and secret is not None:
        return Probe(
            "Slack",
            f"{settings.slack_api_url}/oauth.v2.access",
            "Check SLACK_CLIENT_ID and SLACK_CLIENT_SECRET",
            method="POST",
            form={
                "client_id": settings.slack_client_id or "",
                "client_secret": secret.get_secret_value(),
                "code": "none",
            },
            accepted_by="invalid_code",
        )
    if settings.slack_bot_token is None:
        return None
    url, hint = f"{settings.slack_api_url}/auth.test", "Check SLACK_BOT_TOKEN"
    return Probe("Slack", url, hint, _bearer(settings.slack_bot_token), method="POST")


def _github_probe(settings: Settings) -> Probe | None:
    if settings.github_token is None:
        return None
    url = f"{settings.github_api_url}/rate_limit"
    return Probe("GitHub", url, "Check GITHUB_TOKEN", _bearer(settings.github_token))


def _figma_probe(settings: Settings) -> Probe | None:
    if settings.figma_token is None:
        return None
    return Probe(
        "Figma",
        f"{settings.figma_api_url}/v1/files/no-such-file",
        "Check FIGMA_TOKEN, and that it has the scope file_content:read",
        {"X-Figma-Token": settings.figma_token.get_secret_value()},
        good=404,  # what only a good token with the scope is told
    )


def _bearer(key: SecretStr | None) -> dict[str, str]:
    return {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}
