/** What this deployment answers on its site's address: that it is there. */
import { httpRouter } from "convex/server";

import { httpAction } from "./_generated/server";
import { VERSION } from "./lib/version";

const http = httpRouter();

http.route({
  path: "/healthz",
  method: "GET",
  handler: httpAction(async () => Response.json({ ok: true, version: VERSION })),
});

export default http;
