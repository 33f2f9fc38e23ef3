"""The composition root: the one place where ports meet adapters."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aiohttp import web

from agents.background import Background
from agents.browser.session import ChromiumBrowser
from agents.errors import SandboxUnavailable, StoreError, StoreUnavailable
from agents.http_pages import HttpPages
from agents.imports.github import web_host
from agents.logger import create_logger
from agents.models import ModelCatalog
from agents.ports import Clock, Toolkit
from agents.revival import Reviver
from agents.sandbox.manager import Sandboxes, SandboxManager
from agents.sandbox.package_registry import NpmRegistry
from agents.scrubber import Scrubber
from agents.system import RandomIds, SystemClock
from agents.types import TaskId
from bot import __version__
from bot.adapters import (
    model_catalog,
    open_designs,
    open_model,
    open_sandboxes,
    open_sources,
    open_store,
)
from bot.config import Settings
from bot.feed import Feed, Hub, Polling
from bot.metrics import MeasuredLLM, Metrics
from bot.services import worker as work
from bot.services.app_hosts import AppHosts
from bot.services.downloads import DownloadLinks, derived_secret, kept_secret
from bot.services.identity import IdentityService
from bot.services.linking import Linking
from bot.services.metering import Meter, Quotas
from bot.services.previews import PreviewLinks, Previews
from bot.services.projects import ProjectService
from bot.services.tasks import LOCAL_OWNER, TaskService
from bot.sidecar.app import Info, SidecarDeps, create_app
from bot.sidecar.buckets import Buckets
from bot.sidecar.deps import LinkDoor
from bot.sidecar.security import preview_sources
from bot.sidecar.sign_in import (
    clerk_page,
    clerk_people,
    clerk_sign_in,
    clerk_webhooks,
    link_checks,
    sign_outs_by,
)
from bot.store.port import Store
from bot.telemetry import telemetry

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from bot.sidecar.clerk import ClerkSignIn
    from bot.slack.side import SlackSide

log = create_logger(__name__)

_CRASH_PAUSE_S = 1.0
_LET_GO_S = 3.0
_PREVIEWS_LOOKED_AT = 1_000
DISTANT_PACE = work.Pace(heartbeat_s=5.0, flush_s=0.3)
DISTANT_POLLING = Polling(first_s=0.5, longest_s=2.0, heard_s=10.0)
"""Where each look and each write is a call over the network, and counted."""


@dataclass(frozen=True, slots=True)
class Services:
    """What runs in this process, for the doors to use."""

    settings: Settings
    clock: Clock
    store: Store
    hub: Hub
    feed: Feed
    tasks: TaskService
    projects: ProjectService
    downloads: DownloadLinks
    links: PreviewLinks
    previews: Previews
    worker: work.Worker
    sandboxes: Sandboxes
    models: ModelCatalog
    sign_in: "ClerkSignIn | None"
    linking: Linking | None
    metrics: Metrics

    async def ready(self) -> Mapping[str, str | None]:
        """Each part this process needs -> None, or in plain words what is wrong with it."""
        problems = {"store": await self._store_problem()}
        if "worker" in self.settings.roles:
            problems["sandbox"] = await self._sandbox_problem()
        if self.sign_in is not None and "sidecar" in self.settings.roles:
            problems["sign_in"] = self.sign_in.keys.problem
        return problems

    @asynccontextmanager
    async def working_on(self, task_id: TaskId) -> AsyncIterator[None]:
        """Run that one task here while inside, and nobody else's."""
        background = Background()
        background.spawn(self.worker.run(only=task_id), name="worker")
        try:
            yield
        finally:
            await background.stop()

    def sidecar(self, slack: "SlackSide | None" = None) -> web.Application:
        """The HTTP side of these services; where it is connected to Slack, people are linked."""
        settings = self.settings
        info = Info(
            version=__version__,
            model="offline" if settings.offline else self.models.default.id,
            offline=settings.offline,
            sandbox=settings.sandbox_kind,
            models=() if settings.offline else tuple(self.models.models),
        )
        hosts, per_minute = self._app_hosts(), settings.requests_per_minute
        token = settings.metrics_token
        frames = preview_sources(settings.e2b_preview_url, settings.e2b_domain or "e2b.app")
        sign_outs = sign_outs_by(settings, self.store)
        deps = SidecarDeps(
            tasks=self.tasks,
            projects=self.projects,
            feed=self.feed,
            ready=self.ready,
            info=info,
            sign_in=self.sign_in,
            clerk=clerk_page(settings),
            linking=self._link_door(slack),
            sign_outs=sign_outs,
            webhooks=clerk_webhooks(settings, self.store, self.tasks, sign_outs),
            downloads=self.downloads,
            previews=self.previews,
            links=self.links,
            public_url=settings.public_url,
            allowed_hosts=frozenset({settings.host}),
            app_hosts=hosts,
            preview_sources=frames if hosts is None else (hosts.everywhere,),
            metrics=self.metrics,
            metrics_token=token.get_secret_value() if token is not None else None,
            cors_origins=settings.cors_origins,
            limits=Buckets(self.clock, per_minute) if per_minute else None,
            proxies=settings.proxies,
        )
        return create_app(deps)

    def _link_door(self, slack: "SlackSide | None") -> LinkDoor | None:
        if self.linking is None or slack is None:
            return None
        return LinkDoor(self.linking, slack.people, slack.openid)

    def _app_hosts(self) -> AppHosts | None:
        """Where apps of this machine are reached from outside; E2B's have an address there."""
        apps_url = self.settings.apps_url
        if apps_url is None or self.settings.sandbox_kind != "local":
            return None
        return AppHosts(apps_url)

    def slack(self) -> "AbstractAsyncContextManager[SlackSide | None]":
        """Connected to Slack while inside; None where nothing of Slack's is set.

        Raises: UserError (a setting is missing, or Slack does not accept a token).
        """
        from bot.slack.side import SideParts, slack_side  # noqa: PLC0415 - Bolt takes its time

        return slack_side(
            SideParts(
                settings=self.settings,
                clock=self.clock,
                store=self.store,
                hub=self.hub,
                feed=self.feed,
                tasks=self.tasks,
                projects=self.projects,
                downloads=self.downloads,
                links=self.links,
                models=self.models,
                holder=self.worker.id,
                metrics=self.metrics,
                linking=self.linking,
            )
        )

    async def _store_problem(self) -> str | None:
        try:
            await self.store.check()
        except StoreUnavailable:
            return "The database does not answer."
        return None

    async def _sandbox_problem(self) -> str | None:
        try:
            await self.sandboxes.check()
        except SandboxUnavailable as error:
            return str(error)
        return None


