// Who is calling: a deploy key, or a JWT that is checked against auth.config.ts. The rules are
// docs.convex.dev/auth/advanced/{custom-jwt,custom-auth}; codes and words those of
// get-convex/convex-backend, crates/authentication/src/{lib,application_auth}.rs.
import { createPublicKey, timingSafeEqual, verify } from "node:crypto";

import { HttpError } from "./answers.mjs";
import { ADMIN, NOBODY } from "./deployment.mjs";
import { KeySource } from "./keys.mjs";

const SKEW_S = 60;
const KEPT = 1000;
/** @type {Record<string, { kty: string, crv?: string }>} */
const ALGORITHMS = { ES256: { kty: "EC", crv: "P-256" }, RS256: { kty: "RSA" } };
const REGISTERED = new Set(["iss", "sub", "aud", "exp", "iat", "nbf"]);
/** Claims that Convex also shows under a name of its own (`UserIdentity` of convex/server). */
const RENAMED = {
  given_name: "givenName",
  family_name: "familyName",
  preferred_username: "preferredUsername",
  profile: "profileUrl",
  picture: "pictureUrl",
  email_verified: "emailVerified",
  birthdate: "birthday",
  zoneinfo: "timezone",
  locale: "language",
  phone_number: "phoneNumber",
  phone_number_verified: "phoneNumberVerified",
  updated_at: "updatedAt",
};

/** @typedef {import("./deployment.mjs").Caller} Caller */
/** @typedef {{ header: any, claims: any, signed: Buffer, signature: Buffer }} Token */

const invalid = (/** @type {string} */ message) => new HttpError(401, "InvalidAuthHeader", message);
const refused = (/** @type {string} */ message) => new HttpError(401, "Unauthenticated", message);

export class Doorkeeper {
  #providers;
  #adminKey;
  #keys = new KeySource();
  /** @type {Map<string, Token>} tokens whose signature has been found good */
  #verified = new Map();

  /**
   * @param {Record<string, any>[]} providers of auth.config.ts
   * @param {string | undefined} adminKey
   */
  constructor(providers, adminKey) {
    this.#providers = providers;
    this.#adminKey = adminKey;
  }

  /**
   * @param {string | undefined} header `Authorization: Bearer <jwt>` or `Convex <deploy key>`
   * @returns {Promise<Caller>}
   */
  async fromHeader(header) {
    if (header === undefined) return NOBODY;
    const [, scheme = "", credential = ""] = /^(\w+) +(.+)$/.exec(header.trim()) ?? [];
    if (scheme.toLowerCase() === "bearer") return this.fromToken(credential);
    if (scheme === "Convex") return this.fromKey(credential);
    throw invalid("Header must begin with `Bearer ` or `Convex `");
  }

  /**
   * @param {string} key
   * @returns {Caller}
   */
  fromKey(key) {
    const [given, right] = [Buffer.from(key), Buffer.from(this.#adminKey ?? "")];
    const isRight = given.length === right.length && timingSafeEqual(given, right);
    if (this.#adminKey && isRight) return ADMIN;
    throw new HttpError(401, "BadAdminKey", "The provided admin key was invalid for this instance");
  }

  /**
   * @param {string} text
   * @returns {Promise<Caller>}
   */
  async fromToken(text) {
    const token = this.#verified.get(text) ?? parse(text);
    const provider = this.#providerOf(token.claims);
    if (!this.#verified.has(text)) {
      await this.#checkSignature(token, provider);
      this.#remember(text, token);
    }
    checkTimes(token.claims);
    return { isAdmin: false, identity: identityOf(token.claims) };
  }

  /**
   * Without regard to a slash at an issuer's end, which Auth0 is known for (lib.rs).
   * @param {any} claims
   */
  #providerOf(claims) {
    const audiences = [claims.aud ?? []].flat();
    const found = this.#providers.find(
      (provider) =>
        bare(provider.issuer ?? provider.domain) === bare(claims.iss) &&
        (provider.applicationID === undefined || audiences.includes(provider.applicationID)),
    );
    if (found) return found;
    throw new HttpError(401, "NoAuthProvider", "No auth provider found matching the given token");
  }

  /**
   * @param {Token} token
   * @param {Record<string, any>} provider
   */
  async #checkSignature({ header, signed, signature }, provider) {
    const isCustom = provider.type === "customJwt";
    const wanted = ALGORITHMS[header.alg];
    if (!wanted || (isCustom && header.alg !== provider.algorithm)) {
      throw refused(`The token's algorithm '${header.alg}' is not the provider's`);
    }
    if (typeof header.kid !== "string") throw refused("The token's header has no kid");
    if (isCustom && header.typ !== "JWT") throw refused("The token's typ is not JWT");
    const jwk = await this.#keys.find(provider, header.kid);
    if (
      jwk.kty !== wanted.kty ||
      jwk.crv !== wanted.crv ||
      (jwk.alg ?? header.alg) !== header.alg
    ) {
      throw refused("The key is not one for the token's algorithm");
    }
    const key = createPublicKey({ key: jwk, format: "jwk" });
    if (!verify("sha256", signed, { key, dsaEncoding: "ieee-p1363" }, signature)) {
      throw refused("Could not verify the token's signature");
    }
  }

  /**
   * @param {string} text
   * @param {Token} token
   */
  #remember(text, token) {
    if (this.#verified.size >= KEPT) this.#verified.clear();
    this.#verified.set(text, token);
  }
}

/**
 * @param {string} text
 * @returns {Token}
 */
function parse(text) {
  const parts = text.split(".");
  if (parts.length !== 3) throw invalid("Could not parse as id token");
  const [head = "", payload = "", tail = ""] = parts;
  const [header, claims] = [jsonPart(head), jsonPart(payload)];
  if (typeof claims.iss !== "string" || typeof claims.sub !== "string") {
    throw invalid("The token has no iss or no sub");
  }
  const signed = Buffer.from(`${head}.${payload}`);
  return { header, claims, signed, signature: Buffer.from(tail, "base64url") };
}

/** @param {string} part */
function jsonPart(part) {
  try {
    const value = JSON.parse(`${Buffer.from(part, "base64url")}`);
    if (value instanceof Object) return value;
  } catch {
    // Neither is this: both end in the one answer below.
  }
  throw invalid("Could not parse as id token");
}

/** @param {any} claims */
function checkTimes({ exp, nbf, iat }) {
  const now = Date.now() / 1000;
  if (typeof exp !== "number") throw refused("The token has no exp");
  if (exp <= now) throw new HttpError(401, "IdTokenExpired", `Token expired at ${exp}`);
  for (const [name, time] of Object.entries({ nbf, iat })) {
    if (time === undefined) continue;
    if (typeof time !== "number" || time > now + SKEW_S)
      throw refused(`The token's ${name} is in the future`);
  }
}

/** @param {any} claims */
function identityOf(claims) {
  const own = Object.entries(claims).filter(([name]) => !REGISTERED.has(name));
  const renamed = Object.entries(RENAMED).filter(([claim]) => claim in claims);
  return {
    ...Object.fromEntries(own),
    ...Object.fromEntries(renamed.map(([claim, name]) => [name, claims[claim]])),
    issuer: claims.iss,
    subject: claims.sub,
    tokenIdentifier: `${claims.iss}|${claims.sub}`,
  };
}

/** @param {string} address */
function bare(address) {
  return address.replace(/\/+$/, "");
}
