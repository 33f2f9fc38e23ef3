/** Whether this deployment answers, and which version of the functions it runs. */
import { v } from "convex/values";

import { serviceQuery } from "./lib/access";
import { VERSION } from "./lib/version";

export const check = serviceQuery({
  args: {},
  returns: v.object({ version: v.number() }),
  handler: async () => ({ version: VERSION }),
});
