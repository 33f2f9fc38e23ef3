// Clerk's own verifier for JavaScript, line by line: a request {token, key, parties} on stdin, an
// answer {ok, reason?, orgId?, orgRole?, permissions?} on stdout. Networkless: the key is given.
import { createInterface } from "node:readline";
import { verifyToken } from "@clerk/backend";
import { __experimental_JWTPayloadToAuthObjectProperties as read } from "@clerk/shared/jwtPayloadParser";

for await (const line of createInterface({ input: process.stdin })) {
  const { token, key, parties } = JSON.parse(line);
  let answer;
  try {
    const { orgId, orgRole, orgPermissions, userId, sessionId } = read(
      await verifyToken(token, { jwtKey: key, authorizedParties: parties }),
    );
    answer = { ok: true, orgId, orgRole, orgPermissions, userId, sessionId };
  } catch (error) {
    answer = { ok: false, reason: error.reason ?? error.message };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
