"""The OpenAPI 3.1 document, made of the operations and of the models that routes take and answer."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal, cast

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from bot import __version__
from bot.sidecar.answers import ErrorAnswer
from bot.sidecar.frames import Frame
from bot.sidecar.operations import JSON, OPERATIONS, STREAM, Operation, Parameter, Reply

Schema = dict[str, Any]

_REF = "#/components/schemas/{model}"
_ABOUT = """\
Type what you want, watch it being built, get a running web app.

**Sign-in.** Where the server has Clerk configured, send a session token as `Authorization: Bearer …`; a 401
says what is wrong with it. Elsewhere no token is needed.

**Streams.** A task is followed as Server-Sent Events: `id` is a rising number, `data` one JSON object (`Frame`).
`complete`, `error` and `cancelled` are last. Resume with `Last-Event-ID`: no gap, no duplicate, at any process.
A reader that reads nothing for ten seconds is dropped and can resume. Closing the connection does not
stop the task. Skip a `type` that you do not know.

**Errors** have one shape, `ErrorAnswer`. What belongs to somebody else looks like what is not there: 404.
"""
_ERRORS: Mapping[int, str] = {
    400: "Something is wrong with the request; `field` names it.",
    401: "No session token, or one that does not count.",
    403: "A host name, or a page, that this server does not answer to.",
    404: "There is no such thing, or it is somebody else's.",
    408: "The body took too long to arrive.",
    409: "A task of this project is running.",
    410: "The link has expired.",
    413: "The body is larger than 1 MiB.",
    415: "The body is not JSON.",
    429: "Too many requests; `Retry-After` says when to come back.",
    500: "Something went wrong on our side. The log has the details.",
    503: "The database, or Clerk, does not answer just now; `Retry-After` says when to come back.",
}
_IN_PATH: Mapping[str, str] = {
    "project_id": "The project.",
    "task_id": "The task.",
    "path": "The file's path in the app.",
    "key": "The app's key.",
    "signed": "What the link is for, signed.",
}
_HEADERS: Mapping[int, Mapping[str, str]] = {
    202: {"Location": "Where the task's state is."},
    302: {"Location": "Where the app is."},
    401: {"WWW-Authenticate": "What is wrong with the token."},
    429: {"Retry-After": "Seconds."},
    503: {"Retry-After": "Seconds."},
}

_EVENT: Schema = {
    "type": "object",
    "description": "One event of the stream.",
    "required": ["data"],
    "properties": {
        "id": {"type": "string", "pattern": r"^\d+$"},
        "data": {
            "type": "string",
            "contentMediaType": JSON,
            "contentSchema": {"$ref": _REF.format(model="Frame")},
        },
    },
}
"""OpenAPI 3.1 has no word for a stream's items; tools take the schema for each event's."""


@cache
def openapi_document(*, sign_in: bool = True) -> Schema:
    """The whole document, of a server where people sign in or not. It is shared: do not change it."""
    references, schemas = _schemas()
    paths: Schema = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, references)
    if not sign_in:
        for call in (call for calls in paths.values() for call in calls.values()):
            call["security"] = []
    return {
        "openapi": "3.1.0",
        "info": {"title": "Zapdev", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "session": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
    }


def _schemas() -> tuple[Mapping[type[BaseModel], Schema], Schema]:
    """How each model is referred to, and all their schemas by name."""
    wanted: dict[type[BaseModel], Literal["validation", "serialization"]] = {
        Frame: "serialization",
        ErrorAnswer: "serialization",
    }
    for operation in OPERATIONS:
        if operation.body is not None:
            wanted[operation.body] = "validation"
        for reply in operation.replies.values():
            models = (model for model in reply.content.values() if model is not None)
            wanted |= dict.fromkeys(models, "serialization")
    refs, definitions = models_json_schema(list(wanted.items()), ref_template=_REF)
    schemas: Schema = definitions["$defs"]
    for field in (f for s in schemas.values() for f in s.get("properties", {}).values()):
        field.pop("title", None)  # it only repeats the name
    references = {model: schema for (model, _), schema in refs.items()}
    return cast("Mapping[type[BaseModel], Schema]", references), schemas


def _operation(operation: Operation, references: Mapping[type[BaseModel], Schema]) -> Schema:
    replies = {status: Reply(_ERRORS[status], {JSON: ErrorAnswer}) for status in _errors(operation)}
    made: Schema = {
        "operationId": operation.name,
        "summary": operation.words,
        "security": [] if operation.is_open else [{"session": []}],
        "responses": {
            str(status): _response(status, reply, references)
            for status, reply in sorted({**replies, **operation.replies}.items())
        },
    }
    if parameters := [*_in_path(operation), *map(_parameter, operation.parameters)]:
        made["parameters"] = parameters
    if operation.body is not None:
        content = {JSON: {"schema": references[operation.body]}}
        made["requestBody"] = {"required": True, "content": content}
    return made


def _errors(operation: Operation) -> set[int]:
    """What a call of this kind may be refused with."""
    statuses = {403, 429, 500, *operation.errors}
    if not operation.is_open:
        statuses |= {401, 503}
    if "{" in operation.path:
        statuses |= {404, 503}
    if operation.method == "post":
        statuses |= {415}
    if operation.body is not None:
        statuses |= {400, 408, 413}
    return statuses


def _response(status: int, reply: Reply, references: Mapping[type[BaseModel], Schema]) -> Schema:
    made: Schema = {"description": reply.words}
    if reply.content:
        made["content"] = {
            kind: _media(kind, None if model is None else references[model])
            for kind, model in reply.content.items()
        }
    if headers := _HEADERS.get(status):
        made["headers"] = {
            name: {"description": words, "schema": {"type": "string"}}
            for name, words in headers.items()
        }
    return made


def _media(kind: str, schema: Schema | None) -> Schema:
    if schema is not None:
        return {"schema": schema}
    if kind == STREAM:
        return {"schema": _EVENT}
    return {"schema": {"type": "object"}} if kind == JSON else {}


def _in_path(operation: Operation) -> Iterator[Schema]:
    for name in re.findall(r"{(\w+)}", operation.path):
        made = _parameter(Parameter(name, _IN_PATH[name], "path", required=True))
        made["schema"]["minLength"] = 1
        yield made


def _parameter(parameter: Parameter) -> Schema:
    schema: Schema = {"type": "string"}
    if parameter.pattern is not None:
        schema["pattern"] = parameter.pattern
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.words,
        "schema": schema,
    }
