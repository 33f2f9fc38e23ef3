"""A person's apps, to look at: lists, the Home tab, files and changes, the way to download one.

Nothing here changes anything. Each method raises StoreError, and UserError for what a person can
mend.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agents.errors import BadRequest, StoreError
from agents.logger import create_logger
from agents.ports import Clock
from agents.types import AppFiles, OwnerId, ProjectId
from bot.render import slack_replies as replies
from bot.render.slack_blocks import SlackMessage, View, context
from bot.render.slack_help import render_help
from bot.render.slack_home import (
    HomeProject,
    render_home,
    render_list,
)
from bot.render.slack_usage import AppUse, HomeUsage, Standing, Use, render_usage
from bot.render.slack_views import (
    FILES_PER_PAGE,
    FileEntry,
    FilesPage,
    render_diff_view,
    render_files_view,
)
from bot.services.changes import compare_in_turn
from bot.services.downloads import DOWNLOAD_S, Download, DownloadLinks
from bot.services.linking import Linking
from bot.services.metering import UsageReport
from bot.services.previews import PreviewLinks
from bot.services.projects import ProjectSummary, text_of
from bot.slack.defaults import Defaults
from bot.slack.desk import Desk
from bot.slack.errors import WorkspaceGone
from bot.slack.intents import Topic
from bot.slack.payloads import Said
from bot.slack.workspaces import Workspace, Workspaces
from bot.store.port import Fragment, TaskRow
from bot.store.slack_port import Delivery
from bot.store.usage_port import Tally

log = create_logger(__name__)

_THREADS_LOOKED_UP = 40


@dataclass(frozen=True, slots=True)
class ShelfFacts:
    """What is shown beside the store's rows. Without `linking` there are no accounts."""

    clock: Clock
    command: str
    offline: bool = False
    preview_is_local: bool = True
    downloads: DownloadLinks | None = None
    links: PreviewLinks | None = None
    linking: Linking | None = None


@dataclass(frozen=True, slots=True)
class Leaf:
    """Which part of an app's files is looked at."""

    files_page: int = 0
    picked: int | None = None
    code_page: int = 0


