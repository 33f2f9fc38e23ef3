"""What the larger mutations are told. Pure, but for the ids they make."""

from typing import Any

from agents.errors import StoreError
from agents.events import TaskAccepted
from agents.ports import Ids
from agents.types import ProjectId, TaskId, WorkerId
from bot.store import convex_rows as rows
from bot.store.convex_slack import origin_row
from bot.store.convex_usage import terms_row
from bot.store.encoding import LIMITS, WORKER_LOST, clean_text, dump_event, title_of
from bot.store.port import Ending, NewTask

Args = dict[str, Any]


def enqueue_args(new: NewTask, ids: Ids) -> Args:
    """For `tasks:enqueue`. The ids are made here, so that a second try finds the first."""
    project_id = new.project_id or ProjectId(ids.new("proj"))
    accepted = TaskAccepted(
        project_id=project_id,
        task_kind=new.kind,
        prompt=new.prompt,
        requested_by=new.requested_by,
    )
    history = [
        {
            "messageId": ids.new("msg"),
            "role": turn.role.upper(),
            "content": clean_text(turn.text),
        }
        for turn in new.history
    ]
    return {
        "taskId": ids.new("task"),
        "projectId": project_id,
        "newProject": {"title": title_of(new.prompt)} if new.project_id is None else None,
        "owner": new.owner,
        "kind": new.kind,
        "prompt": clean_text(new.prompt),
        "model": new.model,
        "framework": rows.framework_row(new.framework),
        "requestedBy": new.requested_by,
        "origin": new.origin,
        "accepted": {"kind": accepted.kind, "event": dump_event(accepted)},
        "questionId": ids.new("msg"),
        "answerId": ids.new("msg"),
        "history": history,
        "slack": None if new.slack is None else origin_row(new.slack),
        "terms": terms_row(new.terms),
        "replaces": new.replaces,
    }


def claim_args(worker_id: WorkerId, key: str, only: TaskId | None) -> Args:
    """For `tasks:claim`; `lost` is how a task ends that was lost in its last attempt."""
    return {
        "workerId": worker_id,
        "key": key,
        "only": only,
        "lost": {
            "event": {"kind": WORKER_LOST.kind, "event": dump_event(WORKER_LOST)},
            "reply": f"{WORKER_LOST.message} {WORKER_LOST.hint}",
            "progress": {"message": WORKER_LOST.message},
        },
    }


def result_args(ending: Ending) -> Args:
    """What `tasks:complete` takes beside what every ending has. Raises: StoreError."""
    new, fragment = ending.fragment, None
    if new is not None:
        if len(new.files) > LIMITS.files_per_fragment:
            raise StoreError(f"an app of {len(new.files):,} files is too large")
        fragment = rows.fragment_row(new, clean_text(new.title))
    return {
        "fragment": fragment,
        "title": None if ending.title is None else clean_text(ending.title),
        "framework": rows.framework_row(ending.framework),
    }
