// Follows a task with the client that browsers get, and prints what happened as one JSON line.
// node following.mjs <client.js> <server> outage|silence
import { mock } from "node:test";

const [client, base, what] = process.argv.slice(2);
const { follow } = await import(client);
const real = setTimeout;
const over = new AbortController();
const states = [];
const asked = [];
const token = async () => (asked.push(performance.now()), "token");

function onConnection(state) {
  states.push(state);
  if (states.filter((one) => one === "reconnecting").length === 3) over.abort();
}

/** A clock that runs fast enough for the client's patience to end. */
function hurry() {
  mock.timers.enable({ apis: ["setTimeout"] });
  const go = () => (mock.timers.tick(10_000), real(go, 50));
  real(go, 50);
}

if (what === "silence") hurry();
real(() => over.abort(), 8_000).unref();
for await (const _ of follow("task_1", { base, token, signal: over.signal, onConnection }));
const gaps = asked.slice(1).map((at, before) => at - asked[before]);
console.log(JSON.stringify({ states, gaps, given: over.signal.aborted }));
process.exit();
