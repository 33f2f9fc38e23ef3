"""Projects over HTTP: the app, its files, its versions."""

from datetime import datetime
from typing import Any

from aiohttp import web

from agents.types import FragmentId, OwnerId, ProjectId
from bot.services.projects import ProjectService
from bot.sidecar.archive import archive_response
from bot.sidecar.bodies import RestoreBody, read_body
from bot.sidecar.deps import DEPS
from bot.sidecar.errors import NOUN, in_time
from bot.sidecar.who import owner_of
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
        web.post(f"{one}/restore", restore),
        web.post(f"{one}/preview-link", renew_link),
    ]


async def index(request: web.Request) -> web.Response:
    """Every project with the status of its newest task."""
    deps = request.app[DEPS]
    summaries = await deps.projects.summaries(owner_of(request))
    links = {} if deps.links is None else await deps.links.links(owner_of(request))
    return web.json_response(
        {
            "projects": [
                _project(summary.project, summary.newest, links.get(summary.project.id))
                for summary in summaries
            ]
        }
    )


async def show(request: web.Request) -> web.Response:
    """A project with its tasks and its conversation."""
    service, owner, project_id = _about(request)
    detail = await service.detail(owner, project_id)
    newest = detail.tasks[0] if detail.tasks else None
    return web.json_response(
        {
            **_project(detail.project, newest, await _link(request, detail.project)),
            "tasks": [_task(row) for row in detail.tasks],
            "messages": [_message(message) for message in detail.messages],
        }
    )


async def files(request: web.Request) -> web.Response:
    """The current version's files: paths, sizes, hashes."""
    service, owner, project_id = _about(request)
    return web.json_response(
        {
            "files": [
                {"path": f.path, "bytes": f.size_bytes, "hash": f.hash, "text": f.text}
                for f in await service.files(owner, project_id)
            ]
        }
    )


async def file(request: web.Request) -> web.Response:
    """One file: text as plain text, whatever it is called; the rest as a download."""
    service, owner, project_id = _about(request)
    request[NOUN] = "file"
    content = await service.file(owner, project_id, request.match_info["path"])
    try:
        return web.Response(text=content.decode(), content_type="text/plain", charset="utf-8")
    except UnicodeDecodeError:
        return web.Response(
            body=content,
            content_type="application/octet-stream",
            headers={"Content-Disposition": "attachment"},
        )


async def archive(request: web.Request) -> web.Response:
    """The current version as a zip file."""
    service, owner, project_id = _about(request)
    request[NOUN] = "version"
    fragment, contents = await service.app(owner, project_id)
    return await archive_response(fragment.title, contents)


async def fragments(request: web.Request) -> web.Response:
    """The versions, newest first; `head` is the current one."""
    service, owner, project_id = _about(request)
    project, found = await service.fragments(owner, project_id)
    link = await _link(request, project)
    shown = [_fragment(fragment, project, link) for fragment in found]
    return web.json_response({"head": project.head, "fragments": shown})


async def restore(request: web.Request) -> web.Response:
    """Go back to a version: a new head with its files."""
    service, owner, project_id = _about(request)
    body = await read_body(request, RestoreBody)
    request[NOUN] = "project or version"
    made = await service.restore(owner, project_id, FragmentId(body.fragmentId))
    return web.json_response({"fragment": _fragment(made)})


async def renew_link(request: web.Request) -> web.Response:
    """A new preview link for the app; the old one opens nothing any more."""
    deps, project_id = request.app[DEPS], _about(request)[2]
    if deps.links is None:
        raise web.HTTPNotFound
    return web.json_response({"previewUrl": await deps.links.renew(owner_of(request), project_id)})


async def _link(request: web.Request, project: Project) -> str | None:
    """The app's own link, once there is something to open."""
    links = request.app[DEPS].links
    return None if links is None or project.head is None else await links.link(project.id)


def _about(request: web.Request) -> tuple[ProjectService, OwnerId, ProjectId]:
    request[NOUN] = "project"
    deps = request.app[DEPS]
    return deps.projects, owner_of(request), ProjectId(request.match_info["project_id"])


def _project(project: Project, newest: TaskRow | None, link: str | None) -> dict[str, Any]:
    return {
        "projectId": project.id,
        "title": project.title,
        "framework": project.framework,
        "status": newest.status if newest else None,
        "taskId": newest.id if newest else None,
        "head": project.head,
        "previewUrl": link or project.preview_url,
        "createdAt": _time(project.created_at),
        "updatedAt": _time(project.updated_at),
    }


def _task(row: TaskRow) -> dict[str, Any]:
    return {
        "taskId": row.id,
        "kind": row.kind,
        "status": row.status,
        "prompt": row.prompt,
        "model": row.model,
        "requestedBy": row.requested_by,
        "lastSeq": row.last_seq,
        "createdAt": _time(row.created_at),
        "updatedAt": _time(row.updated_at),
    }


def _message(message: StoredMessage) -> dict[str, Any]:
    return {
        "id": message.id,
        "taskId": message.task_id,
        "role": message.role,
        "type": message.type,
        "status": message.status,
        "content": message.content,
        "createdAt": _time(message.created_at),
    }


def _fragment(
    fragment: Fragment, project: Project | None = None, link: str | None = None
) -> dict[str, Any]:
    """A version; the app's link leads to the newest one."""
    runs = project is not None and project.head == fragment.id
    return {
        "fragmentId": fragment.id,
        "taskId": fragment.task_id,
        "title": fragment.title,
        "framework": fragment.framework,
        "files": len(fragment.files),
        "previewUrl": link or project.preview_url if project is not None and runs else None,
        "restoredFrom": fragment.restored_from,
        "createdAt": _time(fragment.created_at),
    }


def _time(moment: datetime) -> str:
    return moment.isoformat()