class Shelf:
    """Reads apps for people."""

    def __init__(self, desk: Desk, workspaces: Workspaces, facts: ShelfFacts) -> None:
        self.defaults = Defaults(desk.store, desk.models, offline=facts.offline)
        self.links = facts.links or PreviewLinks(desk.store)
        self._store = desk.store
        self._projects = desk.projects
        self._tasks = desk.tasks
        self._workspaces = workspaces
        self._facts = facts

    async def help(self, team_id: str) -> SlackMessage:
        facts, us = self._facts, await self._us(team_id)
        bot_user_id = None if us is None else us.bot_user_id
        return render_help(facts.command, bot_user_id, offline_model=facts.offline)

    async def _us(self, team_id: str) -> Workspace | None:
        """Who we are there; help is given, and apps are listed, without that, too."""
        try:
            return (await self._workspaces.workspace(team_id))[0]
        except (StoreError, WorkspaceGone) as error:
            log.warning("workspace is not known", team_id=team_id, reason=str(error))
            return None

    async def show(self, said: Said, topic: Topic) -> SlackMessage:
        """What was asked for."""
        match topic:
            case "help":
                return await self.help(said.team_id)
            case "list":
                return render_list(await self._apps(said.owner))
            case "status":
                return await self._status(said)
            case "usage":
                return render_usage(await self._usage(said.owner))
            case "settings":
                return await self.defaults.show(said.owner)

    async def home(
        self, said: Said, *, linked_as: str | None = None, link_url: str | None = None
    ) -> View:
        """What a person sees in the app's Home tab; `link_url` is where they can be linked."""
        summaries = await self._projects.summaries(said.owner)
        usage = await self._usage(said.owner)
        settings = await self.defaults.of(said.owner)
        settings = replace(settings, linked_as=linked_as, link_url=link_url)
        return render_home(await self._shown(summaries), usage, settings)

    # --- lists ---------------------------------------------------------------------------

    async def _status(self, said: Said) -> SlackMessage:
        """The thread's app; without a thread, what of the person's is being built."""
        there = await self._store.thread_project(said.thread) if said.thread_ts else None
        if there is not None:
            project = await self._store.project(there.owner, there.project_id)
            rows = await self._store.tasks(there.owner, there.project_id)
            apps = await self._shown([ProjectSummary(project, rows[0] if rows else None)])
            return replace(render_list(apps), text="This thread's app.")
        summaries = await self._projects.summaries(said.owner)
        opened = [s for s in summaries if s.newest is not None and not s.newest.status.is_terminal]
        if not opened:
            words = "Nothing of yours is being built right now."
            return replies.render_notice(words, replies.BUILD_SOMETHING)
        words = f"{len(opened)} build{'s' * (len(opened) != 1)} going on."
        return replace(render_list(await self._shown(opened)), text=words)

    async def _apps(self, owner: OwnerId) -> list[HomeProject]:
        return await self._shown(await self._projects.summaries(owner))

    async def _shown(self, summaries: Sequence[ProjectSummary]) -> list[HomeProject]:
        newest = [summary.newest for summary in summaries[:_THREADS_LOOKED_UP]]
        links = await asyncio.gather(*(self._thread_link(row) for row in newest))
        links += [None] * (len(summaries) - len(links))
        lasting: Mapping[ProjectId, str] = {}
        if summaries:
            lasting = await self.links.links(summaries[0].project.owner)
        return [
            self._app(summary, thread_link, lasting.get(summary.project.id))
            for summary, thread_link in zip(summaries, links, strict=True)
        ]

    def _app(
        self, summary: ProjectSummary, thread_link: str | None, link: str | None
    ) -> HomeProject:
        project, newest = summary.project, summary.newest
        return HomeProject(
            id=project.id,
            title=project.title,
            updated_at=project.updated_at,
            framework=project.framework,
            status=None if newest is None else newest.status,
            preview_link=(link if project.head else None) or project.preview_url,
            preview_is_local=self._facts.preview_is_local,
            thread_link=thread_link,
        )

    async def _thread_link(self, row: TaskRow | None) -> str | None:
        """To the newest task's message, once it is there."""
        delivery = None if row is None else await self._store.delivery(row.id)
        if delivery is None or delivery.message_ts is None:
            return None
        us = await self._us(delivery.origin.thread.team_id)
        if us is None or us.url is None:
            return None
        thread, stamp = delivery.origin.thread, delivery.message_ts.replace(".", "")
        url = f"{us.url}archives/{thread.channel_id}/p{stamp}"
        if thread.thread_ts in ("", delivery.message_ts):
            return url
        return f"{url}?thread_ts={thread.thread_ts}&cid={thread.channel_id}"

    async def _usage(self, owner: OwnerId) -> HomeUsage:
        report = await self._tasks.usage(owner)
        return HomeUsage() if report is None else _home_usage(report)

    # --- one version ---------------------------------------------------------------------

    async def files(self, delivery: Delivery, leaf: Leaf) -> View:
        """The files of the version that a task has made, and one of them as text."""
        version = await self._version(delivery)
        _, contents = await self._app_of(delivery, version)
        entries = [FileEntry(path, len(contents[path])) for path in sorted(contents)]
        code, page = None, leaf.files_page
        if leaf.picked is not None and leaf.picked < len(entries):
            code = text_of(contents[entries[leaf.picked].path])
            page = leaf.picked // FILES_PER_PAGE
        shown = FilesPage(
            about=delivery.task_id,
            title=version.title,
            files=entries,
            files_page=page,
            picked=leaf.picked,
            code=code,
            code_page=leaf.code_page,
        )
        return render_files_view(shown)

    async def changes(self, delivery: Delivery, page: int) -> View:
        """What a task has made different from the version before it."""
        version = await self._version(delivery)
        made = await self._projects.changes(delivery.owner, delivery.project_id, to=version.id)
        diffs = await compare_in_turn(made.before, made.after)
        return render_diff_view(delivery.task_id, version.title, diffs, page)

    async def download(self, delivery: Delivery) -> SlackMessage:
        """A link to the version as a zip file, where people can open one."""
        version, links = await self._version(delivery), self._facts.downloads
        wanted = Download(delivery.owner, delivery.project_id, version.id)
        url = None if links is None else links.link(wanted)
        if links is None or url is None:
            raise BadRequest(
                "This server has no address to download from.",
                hint="Whoever runs it can set ZAPDEV_PUBLIC_URL. Files shows you every file.",
            )
        answer = replies.render_download(url, DOWNLOAD_S // 60)
        if not links.is_local:
            return answer
        words = "The link opens only on the machine that the bot runs on."
        return SlackMessage(f"{answer.text} {words}", [*answer.blocks, context(words)])

    async def _version(self, delivery: Delivery) -> Fragment:
        """The version that the task has left behind. Raises: BadRequest when there is none."""
        _, versions = await self._projects.fragments(delivery.owner, delivery.project_id)
        version = next((v for v in versions if v.task_id == delivery.task_id), None)
        if version is None:
            raise BadRequest("This build left no version behind.")
        return version

    async def _app_of(self, delivery: Delivery, version: Fragment) -> tuple[Fragment, AppFiles]:
        project_id: ProjectId = delivery.project_id
        return await self._projects.app(delivery.owner, project_id, version.id)


def _home_usage(report: UsageReport) -> HomeUsage:
    spent, credits_ = report.spent, report.credits
    standing = None
    if credits_ is not None:
        standing = Standing(credits_.plan, credits_.allowance, credits_.left, credits_.next_back_at)
    return HomeUsage(
        day=_use(spent.day),
        month=_use(spent.since),
        apps=[AppUse(each.title, _use(each.tally)) for each in spent.projects],
        standing=standing,
        is_at_least=spent.is_at_least,
    )


def _use(tally: Tally) -> Use:
    used = tally.usage
    return Use(tally.builds, used.prompt_tokens + used.completion_tokens, used.cost_usd)
