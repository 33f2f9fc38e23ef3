"""Request bodies: JSON in, typed values out, or an error that names the field."""

import asyncio
from typing import Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from agents.errors import BadRequest
from agents.imports.figma.references import MAX_CHARS as MAX_ADDRESS
from agents.imports.references import MAX_CHARS
from agents.types import Turn
from bot.services.tasks import PROMPT_MAX
from bot.sidecar.deps import DEPS

HISTORY_MAX = 200


class Body(BaseModel):
    """Unknown fields are ignored, so that clients of a newer version are understood."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class HistoryTurn(Body):
    """One earlier message, in the shape chat clients send."""

    role: Literal["user", "assistant"]
    content: str


class GenerateBody(Body):
    """What to build. `sandboxId` is accepted from older clients; the project knows its own.

    Without `projectId` it is a new project. `model` is a model's key, `framework` one of those of
    `/api/info`; both are chosen when left out. `conversationHistory` counts for a project that has
    no conversation yet.
    """

    prompt: str = Field(json_schema_extra={"minLength": 1, "maxLength": PROMPT_MAX})
    projectId: str | None = None  # noqa: N815 - wire names
    model: str | None = None
    framework: str | None = None
    sandboxId: str | None = None  # noqa: N815
    conversationHistory: list[HistoryTurn] = Field(  # noqa: N815
        default_factory=list, max_length=HISTORY_MAX
    )

    @property
    def history(self) -> list[Turn]:
        """The conversation in our own words."""
        return [Turn(role=turn.role, text=turn.content) for turn in self.conversationHistory]


class FixBody(Body):
    """Whose current version is to be checked and mended."""

    projectId: str  # noqa: N815


class ImportBody(Body):
    """A repository on GitHub: `owner/repo`, `owner/repo@ref/folder`, or its address."""

    url: str = Field(json_schema_extra={"minLength": 1, "maxLength": MAX_CHARS})


class DesignBody(Body):
    """A frame of a design in Figma, by its address; without `node-id`, the file's first frame.

    `model` and `framework` are as in `/api/generate`.
    """

    url: str = Field(json_schema_extra={"minLength": 1, "maxLength": MAX_ADDRESS})
    model: str | None = None
    framework: str | None = None


class RestoreBody(Body):
    """The version to go back to."""

    fragmentId: str  # noqa: N815


class HighlightBody(Body):
    """Code of any language. The path's name says which language the text is in."""

    path: str = Field(max_length=1_000)
    text: str


B = TypeVar("B", bound=Body)


async def read_body(request: web.Request, model: type[B]) -> B:
    """The request's JSON body.

    Raises: BadRequest (malformed JSON, missing or mistyped field); aiohttp's 413 beyond 1 MiB, and
    408 for one that takes longer to come than `body_s`.
    """
    try:
        async with asyncio.timeout(request.app[DEPS].body_s):
            raw = await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    try:
        return model.model_validate_json(raw)
    except ValidationError as failure:
        raise _explain(failure.errors(include_url=False)[0]) from None


def _explain(detail: ErrorDetails) -> BadRequest:
    if detail["type"] == "json_invalid":
        return BadRequest(
            "The body is not valid JSON.", hint='Send an object such as {"prompt": "…"}.'
        )
    field = ".".join(str(part) for part in detail["loc"]) or None
    if field is None:
        return BadRequest("The body must be a JSON object.")
    if detail["type"] == "missing":
        return BadRequest(f"“{field}” is missing.", field=field)
    return BadRequest(f"“{field}” is wrong: {detail['msg'].lower()}.", field=field)
