// Where an auth provider's public keys come from: a data: URI, or an address on loopback. The
// host never speaks to anything that is not on this machine.
import { HttpError } from "./answers.mjs";

const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);
const FRESH_MS = 60_000;

/** @typedef {Record<string, any>} Jwk */

export class KeySource {
  /** @type {Map<string, { read: number, keys: Jwk[] }>} */
  #cache = new Map();

  /**
   * The key with this id; looked for again once when a cached set does not have it.
   * @param {Record<string, any>} provider
   * @param {string} kid
   * @returns {Promise<Jwk>}
   */
  async find(provider, kid) {
    const cached = this.#cache.get(addressOf(provider));
    const fresh = cached && performance.now() - cached.read < FRESH_MS ? cached.keys : [];
    const found = withId(fresh, kid) ?? withId(await this.#read(provider), kid);
    if (found) return found;
    throw new HttpError(401, "Unauthenticated", `The JWKS has no key with the id '${kid}'`);
  }

  /** @param {Record<string, any>} provider */
  async #read(provider) {
    const keys = (await jwksOf(provider)).keys ?? [];
    this.#cache.set(addressOf(provider), { read: performance.now(), keys });
    return keys;
  }
}

/** @param {Record<string, any>} provider */
function addressOf(provider) {
  return provider.jwks ?? provider.domain;
}

/**
 * @param {Jwk[]} keys
 * @param {string} kid
 */
function withId(keys, kid) {
  return keys.find((key) => key.kid === kid);
}

/**
 * A customJwt provider names its JWKS; an OIDC one is asked where it is
 * (docs.convex.dev/auth/advanced/custom-auth).
 * @param {Record<string, any>} provider
 */
async function jwksOf(provider) {
  if (provider.jwks?.startsWith("data:")) return readDataUri(provider.jwks);
  if (provider.jwks) return getJson(provider.jwks);
  const domain = provider.domain.replace(/\/$/, "");
  const found = await getJson(`${domain}/.well-known/openid-configuration`);
  return getJson(found.jwks_uri);
}

/** @param {string} uri */
function readDataUri(uri) {
  const comma = uri.indexOf(",");
  const content = uri.slice(comma + 1);
  const isBase64 = uri.slice(0, comma).endsWith(";base64");
  return JSON.parse(isBase64 ? `${Buffer.from(content, "base64")}` : decodeURIComponent(content));
}

/**
 * @param {string} address
 * @returns {Promise<any>}
 */
async function getJson(address) {
  const refused = (/** @type {string} */ why) =>
    new HttpError(401, "AuthProviderDiscoveryFailed", `Could not read ${address}: ${why}`);
  if (!URL.canParse(address)) throw refused("it is not an address");
  if (!LOOPBACK.has(new URL(address).hostname)) throw refused("this host stays on loopback");
  try {
    const answer = await fetch(address, { redirect: "error", signal: AbortSignal.timeout(5_000) });
    if (!answer.ok) throw refused(`status ${answer.status}`);
    return await answer.json();
  } catch (error) {
    throw error instanceof HttpError ? error : refused(`${error}`);
  }
}
