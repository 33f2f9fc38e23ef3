// The control port, for tests: faults, figures, and a Convex that is not there. One JSON object
// is posted to "/", one comes back; what it can hold is in COMMANDS.
import { createServer } from "node:http";
import { text } from "node:stream/consumers";

import { at, momentOf } from "./clock.mjs";
import { ROOT, addressOf, listening } from "./host.mjs";

/** @typedef {import("./host.mjs").Host} Host */

/** @type {Record<string, (host: Host, body: any) => unknown>} by the field that names it */
const COMMANDS = {
  // {"fault": {"kind": "lossy", "every": 2}, "deployment": "d1" | null}; null: all of them
  fault: (host, { fault, deployment }) => host.faults.set(deployment ?? null, fault),
  // {"listening": false}: connection refused and every connection cut; true: back, data kept
  listening: async (host, body) => void (await (body.listening ? host.listen() : host.hangUp())),
  // {"stats": "d1" | null}; null: the root deployment
  stats: (host, { stats }) => host.deployment(stats ?? ROOT).stats(),
  // {"reset": "d1" | null}
  reset: (host, { reset }) => host.drop(reset ?? ROOT),
  // {"pass_ms": 31000, "deployment": "d1" | null}: its functions' clock goes on by that at once
  pass_ms: (host, body) => void (host.deployment(body.deployment ?? ROOT).aheadMs += body.pass_ms),
  // {"run_cron": "name in crons.ts", "deployment": "d1" | null}
  run_cron: (host, body) => host.deployment(body.deployment ?? ROOT).runCron(body.run_cron),
};

/**
 * @param {Host} host
 * @returns {Promise<string>} the address
 */
export async function serveControl(host) {
  const server = createServer(async (request, response) => {
    let [status, answer] = [200, "{}"];
    try {
      const result = await at(momentOf(request.headers), async () =>
        run(host, await text(request)),
      );
      answer = JSON.stringify(result ?? {}, (_, value) =>
        typeof value === "bigint" ? `${value}` : value,
      );
    } catch (error) {
      [status, answer] = [400, JSON.stringify({ error: `${error}` })];
    }
    response.writeHead(status, { "content-type": "application/json" });
    response.end(answer);
  });
  await listening(server, 0);
  return addressOf(server);
}

/**
 * @param {Host} host
 * @param {string} content
 */
function run(host, content) {
  const body = JSON.parse(content);
  const name = Object.keys(COMMANDS).find((command) => command in body);
  if (name === undefined) throw new TypeError(`Which of ${Object.keys(COMMANDS).join(", ")}?`);
  return COMMANDS[name]?.(host, body);
}
