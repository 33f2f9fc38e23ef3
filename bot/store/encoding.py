"""What every adapter stores in the same form: texts, titles, events, endings. Pure."""

import hashlib
from collections.abc import Mapping, Sequence

from pydantic_core import PydanticSerializationError

from agents.errors import StoreError
from agents.events import (
    EVENT,
    TERMINAL,
    Event,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
)
from agents.types import BlobHash, TaskStatus
from bot.store.port import Ending, Limits

LIMITS = Limits()
TITLE_CHARS = 60

WORKER_LOST = TaskFailed(
    code="worker_lost",
    message="This build was interrupted too often.",
    hint="Retry; your app is as it was.",
    retryable=True,
)
"""How a task ends whose workers were lost in every attempt."""

TERMINAL_STATUS: Mapping[type[Event], TaskStatus] = {
    TaskCompleted: TaskStatus.COMPLETE,
    TaskFailed: TaskStatus.FAILED,
    TaskCancelled: TaskStatus.CANCELLED,
}


def clean_text(text: str) -> str:
    """The same text, but storable: half surrogate pairs are joined, or become U+FFFD.

    A model whose answer is cut inside an emoji sends such halves.
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def title_of(prompt: str) -> str:
    """What a new project is called: the beginning of what was asked for."""
    line = " ".join(clean_text(prompt).split())
    return line if len(line) <= TITLE_CHARS else line[: TITLE_CHARS - 1].rstrip() + "…"


def clean_event(event: Event) -> Event:
    """The same event as it can be stored and will be read: see `clean_text`."""
    try:
        EVENT.dump_json(event)
    except PydanticSerializationError:
        return EVENT.validate_python(_clean(event.model_dump()))
    return event


def dump_event(event: Event) -> str:
    """The event as JSON. Raises: StoreError (over `Limits.event_bytes`)."""
    try:
        encoded = EVENT.dump_json(event)
    except PydanticSerializationError:
        encoded = EVENT.dump_json(clean_event(event))
    if len(encoded) > LIMITS.event_bytes:
        raise StoreError(f"a {event.kind} event of {len(encoded):,} bytes is too large")
    return encoded.decode()


def _clean(value: object) -> object:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return {key: _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value


def check_appended(events: Sequence[Event]) -> None:
    """Raises: StoreError for a terminal event."""
    for event in events:
        if isinstance(event, TERMINAL):
            raise StoreError(f"{event.kind} ends a task and goes through finish")


def check_ending(ending: Ending) -> None:
    """Raises: StoreError when an ending contradicts itself."""
    last = ending.events[-1] if ending.events else None
    if last is None or TERMINAL_STATUS.get(type(last)) is not ending.status:
        raise StoreError(f"an ending as {ending.status} needs its terminal event last")
    if any(isinstance(event, TERMINAL) for event in ending.events[:-1]):
        raise StoreError("a task has exactly one terminal event")
    if ending.fragment is not None and ending.status is not TaskStatus.COMPLETE:
        raise StoreError("only a completed task leaves a fragment behind")


def hash_blobs(contents: Sequence[bytes]) -> list[BlobHash]:
    """Raises: StoreError (a blob over `Limits.blob_bytes`)."""
    for content in contents:
        if len(content) > LIMITS.blob_bytes:
            raise StoreError(f"a blob of {len(content):,} bytes is too large")
    return [BlobHash(hashlib.sha256(content).hexdigest()) for content in contents]
