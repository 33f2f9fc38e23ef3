"""The JSON that routes answer with, as models: what is sent, and what `/openapi.json` says of it."""

from datetime import datetime
from typing import Annotated, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

from agents.types import FileAction, Framework, TaskKind, TaskStatus

Moment = Annotated[
    datetime,
    PlainSerializer(datetime.isoformat, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""ISO 8601 in UTC."""


Sometimes = Annotated[str, Field(json_schema_extra=lambda schema: schema.pop("default", None))]
"""A text that is left out where there is none."""

Omission = Literal["binary", "too_long"]


class Answer(BaseModel):
    """Names are camelCase on the wire; a field without a value is `null`, never left out."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, validate_by_name=True)


def respond(answer: BaseModel, *, status: int = 200, location: str | None = None) -> web.Response:
    """The model as JSON; `location` is where more is to be had."""
    return web.Response(
        status=status,
        text=answer.model_dump_json(by_alias=True),
        content_type="application/json",
        headers={"Location": location} if location is not None else None,
    )


class ProjectAnswer(Answer):
    """An app. `status` and `taskId` are its newest task's; `head` is the current version."""

    project_id: str
    title: str
    framework: Framework | None
    status: TaskStatus | None
    task_id: str | None
    head: str | None
    preview_url: str | None
    created_at: Moment
    updated_at: Moment


class ProjectList(Answer):
    """Every project, newest change first."""

    projects: list[ProjectAnswer]


class TaskAnswer(Answer):
    """A task's row."""

    task_id: str
    kind: TaskKind
    status: TaskStatus
    prompt: str
    model: str
    requested_by: str
    last_seq: int
    created_at: Moment
    updated_at: Moment


class MessageAnswer(Answer):
    """One message of the conversation: role USER | ASSISTANT, type RESULT | ERROR | STREAMING,
    status PENDING | STREAMING | COMPLETE.
    """

    id: str
    task_id: str | None
    role: str
    type: str
    status: str
    content: str
    created_at: Moment


class ProjectDetail(ProjectAnswer):
    """A project with its tasks (newest first) and its conversation (oldest first)."""

    tasks: list[TaskAnswer]
    messages: list[MessageAnswer]


class FileAnswer(Answer):
    """One file of a version. `hash` is the SHA-256 of its bytes; `text`: whether it is UTF-8."""

    path: str
    bytes: int
    hash: str
    text: bool


class FileList(Answer):
    """A version's files by path; none before the first build."""

    files: list[FileAnswer]


class FragmentAnswer(Answer):
    """A version. `files` counts them; the app's link leads to the newest version only."""

    fragment_id: str
    task_id: str | None
    title: str
    framework: Framework
    files: int
    preview_url: str | None
    restored_from: str | None
    created_at: Moment


class FragmentList(Answer):
    """The versions, newest first; `head` is the current one."""

    head: str | None
    fragments: list[FragmentAnswer]


class Restored(Answer):
    """The new version that a restore made."""

    fragment: FragmentAnswer


class FileChange(Answer):
    """What became of one file. `diff` holds unified hunks, without lines that name files.

    It is `null` where there is nothing to show; `omitted` says why.
    """

    path: str
    action: FileAction
    diff: str | None
    omitted: Omission | None


class Diff(Answer):
    """What leads from one version to another; `from` is `null` when `to` is the first one."""

    model_config = ConfigDict(alias_generator=lambda name: name.strip("_"))

    from_: str | None
    to: str
    files: list[FileChange]


class PreviewLink(Answer):
    """The app's new link; none where the server has no address that people could open."""

    preview_url: str | None


class Accepted(Answer):
    """A task that was queued."""

    task_id: str
    project_id: str


class Stopped(Answer):
    """Where a task is after it was asked to stop."""

    task_id: str
    status: TaskStatus


class Alive(Answer):
    """The process answers."""

    ok: Literal[True] = True
    version: str


class Ready(Answer):
    """Each part this process needs -> `ok`, or in plain words what is wrong with it."""

    ready: bool
    checks: dict[str, str]


class ClerkInfo(Answer):
    """How a page signs people in: Clerk's public key, and the origin its script comes from."""

    publishable_key: str
    frontend_api: str


class Info(Answer):
    """What this server runs on. `offline`: no AI, the built-in model answers.

    Without `signIn` nobody signs in.
    """

    version: str
    model: str
    offline: bool
    sandbox: str
    frameworks: list[Framework]
    models: list[str]
    sign_in: ClerkInfo | None = None


class Highlighted(Answer):
    """Per line its pieces, each a kind and a text; the kind is empty for plain text."""

    lines: list[list[Annotated[list[str], Field(min_length=2, max_length=2)]]]


class ErrorDetails(Answer):
    """`code` is stable and for programs, `message` and `hint` are for people.

    `field` names what was wrong. The last two are there only where there is something to say.
    """

    code: str
    message: str
    hint: Sometimes = ""
    field: Sometimes = ""


class ErrorAnswer(Answer):
    """Every error has this shape."""

    error: ErrorDetails


class CreditsAnswer(Answer):
    """Where an owner stands: what their plan has in any 24 hours, and what of it is used.

    At `nextBackAt` the oldest of the used ones is back.
    """

    plan: str
    allowance: int
    used: int
    left: int
    next_back_at: Moment | None


class TallyAnswer(Answer):
    """What tasks have used. `builds` leaves out fixes, and what came to nothing."""

    builds: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float


class ProjectUse(TallyAnswer):
    """One app's share."""

    project_id: str
    title: str


class UsageAnswer(Answer):
    """An owner's use: the last 24 hours, and this month (UTC), with the dearest apps of it first.

    `credits` is null where nobody is metered. With `atLeast` there were more tasks than are added up.
    """

    credits: CreditsAnswer | None
    day: TallyAnswer
    month: TallyAnswer
    month_began: Moment
    projects: list[ProjectUse]
    at_least: bool
