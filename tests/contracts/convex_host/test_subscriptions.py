"""The official clients follow the loopback Convex as they follow Convex."""

import asyncio
import subprocess
import sys
from dataclasses import replace

from tests.contracts.convex_host.client import FEW_S, SAMPLE, Convex, watching
from tests.fakes.convex import start_host

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


async def test_the_javascript_client_signs_in_and_is_told_of_every_write(convex: Convex) -> None:
    url, token = convex.host.deployment(convex.name), convex.host.clerk_token("user_1")
    async with watching(WATCHER, url, token) as client:
        await client.expects("me user_1")
        await client.expects("count 0")
        await convex.value("mutation", "add", text="by http")
        await client.expects("count 1")
        client.tell("add")
        await client.expects("count 2")
        client.tell("addTwice")
        await client.expects("count 4")
        await convex.value("mutation", "addLater", ms=20)
        await client.expects("count 5")
        client.tell("fail")
        await client.expects('fail {"code":"secret"}')
        await convex.host.run_cron("wipe", convex.name)
        await client.expects("count 0")


async def test_the_javascript_client_comes_back_after_an_outage(
    convex: Convex, issuer: str
) -> None:
    with start_host(convex_dir=SAMPLE, env={"SAMPLE_OIDC": issuer}) as own:
        there = replace(convex, host=own)
        url = own.deployment(there.name)
        async with watching(WATCHER, url, own.service_token()) as client:
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
