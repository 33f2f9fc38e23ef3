// Crons by the clock, for a person who develops (`--crons`); a test runs a cron when it wants one.
import { report } from "./answers.mjs";
import { ROOT } from "./host.mjs";

const UNITS = { seconds: 1_000, minutes: 60_000, hours: 3_600_000 };

/**
 * Drives the intervals of the root deployment; says which crons it leaves alone.
 * @param {import("./host.mjs").Host} host
 * @param {import("./program.mjs").Program["crons"]} crons
 */
export function driveCrons(host, crons) {
  for (const [name, { schedule }] of Object.entries(crons)) {
    const ms = intervalOf(schedule);
    if (ms === 0) {
      process.stderr.write(
        `The cron "${name}" is ${schedule.type}: this host drives intervals only.\n`,
      );
      continue;
    }
    setInterval(() => host.deployment(ROOT).runCron(name).catch(report), ms);
  }
}

/** @param {Record<string, any>} schedule */
function intervalOf(schedule) {
  if (schedule.type !== "interval") return 0;
  return Object.entries(UNITS).reduce((sum, [unit, ms]) => sum + (schedule[unit] ?? 0) * ms, 0);
}