@asynccontextmanager
async def running(
    settings: Settings, *, roles: frozenset[str] | None = None
) -> AsyncIterator[Services]:
    """Open everything, run the roles' background work, and close it all in order.

    On the way out workers hand their leases back before the store closes.

    Raises: UserError (a setting that cannot be met yet), StoreUnavailable, StoreError.
    """
    async with AsyncExitStack() as stack:
        scrubber = Scrubber(settings.secrets())
        dsn = settings.sentry_dsn
        await stack.enter_async_context(
            telemetry(dsn.get_secret_value() if dsn is not None else None, scrubber)
        )
        services = await _put_together(settings, stack)
        background = Background()
        stack.push_async_callback(background.stop)
        working = settings.roles if roles is None else roles
        if working:
            background.spawn(services.metrics.watch_loop(services.clock), name="loop lag")
        if services.sign_in is not None and "sidecar" in working:
            background.spawn(services.sign_in.keys.keep_fresh(), name="clerk keys")
            checks = link_checks(settings, services.store, services.tasks, services.clock)
            if checks is not None:
                background.spawn(checks.run(), name="link checks")
        if "worker" in working:
            if settings.store_kind == "sqlite" and settings.sandbox_kind == "local":
                background.spawn(_forget_dead_previews(services), name="dead previews")
            background.spawn(_keep_working(services.worker), name="worker")
        yield services


