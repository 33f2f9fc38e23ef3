/** What happens by itself: nothing more often than hourly, as every call counts. */
import { cronJobs } from "convex/server";

import { internal } from "./_generated/api";

const crons = cronJobs();

crons.interval("retention", { hours: 6 }, internal.retention.sweep, {});

export default crons;
