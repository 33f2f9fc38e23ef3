import { cronJobs, makeFunctionReference } from "convex/server";

const crons = cronJobs();
crons.interval("wipe", { hours: 1 }, makeFunctionReference<"mutation">("notes:wipe"));
export default crons;