async def _put_together(settings: Settings, stack: AsyncExitStack) -> Services:
    """Every port with its adapter; `stack` closes them in the reverse order."""
    clock, ids, hub = SystemClock(), RandomIds(), Hub()
    store = await open_store(settings, clock, ids, hub)
    stack.push_async_callback(store.close)
    sandboxes = open_sandboxes(settings, clock, ids)
    stack.push_async_callback(sandboxes.close)
    manager = SandboxManager(sandboxes, clock)
    stack.push_async_callback(_end_previews, store, manager)
    models = model_catalog(settings)
    kit = await _toolkit(settings, store, manager, models, stack)
    sign_in = clerk_sign_in(settings, clock)
    if sign_in is not None:
        stack.push_async_callback(sign_in.keys.close)
    distant = settings.store_kind == "convex"
    links = PreviewLinks(store, settings.public_url)
    reviver = Reviver(manager, kit.fetcher, clock)
    previews = Previews(store, manager, reviver, only_here=settings.sandbox_kind == "local")
    stack.push_async_callback(previews.close)
    metrics = Metrics()
    kit = replace(kit, llm=MeasuredLLM(kit.llm, metrics))
    parts = work.WorkerParts(
        *(store, hub, kit, manager, models, clock, ids, _pace(settings), links, metrics)
    )
    meter, github = Meter(store, clock, _quotas(settings)), web_host(settings.github_api_url)
    tasks = TaskService(
        store, hub, meter, github_host=github, reads_designs=settings.figma_token is not None
    )
    identities = IdentityService(store, tasks)
    names = clerk_people(settings, clock)
    return Services(
        settings=settings,
        clock=clock,
        store=store,
        hub=hub,
        feed=Feed(store, hub, clock, DISTANT_POLLING if distant else None),
        tasks=tasks,
        projects=ProjectService(store, ids),
        links=links,
        previews=previews,
        downloads=DownloadLinks(await _link_secret(settings), clock, settings.public_url),
        worker=work.Worker(parts),
        sandboxes=sandboxes,
        models=models,
        sign_in=sign_in,
        linking=None
        if names is None
        else Linking(store, identities, names, ids, hub, settings.app_url),
        metrics=metrics,
    )


async def _toolkit(
    settings: Settings,
    store: Store,
    manager: SandboxManager,
    models: ModelCatalog,
    stack: AsyncExitStack,
) -> Toolkit:
    """What a run of the pipeline works with."""
    clock = SystemClock()
    browser = ChromiumBrowser(clock)
    stack.push_async_callback(browser.close)
    return Toolkit(
        llm=open_model(settings, models, clock, stack),
        sandboxes=manager,
        fetcher=await stack.enter_async_context(HttpPages()),
        blobs=store,
        clock=clock,
        ids=RandomIds(),
        budget=settings.budget,
        browser=browser,
        packages=NpmRegistry(),
        sources=await stack.enter_async_context(open_sources(settings, clock)),
        designs=await stack.enter_async_context(open_designs(settings, clock)),
    )


def _pace(settings: Settings) -> work.Pace:
    return replace(
        DISTANT_PACE if settings.store_kind == "convex" else work.Pace(),
        busy_poll_s=settings.poll_busy_s,
        idle_poll_s=settings.poll_idle_s,
        slots=settings.workers,
    )


def _quotas(settings: Settings) -> Quotas:
    return Quotas(
        credits=None if settings.sign_in_url is None else settings.plan_credits,
        max_open=settings.max_open,
        person_per_hour=settings.person_starts,
        group_per_hour=settings.group_starts,
    )


async def _link_secret(settings: Settings) -> bytes:
    """What download links are signed with: the same in all processes on one store.

    Raises: UserError, StoreError.
    """
    key = settings.convex_service_key
    if settings.convex_url is not None and key is not None:
        return derived_secret(key.get_secret_value())
    return await asyncio.to_thread(kept_secret, settings.data_dir)


async def _end_previews(store: Store, manager: SandboxManager) -> None:
    """What this process keeps ends with it, or sleeps; links to what is gone are taken back."""
    gone = await manager.close()
    try:
        async with asyncio.timeout(_LET_GO_S):
            for project_id, sandbox_id in gone.items():
                await store.set_preview(
                    project_id, was=sandbox_id, sandbox_id=None, preview_url=None
                )
    except (StoreError, TimeoutError):
        log.warning("links of ended previews stay until the next start")


async def _forget_dead_previews(services: Services) -> None:
    """Local previews die with their process: their links are taken back when the next one starts."""
    try:
        for project in await services.store.projects(LOCAL_OWNER, limit=_PREVIEWS_LOOKED_AT):
            noted = project.sandbox_id
            if noted is not None and not await services.sandboxes.lives_elsewhere(noted):
                await services.store.set_preview(
                    project.id, was=noted, sandbox_id=None, preview_url=None
                )
    except StoreError:
        log.warning("dead previews were not looked for")


async def _keep_working(worker: work.Worker) -> None:
    """A boundary: a defect in the worker's own loop is logged, and the loop begins anew."""
    while True:
        try:
            await worker.run()
        except Exception:
            log.exception("worker crashed")
            await asyncio.sleep(_CRASH_PAUSE_S)
