"""Projects over HTTP: the app, its files, its versions."""

from aiohttp import web

from agents.types import FragmentId, OwnerId, ProjectId
from bot.render.slack_views import FileDiff
from bot.services.changes import compare_in_turn
from bot.services.principals import in_person
from bot.services.projects import ProjectService
from bot.sidecar.answers import (
    Diff,
    FileAnswer,
    FileChange,
    FileList,
    FragmentAnswer,
    FragmentList,
    MessageAnswer,
    Omission,
    PreviewLink,
    ProjectAnswer,
    ProjectDetail,
    ProjectList,
    Restored,
    TaskAnswer,
    respond,
)
from bot.sidecar.archive import archive_response
from bot.sidecar.bodies import RestoreBody, read_body
from bot.sidecar.deps import DEPS
from bot.sidecar.errors import NOUN, in_time
from bot.sidecar.who import owner_of, principal_of
from bot.store.port import Fragment, Project, StoredMessage, TaskRow


def routes() -> list[web.RouteDef]:
    """The table."""
    one = "/api/projects/{project_id}"
    return [
        web.get("/api/projects", in_time(index)),
        web.get(one, in_time(show)),
        web.get(f"{one}/files", in_time(files)),
        web.get(f"{one}/files/{{path:.+}}", in_time(file)),
        web.get(f"{one}/archive.zip", archive),
        web.get(f"{one}/fragments", in_time(fragments)),
        web.get(f"{one}/diff", in_time(diff)),
        web.post(f"{one}/restore", restore),
        web.post(f"{one}/preview-link", renew_link),
    ]


async def index(request: web.Request) -> web.Response:
    """Every project with the status of its newest task."""
    deps = request.app[DEPS]
    summaries = await deps.projects.summaries(owner_of(request))
    links = {} if deps.links is None else await deps.links.links(owner_of(request))
    shown = [_project(s.project, s.newest, links.get(s.project.id)) for s in summaries]
    return respond(ProjectList(projects=shown))


async def show(request: web.Request) -> web.Response:
    """A project with its tasks and its conversation."""
    service, owner, project_id = _about(request)
    detail = await service.detail(owner, project_id)
    newest = detail.tasks[0] if detail.tasks else None
    project = _project(detail.project, newest, await _link(request, detail.project))
    tasks = [_task(row) for row in detail.tasks]
    messages = [_message(message) for message in detail.messages]
    return respond(ProjectDetail(**project.model_dump(), tasks=tasks, messages=messages))


async def files(request: web.Request) -> web.Response:
    """A version's files: paths, sizes, hashes."""
    service, owner, project_id = _about(request)
    listed = [
        FileAnswer(path=f.path, bytes=f.size_bytes, hash=f.hash, text=f.text)
        for f in await service.files(owner, project_id, _version(request))
    ]
    return respond(FileList(files=listed))


async def file(request: web.Request) -> web.Response:
    """One file: text as plain text, whatever it is called; the rest as a download."""
    service, owner, project_id = _about(request)
    path, version = request.match_info["path"], _version(request)
    request[NOUN] = "file"
    content = await service.file(owner, project_id, path, version)
    try:
        return web.Response(text=content.decode(), content_type="text/plain", charset="utf-8")
    except UnicodeDecodeError:
        return web.Response(
            body=content,
            content_type="application/octet-stream",
            headers={"Content-Disposition": "attachment"},
        )


async def archive(request: web.Request) -> web.Response:
    """A version as a zip file."""
    service, owner, project_id = _about(request)
    request[NOUN] = "version"
    fragment, contents = await service.app(owner, project_id, _version(request))
    return await archive_response(fragment.title, contents)


async def fragments(request: web.Request) -> web.Response:
    """The versions, newest first; `head` is the current one."""
    service, owner, project_id = _about(request)
    project, found = await service.fragments(owner, project_id)
    link = await _link(request, project)
    shown = [_fragment(fragment, project, link) for fragment in found]
    return respond(FragmentList(head=project.head, fragments=shown))


async def diff(request: web.Request) -> web.Response:
    """What leads from one version to another, file by file."""
    service, owner, project_id = _about(request)
    request[NOUN] = "project or version"
    since, to = _version(request, "from"), _version(request, "to")
    made = await service.changes(owner, project_id, since=since, to=to)
    diffs = await compare_in_turn(made.before, made.after)
    began_at = None if made.since is None else made.since.id
    return respond(Diff(from_=began_at, to=made.to.id, files=[_change(each) for each in diffs]))


async def restore(request: web.Request) -> web.Response:
    """Go back to a version: a new head with its files."""
    service, owner, project_id = _about(request)
    body = await read_body(request, RestoreBody)
    request[NOUN] = "project or version"
    made = await service.restore(owner, project_id, FragmentId(body.fragmentId))
    return respond(Restored(fragment=_fragment(made)))


async def renew_link(request: web.Request) -> web.Response:
    """A new preview link for the app; the old one opens nothing any more. Raises: Impersonated."""
    deps, project_id = request.app[DEPS], _about(request)[2]
    in_person(principal_of(request))
    if deps.links is None:
        raise web.HTTPNotFound
    return respond(PreviewLink(preview_url=await deps.links.renew(owner_of(request), project_id)))


async def _link(request: web.Request, project: Project) -> str | None:
    """The app's own link, once there is something to open."""
    links = request.app[DEPS].links
    return None if links is None or project.head is None else await links.link(project.id)


def _about(request: web.Request) -> tuple[ProjectService, OwnerId, ProjectId]:
    request[NOUN] = "project"
    deps = request.app[DEPS]
    return deps.projects, owner_of(request), ProjectId(request.match_info["project_id"])


def _version(request: web.Request, name: str = "fragment") -> FragmentId | None:
    """The version that the query names, if it does."""
    given = request.query.get(name)
    return FragmentId(given) if given else None


def _project(project: Project, newest: TaskRow | None, link: str | None) -> ProjectAnswer:
    return ProjectAnswer(
        project_id=project.id,
        title=project.title,
        framework=project.framework,
        status=newest.status if newest else None,
        task_id=newest.id if newest else None,
        head=project.head,
        preview_url=link or project.preview_url,
        created_at=project.created_at,
        updated_at=project.updated_at,
    )


def _task(row: TaskRow) -> TaskAnswer:
    return TaskAnswer(
        task_id=row.id,
        kind=row.kind,
        status=row.status,
        prompt=row.prompt,
        model=row.model,
        requested_by=row.requested_by,
        last_seq=row.last_seq,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _message(message: StoredMessage) -> MessageAnswer:
    return MessageAnswer(
        id=message.id,
        task_id=message.task_id,
        role=message.role,
        type=message.type,
        status=message.status,
        content=message.content,
        created_at=message.created_at,
    )


def _fragment(
    fragment: Fragment, project: Project | None = None, link: str | None = None
) -> FragmentAnswer:
    """A version; the app's link leads to the newest one."""
    runs = project is not None and project.head == fragment.id
    return FragmentAnswer(
        fragment_id=fragment.id,
        task_id=fragment.task_id,
        title=fragment.title,
        framework=fragment.framework,
        files=len(fragment.files),
        preview_url=link or project.preview_url if project is not None and runs else None,
        restored_from=fragment.restored_from,
        created_at=fragment.created_at,
    )


def _change(change: FileDiff) -> FileChange:
    omitted: Omission | None = (
        "binary" if change.diff is None else "too_long" if change.is_too_long else None
    )
    shown = change.diff if omitted is None else None
    return FileChange(path=change.path, action=change.action, diff=shown, omitted=omitted)
