"""A long text costs little, and its message looks the same."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from agents.events import (
    Event,
    Recorded,
    TaskAccepted,
    TaskStarted,
    TextStreamed,
    TextVoided,
    TurnFinished,
    TurnStarted,
)
from agents.task_state import TaskState, step
from agents.types import ProjectId, TaskId, TaskKind, WorkerId
from bot.render.slack import TaskView, render_task
from bot.slack.messages import TEXT_KEPT, with_the_end_of_the_text

T0 = datetime(2026, 1, 1, tzinfo=UTC)
VIEW = TaskView(now=T0 + timedelta(minutes=1))
TASK = TaskId("task_1")

texts = st.integers(0, 3 * TEXT_KEPT).map(
    lambda n: TextStreamed(content=f"word{n} and on. " * (n // 12))
)
events = st.lists(
    st.one_of(
        texts,
        texts,
        st.just(TurnStarted(step=1, purpose="generate")),
        st.just(TurnFinished(step=1, text="", finish_reason="stop")),
        st.just(TextVoided(reason="again")),
        st.just(TaskStarted(attempt=2, worker_id=WorkerId("w2"))),
    ),
    max_size=12,
)


@given(events)
def test_what_is_shown_is_the_same_and_what_is_kept_is_bounded(played: list[Event]) -> None:
    accepted = TaskAccepted(
        project_id=ProjectId("proj_1"),
        task_kind=TaskKind.GENERATE,
        prompt="A board",
        requested_by="U1",
    )
    whole = short = TaskState(TASK)
    log = [accepted, TaskStarted(attempt=1, worker_id=WorkerId("w1")), *played]
    for seq, event in enumerate(log, start=1):
        recorded = Recorded(task_id=TASK, seq=seq, at=T0, event=event)
        whole = step(whole, recorded)
        short = with_the_end_of_the_text(step(short, recorded))

        assert len(short.text) <= 4 * TEXT_KEPT
        for tier in (0, 1, 2):
            assert render_task(short, VIEW, tier) == render_task(whole, VIEW, tier)
