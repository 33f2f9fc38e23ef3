import { httpActionGeneric as httpAction, httpRouter, makeFunctionReference } from "convex/server";

const http = httpRouter();

http.route({
  path: "/notes",
  method: "POST",
  handler: httpAction(async (ctx, request) => {
    await ctx.runMutation(makeFunctionReference<"mutation">("notes:add"), {
      text: await request.text(),
    });
    return new Response("written", { status: 201 });
  }),
});

export default http;
