"""Our side of Slack in this process, over a `FakeSlack`: real Bolt, real store, a worker to play.

    async with FakeSlack() as slack, slack_bot(slack, tmp_path / "zapdev.db") as bot:
        await slack.command("U1", "C1", "/zapdev", "a kanban board")
        task = await bot.only_task()

Slack's requests come over HTTP, signed. Live messages are drawn by `bot.show`, at once, unless the
surface is asked for: `live_bot` is the whole side, over Socket Mode.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from agents.models import DEFAULT_CATALOG
from agents.system import RandomIds, SystemClock
from agents.task_state import TaskState, fold
from agents.types import OwnerId, TaskId
from bot.feed import Feed, Hub
from bot.render.slack import TaskView, render_task
from bot.services.downloads import DownloadLinks
from bot.services.linking import Linking, SlackFacts
from bot.services.metering import Meter, Quotas
from bot.services.previews import PreviewLinks
from bot.services.principals import Principal
from bot.services.projects import ProjectService
from bot.services.tasks import TaskService
from bot.slack.app import EVENTS_PATH, Connection, SlackApp, slack_app
from bot.slack.desk import Desk
from bot.slack.door import SlackDoor
from bot.slack.line import SlackLine
from bot.slack.listeners import COMMAND, Listeners
from bot.slack.messages import SurfaceParts
from bot.slack.shelf import ShelfFacts
from bot.slack.workspaces import OneWorkspace, Workspace, find_one_workspace
from bot.store.identity_port import Link, SlackPerson
from bot.store.port import Store, TaskRow
from bot.store.sqlite import SqliteStore
from tests.fakes.metering import UNMETERED
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.workspace import Workspace as Team
from tests.fakes.slack.world import Message
from tests.fakes.worker import APP, ScriptedWorker

SECRET = b"a secret of thirty-two bytes....."


@dataclass(frozen=True, slots=True)
class Bot:
    """A running bot and what stands behind it."""

    slack: FakeSlack
    team: Team
    app: SlackApp
    store: Store
    door: SlackDoor
    worker: ScriptedWorker
    downloads: DownloadLinks
    url: str
    linking: Linking | None = None

    async def settled(self) -> None:
        """Until everything that was begun is done, and Slack has told of it."""
        await self.app.listeners.work.settled()
        await self.slack.settled()
        await self.app.listeners.work.settled()

    async def link(self, user: str, account: Principal, *, is_told: bool = True) -> Link:
        """Somebody links their account in a browser; then the bot sees to it."""
        assert self.linking is not None
        begun = await self.linking.begin(account, with_code=False)
        facts = SlackFacts(SlackPerson(self.team.id, user), f"{user.lower()} in {self.team.id}")
        await self.linking.signed_in(begun.secret, facts)
        link = await self.linking.confirm(account, begun.secret)
        if is_told:
            await self.greet()
        return link

    async def greet(self, holder: str = "worker_scripted") -> None:
        """What the bot does when a link was made."""
        await self.app.listeners.newcomers.look(holder)
        await self.settled()

    async def tasks_of(self, owner: str) -> list[TaskRow]:
        """Every task of a tenant, the oldest first."""
        await self.settled()
        found = await self.store.projects(OwnerId(owner))
        rows = [row for p in found for row in await self.store.tasks(p.owner, p.id)]
        return sorted(rows, key=lambda row: (row.created_at, row.id))

    async def tasks(self) -> list[TaskRow]:
        """Every task of this workspace's people, the oldest first."""
        await self.settled()
        people = [user for user in self.slack.world.users.values() if not user.is_bot]
        rows: list[TaskRow] = []
        for user in people:
            owner = f"slack:{self.team.id}:{user.id}"
            for project in await self.store.projects(owner):  # type: ignore[arg-type]
                rows += await self.store.tasks(project.owner, project.id)
        return sorted(rows, key=lambda row: (row.created_at, row.id))

    async def only_task(self) -> TaskRow:
        [row] = await self.tasks()
        return row

    async def state(self, task_id: TaskId) -> TaskState:
        return fold(task_id, await self.store.read(task_id, limit=10_000))

    async def show(self, row: TaskRow, *, can_undo: bool = True) -> Message:
        """The task's live message as it stands now, posted where it belongs or edited."""
        delivery = await self.store.delivery(row.id)
        assert delivery is not None
        state = await self.state(row.id)
        view = TaskView(
            now=SystemClock().now(),
            requested_by_user=delivery.origin.user_id,
            preview_link=state.preview_url,
            can_undo=can_undo,
        )
        thread, message, ts = delivery.origin.thread, render_task(state, view), delivery.message_ts
        if ts is None:
            place = (thread.team_id, thread.channel_id)
            ts = await self.door.post(*place, message, thread_ts=thread.thread_ts, task_id=row.id)
            await self.store.note_message(row.id, ts)
        else:
            await self.door.update(thread.team_id, thread.channel_id, ts, message)
        found = self.slack.world.message(thread.channel_id, ts)
        assert found is not None
        return found

    async def built(
        self, files: Mapping[str, bytes] = APP, *, preview_url: str | None = None
    ) -> Message:
        """Play the next task to its good end; its message then."""
        await self.settled()
        claim = await self.worker.take()
        await self.worker.build(files, preview_url=preview_url)
        return await self.show(claim.task)

    async def stuck(self) -> Message:
        """Play the next task to a question; its message then."""
        await self.settled()
        claim = await self.worker.take()
        await self.worker.prepare()
        await self.worker.fail()
        return await self.show(claim.task)

    async def running(self) -> Message:
        """Play the next task to its first words; its message then."""
        await self.settled()
        claim = await self.worker.take()
        await self.worker.prepare()
        return await self.show(claim.task)

    def whispers(self, user: str = "U1") -> list[str]:
        """What this person alone was told, and its buttons' words."""
        return [words_of(message) for message in self.slack.ephemeral(user)]

    def replies(self, channel: str = "C1") -> list[str]:
        """What the bot said there for all to read, live messages left out."""
        said = self.slack.bot_messages(channel)
        return [words_of(message) for message in said if message.now.metadata is None]


