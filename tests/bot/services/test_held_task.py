"""Giving back what is held: an end that was just written is nothing to warn of."""

import pytest

from agents.errors import StoreUnavailable
from agents.system import SystemClock
from agents.types import WorkerId
from bot.services import endings
from bot.services.held_task import HeldTask
from bot.store.port import Claim
from tests.fakes.workshop import Workshop, open_workshop


async def held_by(world: Workshop) -> HeldTask:
    row = await world.start()
    claim = await world.store.claim(WorkerId("w"), only=row.id)
    assert isinstance(claim, Claim)
    return HeldTask(world.store, claim, SystemClock(), 0.01, lambda _: None)


async def test_a_task_that_has_ended_is_not_given_back_and_nobody_is_warned(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with open_workshop() as world:
        held = await held_by(world)
        assert await held.end(endings.cancelled("you"))
        await held.hand_back(delay_s=0.0, count_attempt=False)
        await held.close()
    assert "warning" not in capsys.readouterr().err


async def test_a_store_that_is_away_when_a_task_is_given_back_is_worth_a_warning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with open_workshop() as world:
        held = await held_by(world)
        world.store.failures["hand_back"] = [StoreUnavailable("away")]
        await held.hand_back(delay_s=0.0, count_attempt=False)
        await held.close()
    assert "hand back failed" in capsys.readouterr().err
