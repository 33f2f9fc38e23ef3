"""Every call of the API, for `/openapi.json`: what it takes, and all that it may answer.

One entry for each route; a test holds the two together. What pages of people, Slack and Clerk ask
for is not part of the API and not listed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from agents.types import TaskProgress
from bot.sidecar import answers as a
from bot.sidecar import bodies as b
from bot.sidecar.who import is_open

JSON, STREAM, TEXT, BYTES = (
    "application/json",
    "text/event-stream",
    "text/plain",
    "application/octet-stream",
)
ZIP, JPEG, HTML = "application/zip", "image/jpeg", "text/html"


@dataclass(frozen=True, slots=True)
class Reply:
    """One status: its words, and its content by media type; no model where it is no JSON."""

    words: str
    content: Mapping[str, type[BaseModel] | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A name in the query or the headers."""

    name: str
    words: str
    place: str = "query"
    required: bool = False
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `errors` are the statuses beside those that its kind may have."""

    method: str
    path: str
    words: str
    replies: Mapping[int, Reply]
    body: type[BaseModel] | None = None
    parameters: tuple[Parameter, ...] = ()
    errors: tuple[int, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether it answers without a token."""
        return is_open(self.path)

    @property
    def name(self) -> str:
        """Its `operationId`."""
        words = self.path.replace("{", "").replace("}", "").replace(".", "-").replace("/", "-")
        return f"{self.method}{words}".rstrip("-")


def _json(model: type[BaseModel], words: str = "The answer.") -> Reply:
    return Reply(words, {JSON: model})


