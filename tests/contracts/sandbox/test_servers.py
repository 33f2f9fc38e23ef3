"""The app's server: reachable from the host, replaced, and honest about its end."""

import asyncio

import aiohttp
import pytest

from agents.errors import SandboxLost
from agents.ports import Sandbox, SandboxProvider
from agents.types import Framework
from tests.agents.sandbox.tiny import PORT, TASK, eventually, fetch

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVE = f"node server.mjs {PORT}"


async def up(machine: Sandbox, command: str = SERVE) -> str:
    """Serve, and wait until it answers."""
    url = await machine.serve(command, port=PORT)
    await eventually(lambda: fetch(url))
    return url


async def crashed(machine: Sandbox) -> str:
    return await eventually(machine.server_output)


async def test_a_server_is_reached_from_the_host(machine: Sandbox) -> None:
    assert await fetch(await up(machine)) == "start-page react"


async def test_two_servers_of_one_framework_do_not_collide(machines: SandboxProvider) -> None:
    one = await machines.create(Framework.REACT, task_id=TASK)
    two = await machines.create(Framework.REACT, task_id=TASK)
    await one.write({"app.txt": b"one"})
    await two.write({"app.txt": b"two"})
    urls = [await up(one), await up(two)]
    assert [await fetch(url) for url in urls] == ["one", "two"]


async def test_serving_again_replaces_the_server(machine: Sandbox) -> None:
    await up(machine)
    await machine.write({"other.mjs": b"import './server.mjs'", "app.txt": b"second"})
    assert await fetch(await up(machine, f"node other.mjs {PORT}")) == "second"
    assert await machine.server_output() is None


async def test_a_living_server_has_no_output_to_show(machine: Sandbox) -> None:
    await up(machine)
    assert await machine.server_output() is None


async def test_without_a_server_there_is_no_output_to_show(machine: Sandbox) -> None:
    assert await machine.server_output() is None


async def test_a_server_that_crashes_at_once_shows_what_it_said(machine: Sandbox) -> None:
    await machine.serve("echo port is taken >&2; exit 1", port=PORT)
    assert await crashed(machine) == "port is taken\n"


async def test_a_server_that_crashes_later_shows_what_it_said(machine: Sandbox) -> None:
    url = await up(machine)
    assert await fetch(f"{url}/crash") is None
    assert "cannot go on" in await crashed(machine)


async def test_a_crashed_server_can_be_started_again(machine: Sandbox) -> None:
    url = await up(machine)
    await fetch(f"{url}/crash")
    await crashed(machine)
    assert await fetch(await up(machine)) == "start-page react"


async def test_a_talkative_servers_last_words_are_kept(machine: Sandbox) -> None:
    await machine.serve(
        "head -c 1000000 /dev/zero | tr '\\0' x; echo; echo the end; exit 1", port=PORT
    )
    said = await crashed(machine)
    assert said.endswith("x\nthe end\n")
    assert len(said) <= 8 * 1024


async def test_many_connections_at_once_are_served(machine: Sandbox) -> None:
    url = await up(machine)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def get() -> str:
            async with session.get(url) as answer:
                return await answer.text()

        bodies = await asyncio.gather(*(get() for _ in range(100)))
    assert set(bodies) == {"start-page react"}


async def test_server_sent_events_come_as_they_are_sent(machine: Sandbox) -> None:
    url = await up(machine)
    async with aiohttp.ClientSession() as session, session.get(f"{url}/events") as answer:
        lines = [await answer.content.readline() for _ in range(5)]
    assert lines[0:5:2] == [b"data: 0\n", b"data: 1\n", b"data: 2\n"]


async def test_an_upgraded_connection_carries_both_ways(machine: Sandbox) -> None:
    url = await up(machine)
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    for word in (b"ping", b"pong"):
        writer.write(word)
        assert await reader.readexactly(4) == word
    writer.close()


async def test_commands_run_beside_the_server(machine: Sandbox) -> None:
    url = await up(machine)
    assert (await machine.run("echo changed > app.txt", timeout_s=10)).ok
    assert await fetch(url) == "changed\n"


async def test_closing_stops_the_server(machine: Sandbox) -> None:
    url = await up(machine)
    await machine.close()
    assert await fetch(url) is None
    with pytest.raises(SandboxLost):
        await machine.serve(SERVE, port=PORT)
