"""Sandboxes come, stay apart and go."""

import asyncio
from collections.abc import Sequence

import pytest

from agents.errors import SandboxFull, SandboxLost
from agents.ports import Sandbox, SandboxProvider
from agents.types import Framework, SandboxId
from tests.agents.sandbox.tiny import TASK
from tests.contracts.sandbox.adapters import ADAPTERS, LIMIT

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def close(made: Sequence[Sandbox]) -> None:
    await asyncio.gather(*(sandbox.close() for sandbox in made))


async def test_a_sandbox_knows_its_framework(provider: SandboxProvider) -> None:
    made = [await provider.create(it, task_id=TASK) for it in (Framework.VUE, Framework.SVELTE)]
    assert [sandbox.framework for sandbox in made] == [Framework.VUE, Framework.SVELTE]
    await close(made)


async def test_frameworks_are_kept_apart(provider: SandboxProvider) -> None:
    vue = await provider.create(Framework.VUE, task_id=TASK)
    react = await provider.create(Framework.REACT, task_id=TASK)
    assert await vue.read("app.txt") == b"start-page vue"
    assert await react.read("app.txt") == b"start-page react"
    await close([vue, react])


async def test_ids_are_unique(provider: SandboxProvider) -> None:
    made = [await provider.create(Framework.REACT, task_id=TASK) for _ in range(3)]
    assert len({sandbox.id for sandbox in made}) == 3
    await close(made)


async def test_ten_sandboxes_at_once_do_not_mix(provider: SandboxProvider) -> None:
    made = await asyncio.gather(
        *(provider.create(Framework.REACT, task_id=TASK) for _ in range(10))
    )
    await asyncio.gather(
        *(sandbox.write({"app.txt": f"app {n}".encode()}) for n, sandbox in enumerate(made))
    )
    found = await asyncio.gather(*(sandbox.read("app.txt") for sandbox in made))
    assert found == [f"app {n}".encode() for n in range(10)]
    await close(made)


async def test_a_living_sandbox_is_found_by_its_id(
    provider: SandboxProvider, sandbox: Sandbox
) -> None:
    await sandbox.write({"mark.txt": b"mine"})
    found = await provider.connect(sandbox.id)
    assert found is not None
    assert await found.read("mark.txt") == b"mine"


async def test_a_closed_sandbox_is_not_found(provider: SandboxProvider, sandbox: Sandbox) -> None:
    await sandbox.close()
    assert await provider.connect(sandbox.id) is None


async def test_an_unknown_id_is_not_found(provider: SandboxProvider) -> None:
    assert await provider.connect(SandboxId("sbx_of_nobody")) is None


@pytest.mark.parametrize("name", ["sbx_of_nobody", "", ".", "..", "../..", "a/b", "lock"])
async def test_neither_our_own_nor_nobodys_is_another_processs(
    provider: SandboxProvider, sandbox: Sandbox, name: str
) -> None:
    assert not await provider.lives_elsewhere(sandbox.id)
    assert not await provider.lives_elsewhere(SandboxId(name))


async def test_closing_twice_is_fine(sandbox: Sandbox) -> None:
    await sandbox.close()
    await asyncio.gather(sandbox.close(), sandbox.close())
    with pytest.raises(SandboxLost):
        await sandbox.tree()


async def test_a_fresh_sandbox_has_nothing_of_a_closed_one(provider: SandboxProvider) -> None:
    first = await provider.create(Framework.REACT, task_id=TASK)
    await first.write({"secret.txt": b"of the first"})
    await first.close()
    second = await provider.create(Framework.REACT, task_id=TASK)
    assert await second.read("secret.txt") is None
    await close([second])


async def test_one_that_was_paused_is_woken_as_it_was_and_one_that_cannot_be_goes_on(
    provider: SandboxProvider,
) -> None:
    sandbox = await provider.create(Framework.REACT, task_id=TASK)
    await sandbox.write({"mark.txt": b"mine"})
    before = await sandbox.tree()
    if await sandbox.pause():
        assert not await sandbox.pause()
        with pytest.raises(SandboxLost):
            await sandbox.tree()
    found = await provider.connect(sandbox.id)
    assert found is not None
    assert await found.tree() == before
    await found.close()
    assert not await found.pause()
    assert await provider.connect(sandbox.id) is None


@pytest.mark.parametrize("adapter", ADAPTERS)
async def test_where_sandboxes_can_be_paused_that_makes_room(adapter: str) -> None:
    async with ADAPTERS[adapter].open(LIMIT) as provider:
        made = [await provider.create(Framework.REACT, task_id=TASK) for _ in range(LIMIT)]
        assert await made[0].pause() is ADAPTERS[adapter].pauses
        if not ADAPTERS[adapter].pauses:
            await made[0].close()
        await provider.create(Framework.REACT, task_id=TASK)


@pytest.mark.parametrize("adapter", ADAPTERS)
async def test_beyond_the_limit_creation_is_refused_until_one_closes(adapter: str) -> None:
    async with ADAPTERS[adapter].open(LIMIT) as provider:
        made = [await provider.create(Framework.REACT, task_id=TASK) for _ in range(LIMIT)]
        with pytest.raises(SandboxFull):
            await provider.create(Framework.REACT, task_id=TASK)
        await made[0].close()
        await provider.create(Framework.REACT, task_id=TASK)


@pytest.mark.parametrize("adapter", ADAPTERS)
async def test_closing_the_provider_closes_every_sandbox(adapter: str) -> None:
    async with ADAPTERS[adapter].open(LIMIT) as provider:
        made = [await provider.create(Framework.REACT, task_id=TASK) for _ in range(2)]
        await provider.close()
    for sandbox in made:
        with pytest.raises(SandboxLost):
            await sandbox.tree()