def words_of(message: Message) -> str:
    """Its text, and the words on its buttons; what keeps Slack from making links is not seen."""
    elements = [e for block in message.blocks for e in block.get("elements", [])]
    buttons = [f"[{e['text']['text']}]" for e in elements if e.get("type") == "button"]
    return " ".join([message.text, *buttons]).replace("\u2060", "")


@asynccontextmanager
async def slack_bot(
    slack: FakeSlack,
    at: Path | Store,
    *,
    team_id: str = "T1",
    address: str | None = None,
    quotas: Quotas = UNMETERED,
    with_accounts: bool = False,
) -> AsyncIterator[Bot]:
    """Listeners only, over HTTP; the store at a path, or an open one."""
    async with AsyncExitStack() as stack:
        hub = Hub()
        store = await _open(at, hub, stack)
        team = slack.workspace(team_id)
        url = f"https://{team.team.domain}.slack.com/"
        us = Workspace(team.id, team.bot_user, team.installation.bot_id, url)
        workspaces = OneWorkspace(us, team.token)
        line = await _line(slack, stack)
        door, desk = SlackDoor(line, workspaces), _desk(store, hub, quotas)
        downloads = DownloadLinks(SECRET, SystemClock(), address)
        linking = _linking(store, desk, hub) if with_accounts else None
        facts = ShelfFacts(
            clock=SystemClock(),
            command=COMMAND,
            downloads=downloads,
            links=PreviewLinks(store, address),
            linking=linking,
        )
        connection = Connection(signing_secret=slack.secrets.signing_secret)
        app = SlackApp(connection, line, workspaces, Listeners(desk, door, workspaces, facts))
        url = await _serve(app, stack)
        stack.push_async_callback(app.listeners.close)
        slack.attach_http(url)
        stack.callback(slack.attach_http, None)
        worker = ScriptedWorker(store)
        yield Bot(slack, team, app, store, door, worker, downloads, url, linking)


@asynccontextmanager
async def live_bot(
    slack: FakeSlack, at: Path | Store, *, team_id: str = "T1"
) -> AsyncIterator[Bot]:
    """The whole side: Socket Mode, and the surface that keeps the live messages."""
    async with AsyncExitStack() as stack:
        hub, clock = Hub(), SystemClock()
        store = await _open(at, hub, stack)
        team = slack.workspace(team_id)
        line = await _line(slack, stack)
        workspaces = await find_one_workspace(line, team.token)
        door = SlackDoor(line, workspaces)
        downloads = DownloadLinks(SECRET, clock, "http://127.0.0.1:8787")
        parts = SurfaceParts(
            store=store,
            feed=Feed(store, hub, clock),
            hub=hub,
            door=door,
            clock=clock,
            holder="worker_scripted",
        )
        facts = ShelfFacts(clock=clock, command=COMMAND, downloads=downloads)
        connection = Connection(app_token=slack.app_token)
        app = await stack.enter_async_context(
            slack_app(connection, parts, _desk(store, hub), workspaces, facts)
        )
        await slack.connected()
        yield Bot(slack, team, app, store, door, ScriptedWorker(store), downloads, "")


class AddressBook:
    """Implements `AccountNames`: user_ada is ada@bikes.example."""

    async def name(self, user_id: str) -> str:
        return f"{user_id.removeprefix('user_')}@bikes.example"


def _linking(store: Store, desk: Desk, hub: Hub) -> Linking:
    linking = Linking(store, desk.identities, AddressBook(), RandomIds(), hub)
    linking.address = "https://zapdev.example.com"
    return linking


def _desk(store: Store, hub: Hub, quotas: Quotas = UNMETERED) -> Desk:
    projects = ProjectService(store, RandomIds())
    tasks = TaskService(store, hub, Meter(store, SystemClock(), quotas))
    return Desk(store, tasks, projects, DEFAULT_CATALOG, hub)


async def _open(at: Path | Store, hub: Hub, stack: AsyncExitStack) -> Store:
    if not isinstance(at, Path):
        return at
    store = await SqliteStore.open(at, clock=SystemClock(), ids=RandomIds(), waker=hub)
    stack.push_async_callback(store.close)
    return store


async def _line(slack: FakeSlack, stack: AsyncExitStack) -> SlackLine:
    line = SlackLine(slack.api_url)
    stack.push_async_callback(line.close)
    return line


async def _serve(app: SlackApp, stack: AsyncExitStack) -> str:
    served = web.Application()
    served.router.add_post(EVENTS_PATH, app.handle)
    runner = web.AppRunner(served, access_log=None, shutdown_timeout=1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}{EVENTS_PATH}"
