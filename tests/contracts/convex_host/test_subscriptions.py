"""The official clients follow the loopback Convex as they follow Convex."""

import asyncio
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from tests.contracts.convex_host.client import FEW_S, SAMPLE, Convex
from tests.fakes.convex import ROOT, start_host

WATCHER = """
import { ConvexClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
const [url, token] = process.argv.slice(1);
const client = new ConvexClient(url, { verbose: false });
client.setAuth(async () => token);
const watch = (name, show) =>
  client.onUpdate(makeFunctionReference(`notes:${name}`), {}, (value) => console.log(show(value)));
watch("me", (me) => me && `me ${me.subject}`);
watch("count", (count) => `count ${count}`);
process.stdin.on("data", async (text) => {
  const name = String(text).trim();
  const call = name === "addTwice" ? client.action : client.mutation;
  const args = { add: { text: "a" }, fail: { text: "secret", isTold: true } }[name] ?? {};
  await call.call(client, makeFunctionReference(`notes:${name}`), args).then(
    () => console.log(`${name} done`),
    (error) => console.log(`${name} ${JSON.stringify(error.data)}`),
  );
});
process.stdin.on("end", () => process.exit(0));
"""


@dataclass(slots=True)
class Watcher:
    """The official JavaScript client in a process of its own, and the lines that it prints."""

    process: Process

    async def expects(self, line: str) -> None:
        """Until it prints this."""
        assert self.process.stdout is not None
        async with asyncio.timeout(FEW_S):
            while (seen := (await self.process.stdout.readline()).decode().strip()) != line:
                assert seen or not self.process.stdout.at_eof(), f"it ended before {line!r}"

    def call(self, name: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{name}\n".encode())


@asynccontextmanager
async def watching(url: str, token: str) -> AsyncIterator[Watcher]:
    command = ["node", "--input-type=module", "-e", WATCHER, url, token]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=PIPE, stdout=PIPE)
    try:
        yield Watcher(process)
    finally:
        process.kill()
        await process.communicate()


async def test_the_javascript_client_signs_in_and_is_told_of_every_write(convex: Convex) -> None:
    async with watching(
        convex.host.deployment(convex.name), convex.host.clerk_token("user_1")
    ) as client:
        await client.expects("me user_1")
        await client.expects("count 0")
        await convex.value("mutation", "add", text="by http")
        await client.expects("count 1")
        client.call("add")
        await client.expects("count 2")
        client.call("addTwice")
        await client.expects("count 4")
        await convex.value("mutation", "addLater", ms=20)
        await client.expects("count 5")
        client.call("fail")
        await client.expects('fail {"code":"secret"}')
        await convex.host.run_cron("wipe", convex.name)
        await client.expects("count 0")


async def test_the_javascript_client_comes_back_after_an_outage(
    convex: Convex, issuer: str
) -> None:
    with start_host(convex_dir=SAMPLE, env={"SAMPLE_OIDC": issuer}) as own:
        there = replace(convex, host=own)
        async with watching(own.deployment(there.name), own.service_token()) as client:
            await client.expects("count 0")
            await own.stop_listening()
            await own.listen_again()
            await there.value("mutation", "add", text="meanwhile")
            await client.expects("count 1")


PYPI_WATCHER = """
import sys
from convex import ConvexClient
client = ConvexClient(sys.argv[1])
client.set_auth(sys.argv[2])
updates = iter(client.subscribe("notes:count"))
first = next(updates)
client.mutation("notes:add", {"text": "a"})
print(first, next(updates), client.query("notes:me")["subject"])
"""


async def test_the_python_client_signs_in_and_is_told_of_every_write(convex: Convex) -> None:
    """It drops an address's path: it reaches the root deployment only."""
    token = convex.host.service_token()
    command = [sys.executable, "-c", PYPI_WATCHER, convex.host.url, token]

    seen = await asyncio.to_thread(
        subprocess.run, command, check=True, capture_output=True, timeout=FEW_S, text=True
    )
    await convex.host.reset()

    assert seen.stdout.split() == ["0.0", "1.0", "zapdev"]
