// A Convex for development and tests: the project's real functions over convex-test's database
// in memory, served as Convex serves them. Loopback only, nothing is kept.
//
//   node tests/fakes/convex_host/main.mjs convex [--port N] [--admin-key K] [--crons]
//
// Prints one line of JSON when it is ready: {"url", "control"}. Ends with its stdin, so that it
// never outlives who started it. With --crons the crons run by the clock.
import path from "node:path";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: "string", default: "0" },
    "admin-key": { type: "string" },
    crons: { type: "boolean", default: false },
  },
});

/** stdout is for the one line: functions that log would write into it. */
function quiet() {
  const isHeard = Boolean(process.env.CONVEX_HOST_DEBUG);
  for (const level of /** @type {const} */ (["log", "info", "debug", "warn", "error"])) {
    const say = console.error.bind(console);
    console[level] = isHeard ? say : () => {};
  }
}

/** @param {unknown} error */
function fail(error) {
  const { code, message = `${error}` } = /** @type {any} */ (error ?? {});
  const isMissing = code === "ERR_MODULE_NOT_FOUND" && message.includes("Cannot find package");
  const hint = isMissing ? "The Convex host needs node_modules. Type: npm ci\n" : "";
  process.stderr.write(`${hint}${message}\n`);
  process.exit(1);
}

async function start() {
  const [directory] = positionals;
  if (directory === undefined) throw new Error("Which folder of Convex functions?");
  quiet();
  const [
    { loadProgram },
    { Host },
    { serveHttp },
    { serveSync },
    { serveControl },
    { driveCrons },
  ] = await Promise.all([
    import("./program.mjs"),
    import("./host.mjs"),
    import("./http_api.mjs"),
    import("./sync.mjs"),
    import("./control.mjs"),
    import("./crons.mjs"),
  ]);
  const program = await loadProgram(path.resolve(directory));
  const host = new Host(program, values["admin-key"]);
  serveHttp(host);
  serveSync(host);
  const url = await host.listen(Number(values.port));
  const control = await serveControl(host);
  if (values.crons) driveCrons(host, program.crons);
  process.stdout.write(`${JSON.stringify({ url, control })}\n`);
}

for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
process.stdin.resume().on("close", () => process.exit(0));
start().catch(fail);
