"""Tasks over HTTP: start, fix, follow, look, stop."""

from aiohttp import web

from agents.imports.figma.references import parse_design
from agents.types import ProjectId, TaskId
from bot.services.tasks import ImportRequest, StartRequest
from bot.sidecar.answers import Accepted, Stopped, respond
from bot.sidecar.bodies import DesignBody, FixBody, GenerateBody, ImportBody, read_body
from bot.sidecar.deps import DEPS
from bot.sidecar.errors import NOUN, in_time
from bot.sidecar.streaming import STREAMS, cursor, task_id_of
from bot.sidecar.who import asker_of, owner_of
from bot.store.port import TaskRow


def routes() -> list[web.RouteDef]:
    """The table."""
    return [
        web.post("/api/generate", generate),
        web.post("/api/fix-errors", fix_errors),
        web.post("/api/import/github/process", import_from_github),
        web.post("/api/import/figma/process", import_from_figma),
        web.get("/api/stream-progress", stream_progress, allow_head=False),
        web.get("/api/tasks/{task_id}", in_time(show)),
        web.get("/api/tasks/{task_id}/screenshot", in_time(screenshot)),
        web.post("/api/tasks/{task_id}/cancel", cancel),
    ]


async def generate(request: web.Request) -> web.StreamResponse:
    """Build an app, or change one when `projectId` is given."""
    request[NOUN] = "project"
    deps = request.app[DEPS]
    body = await read_body(request, GenerateBody)
    task = await deps.tasks.start(
        owner_of(request),
        StartRequest(
            prompt=body.prompt,
            project_id=ProjectId(body.projectId) if body.projectId else None,
            framework=body.framework,
            model=body.model,
            history=body.history,
            origin=request.headers.get("Idempotency-Key"),
            asker=asker_of(request),
        ),
    )
    return await _accepted(request, task)


async def import_from_github(request: web.Request) -> web.StreamResponse:
    """Start a project from what is in a repository."""
    request[NOUN] = "project"
    deps = request.app[DEPS]
    body = await read_body(request, ImportBody)
    task = await deps.tasks.start_import(
        owner_of(request),
        ImportRequest(
            url=body.url,
            origin=request.headers.get("Idempotency-Key"),
            asker=asker_of(request),
        ),
    )
    return await _accepted(request, task)


async def import_from_figma(request: web.Request) -> web.StreamResponse:
    """Start a project from a frame of a design."""
    request[NOUN] = "project"
    deps = request.app[DEPS]
    body = await read_body(request, DesignBody)
    task = await deps.tasks.start_import(
        owner_of(request),
        ImportRequest(
            url=str(parse_design(body.url)),
            framework=body.framework,
            model=body.model,
            origin=request.headers.get("Idempotency-Key"),
            asker=asker_of(request),
        ),
    )
    return await _accepted(request, task)


async def fix_errors(request: web.Request) -> web.StreamResponse:
    """Check the project's current version and mend what is broken."""
    request[NOUN] = "project"
    deps = request.app[DEPS]
    body = await read_body(request, FixBody)
    task = await deps.tasks.fix(
        owner_of(request),
        ProjectId(body.projectId),
        origin=request.headers.get("Idempotency-Key"),
        asker=asker_of(request),
    )
    return await _accepted(request, task)


async def stream_progress(request: web.Request) -> web.StreamResponse:
    """Follow a task from a cursor; 204 when it has ended and all of it was seen."""
    request[NOUN] = "task"
    deps = request.app[DEPS]
    task = await deps.tasks.task(owner_of(request), task_id_of(request))
    after = cursor(request, task)
    if task.status.is_terminal and after == task.last_seq:
        return web.Response(status=204)
    return await request.app[STREAMS].serve(request, task, after)


async def show(request: web.Request) -> web.Response:
    """The task's state, for clients that poll."""
    request[NOUN] = "task"
    deps = request.app[DEPS]
    progress = await deps.tasks.progress(owner_of(request), TaskId(request.match_info["task_id"]))
    return respond(progress)


async def screenshot(request: web.Request) -> web.Response:
    """The picture of the app that the task made; 404 for a task without one."""
    request[NOUN] = "screenshot"
    deps = request.app[DEPS]
    picture = await deps.tasks.screenshot(owner_of(request), TaskId(request.match_info["task_id"]))
    return web.Response(body=picture, content_type="image/jpeg")


async def cancel(request: web.Request) -> web.Response:
    """Ask a running task to stop (202); one that has ended answers its state (200)."""
    request[NOUN] = "task"
    deps = request.app[DEPS]
    task = await deps.tasks.cancel(owner_of(request), TaskId(request.match_info["task_id"]))
    answer = Stopped(task_id=task.id, status=task.status)
    return respond(answer, status=200 if task.status.is_terminal else 202)


async def _accepted(request: web.Request, task: TaskRow) -> web.StreamResponse:
    """The new task's stream; or, for a client that wants JSON, where to find it."""
    if request.headers.get("Accept", "").startswith("application/json"):
        answer = Accepted(task_id=task.id, project_id=task.project_id)
        return respond(answer, status=202, location=f"/api/tasks/{task.id}")
    return await request.app[STREAMS].serve(request, task, 0)
