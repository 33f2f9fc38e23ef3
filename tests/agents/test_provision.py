"""What people are told while a sandbox is made."""

import pytest
from typing_extensions import override

from agents import events as e
from agents.pipeline import Built, run_pipeline
from agents.testing import InMemorySandbox, InMemorySandboxProvider
from agents.types import Framework, TaskId
from tests.agents.test_pipeline import APP, DONE, scripted
from tests.fakes.pipelines import Stage, job, write
from tests.fakes.waiting import until


async def test_of_a_slow_sandbox_nothing_is_told_that_is_not_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Slow(InMemorySandboxProvider):
        @override
        async def create(self, framework: Framework, *, task_id: TaskId) -> InMemorySandbox:
            await until(lambda: bool(notices()))
            return await super().create(framework, task_id=task_id)

    def notices() -> list[str]:
        return [v.message for v in stage.journal.events if isinstance(v, e.NoticeGiven)]

    monkeypatch.setattr("agents.provision._SLOW_AFTER_S", 0.0)
    stage = Stage(scripted(write(APP), DONE), provider=Slow())
    assert isinstance(await run_pipeline(stage.run(job())), Built)
    [told] = notices()
    assert "takes a while" in told
    assert "first time" not in told
