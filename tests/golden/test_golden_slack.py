"""Moments of stored logs as Slack messages: what was written once must look the same for ever.

Renewed as the other golden files are: delete, run twice, look at the difference.
"""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from agents.events import Recorded, TaskFailed
from agents.task_state import fold
from bot.render.slack import TaskView, render_task
from bot.render.slack_replies import render_done_reply
from tests.golden.test_golden_logs import read

SLACK = Path(__file__).parent / "slack"

MOMENTS = {
    "queued": ("built", 1),
    "running": ("built", 15),
    "checks": ("built", 29),
    "complete": ("built", 37),
    "fixing": ("stuck", 28),
    "failed": ("stuck", 17),
    "stuck": ("stuck", 34),
    "cancelled": ("stopped", 10),
}
"""Moment -> a stored log, and how many of its events have happened."""

FAILED = TaskFailed(
    code="provider_timeout",
    message="The model did not answer in time.",
    hint="Retry; if it stays slow, choose another model.",
    retryable=True,
)


def log_until(moment: str) -> list[Recorded]:
    name, count = MOMENTS[moment]
    log = read(name)[:count]
    if moment == "failed":
        last = log[-1].model_copy(update={"seq": count + 1, "event": FAILED})
        return [*log, last]
    return log


def as_json(log: list[Recorded]) -> str:
    state = fold(log[0].task_id, log)
    view = TaskView(
        now=log[-1].at + timedelta(seconds=1),
        requested_by_user="U0ADA",
        preview_link="https://zapdev.example/p/k",
        offline_model=log[0].task_id.startswith("task_01"),
        can_undo=True,
    )
    message = render_task(state, view)
    shown = {
        "text": message.text,
        "blocks": message.blocks,
        "text_alone": render_task(state, view, 2).text.splitlines(),
        "reply": render_done_reply(state, view).text if state.status.is_terminal else None,
    }
    return json.dumps(shown, ensure_ascii=False, indent=2) + "\n"


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_moment_of_a_stored_log_looks_as_it_did(moment: str) -> None:
    expected = SLACK / f"{moment}.json"
    shown = as_json(log_until(moment))
    if not expected.exists():
        expected.parent.mkdir(exist_ok=True)
        expected.write_text(shown, newline="")
        pytest.fail(f"{expected.name} was missing and has been written: look at it")
    assert shown == expected.read_bytes().decode()