_CURSOR = r"^\d{1,12}$"
_ONCE = Parameter(
    "Idempotency-Key",
    "Makes a repeated request harmless: the first one's task is answered. Up to 200 characters.",
    "header",
)
_VERSION = Parameter("fragment", "A version; the current one without it.")
_STARTED: Mapping[int, Reply] = {
    200: Reply("The task's events, from its first to its last.", {STREAM: None}),
    202: Reply("With `Accept: application/json`: it is queued.", {JSON: a.Accepted}),
}
_PROJECT = "/api/projects/{project_id}"
_TASK = "/api/tasks/{task_id}"

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "post",
        "/api/generate",
        "Build an app, or change one when `projectId` is given, and follow it.",
        _STARTED,
        body=b.GenerateBody,
        parameters=(_ONCE,),
        errors=(404,),
    ),
    Operation(
        "post",
        "/api/fix-errors",
        "Check a project's current version, mend what is broken, and follow it.",
        _STARTED,
        body=b.FixBody,
        parameters=(_ONCE,),
        errors=(404,),
    ),
    Operation(
        "post",
        "/api/import/github/process",
        "Start a project from a repository of GitHub, or a folder of one, and follow it.",
        _STARTED,
        body=b.ImportBody,
        parameters=(_ONCE,),
    ),
    Operation(
        "post",
        "/api/import/figma/process",
        "Start a project from a frame of a design in Figma, and follow it.",
        _STARTED,
        body=b.DesignBody,
        parameters=(_ONCE,),
    ),
    Operation(
        "get",
        "/api/stream-progress",
        "Follow a task from a cursor, without a gap and without a duplicate.",
        {
            200: Reply("The events after the cursor.", {STREAM: None}),
            204: Reply("The task has ended, and all of it was seen."),
        },
        parameters=(
            Parameter("taskId", "The task.", required=True),
            Parameter("after", "The id of the last frame that was seen.", pattern=_CURSOR),
            Parameter("Last-Event-ID", "The same, and it wins.", "header", pattern=_CURSOR),
        ),
        errors=(400, 404),
    ),
    Operation("get", _TASK, "A task's state, for clients that poll.", {200: _json(TaskProgress)}),
    Operation(
        "post",
        f"{_TASK}/cancel",
        "Ask a task to stop.",
        {
            200: _json(a.Stopped, "It had ended before."),
            202: _json(a.Stopped, "It stops within a moment, and says so in its stream."),
        },
    ),
    Operation(
        "get",
        f"{_TASK}/screenshot",
        "The picture of the app that the task made.",
        {200: Reply("The picture.", {JPEG: None})},
    ),
    Operation("get", "/api/projects", "Your projects.", {200: _json(a.ProjectList)}),
    Operation(
        "get", _PROJECT, "A project, its tasks and its conversation.", {200: _json(a.ProjectDetail)}
    ),
    Operation(
        "get",
        f"{_PROJECT}/files",
        "A version's files: paths, sizes, hashes.",
        {200: _json(a.FileList)},
        parameters=(_VERSION,),
    ),
    Operation(
        "get",
        f"{_PROJECT}/files/{{path}}",
        "One file of a version. The path may hold slashes.",
        {200: Reply("The file as it is.", {TEXT: None, BYTES: None})},
        parameters=(_VERSION,),
    ),
    Operation(
        "get",
        f"{_PROJECT}/archive.zip",
        "A version as a zip file.",
        {200: Reply("The zip file.", {ZIP: None})},
        parameters=(_VERSION,),
    ),
    Operation(
        "get", f"{_PROJECT}/fragments", "The versions, newest first.", {200: _json(a.FragmentList)}
    ),
    Operation(
        "get",
        f"{_PROJECT}/diff",
        "What leads from one version to another, file by file.",
        {200: _json(a.Diff)},
        parameters=(
            Parameter("from", "The earlier version; the one before `to` without it."),
            Parameter("to", "The later version; the current one without it."),
        ),
    ),
    Operation(
        "post",
        f"{_PROJECT}/restore",
        "Go back to a version. What came after it stays in the history.",
        {200: _json(a.Restored)},
        body=b.RestoreBody,
        errors=(409,),
    ),
    Operation(
        "post",
        f"{_PROJECT}/preview-link",
        "Make a new preview link. The old one opens nothing any more.",
        {200: _json(a.PreviewLink)},
    ),
    Operation(
        "post",
        "/api/highlight",
        "Code with its colours. Joined, the pieces are the text.",
        {200: _json(a.Highlighted)},
        body=b.HighlightBody,
    ),
    Operation(
        "get",
        "/api/usage",
        "Credits that are left, and the use of the last 24 hours and of this month.",
        {200: _json(a.UsageAnswer)},
    ),
    Operation("get", "/api/info", "What this server runs on.", {200: _json(a.Info)}),
    Operation(
        "get",
        "/p/{key}",
        "The app's own link: it leads to the app, and wakes it where it sleeps.",
        {
            200: Reply("The app wakes up; the page asks again by itself.", {HTML: None}),
            302: Reply("The app is there."),
            403: Reply("It runs on the server's own machine and opens only there.", {HTML: None}),
            404: Reply("There is no such link.", {HTML: None, JSON: a.ErrorAnswer}),
            503: Reply("It cannot be shown.", {HTML: None, JSON: a.ErrorAnswer}),
        },
    ),
    Operation(
        "get",
        "/d/{signed}",
        "A version as a zip file, by a signed link that expires.",
        {200: Reply("The zip file.", {ZIP: None})},
        errors=(410,),
    ),
    Operation("get", "/healthz", "The process answers.", {200: _json(a.Alive)}),
    Operation(
        "get",
        "/readyz",
        "Whether every part that this process needs answers.",
        {200: _json(a.Ready), 503: _json(a.Ready, "Some part does not.")},
    ),
    Operation(
        "get",
        "/metrics",
        "Counts and times for Prometheus: for this machine, or for who has the token for it.",
        {200: Reply("Prometheus' text format.", {TEXT: None})},
        errors=(404,),
    ),
    Operation(
        "get",
        "/openapi.json",
        "This document.",
        {200: Reply("OpenAPI 3.1.", {JSON: None})},
    ),
)
