/**
 * Whose tokens this deployment believes: our own processes' (the service) and, where sign-in is
 * configured, Clerk's.
 *
 * Convex refuses a deployment in which this file reads a variable that is not set, also behind an
 * `if` (get-convex/convex-backend issue 315). So there is one variable, and it is required:
 * `zapdev convex auth` prints it.
 */
import type { AuthConfig, AuthProvider } from "convex/server";

/** Both token issuers name this as their audience; Clerk's template for Convex does by itself. */
const AUDIENCE = "convex";

/** What `zapdev convex auth` writes: data URIs of public keys, and Clerk's address if there is one. */
type Issuers = { service: string; clerk?: string; clerkJwks?: string };

const issuers = JSON.parse(process.env.ZAPDEV_AUTH ?? "{}") as Issuers;

const service: AuthProvider = {
  type: "customJwt",
  issuer: "https://zapdev.app/service",
  applicationID: AUDIENCE,
  jwks: issuers.service,
  algorithm: "ES256",
};

function clerk(issuer: string, jwks: string | undefined): AuthProvider {
  if (jwks === undefined) return { domain: issuer, applicationID: AUDIENCE };
  return { type: "customJwt", issuer, applicationID: AUDIENCE, jwks, algorithm: "RS256" };
}

export default {
  providers: issuers.clerk ? [service, clerk(issuers.clerk, issuers.clerkJwks)] : [service],
} satisfies AuthConfig;
