/**
 * Who may call what. Every function of this deployment is made by one of these wrappers, or is
 * `internal`: anybody on the internet can call a public one.
 *
 * - service: our own processes, by a token they sign themselves (ES256, five minutes).
 * - owner: a person's frontend, by a Clerk token. Handlers get the owner the token speaks for and
 *   read that owner's rows only.
 */
import type { RegisteredMutation, RegisteredQuery, UserIdentity } from "convex/server";
import type {
  GenericValidator,
  Infer,
  ObjectType,
  PropertyValidators,
  Validator,
} from "convex/values";

import { mutation, query, type MutationCtx, type QueryCtx } from "../_generated/server";
import { refusal } from "./errors";

export const SERVICE_ISSUER = "https://zapdev.app/service";
export const SERVICE_SUBJECT = "zapdev";

type Returns = Validator<unknown, "required", string>;
/** What Convex's own builders are told; the signatures below keep the exact types. */
type AnyReturns = GenericValidator;
type Auth = Pick<QueryCtx, "auth">;

/** Throws `unauthenticated` unless the caller is one of our processes. */
async function requireService(ctx: Auth): Promise<void> {
  const identity = await ctx.auth.getUserIdentity();
  if (identity?.issuer !== SERVICE_ISSUER || identity.subject !== SERVICE_SUBJECT) {
    throw refusal("unauthenticated", "This function takes the service's token.");
  }
}

/** The owner a person's token speaks for. Throws `unauthenticated`. */
async function requireOwner(ctx: Auth): Promise<string> {
  const identity = await ctx.auth.getUserIdentity();
  if (identity === null || identity.issuer === SERVICE_ISSUER) {
    throw refusal("unauthenticated", "Sign in first.");
  }
  return ownerOf(identity);
}

/**
 * The organisation a token is active in, else the user. Clerk's session tokens carry it as `o.id`
 * (version 2) or `org_id` (version 1 and templates); Convex hands nested claims on with a dot.
 */
export function ownerOf(identity: UserIdentity): string {
  const nested = identity.o as { id?: string } | undefined;
  const organisation = identity.org_id ?? identity["o.id"] ?? nested?.id;
  return typeof organisation === "string" && organisation !== "" ? organisation : identity.subject;
}

/** A function as its file declares it; `args` and `returns` are checked by Convex. */
type Definition<Handler, A, R> = { args: A; returns: R; handler: Handler };
type Handler<Ctx, A extends PropertyValidators, R extends Returns, Rest extends unknown[] = []> = (
  ctx: Ctx,
  args: ObjectType<A>,
  ...rest: Rest
) => Promise<Infer<R>>;

/** A query for our own processes. */
export function serviceQuery<A extends PropertyValidators, R extends Returns>(
  fn: Definition<Handler<QueryCtx, A, R>, A, R>,
): RegisteredQuery<"public", ObjectType<A>, Promise<Infer<R>>> {
  const made = query({
    args: fn.args as PropertyValidators,
    returns: fn.returns as AnyReturns,
    handler: async (ctx, args) => {
      await requireService(ctx);
      return await fn.handler(ctx, args as ObjectType<A>);
    },
  });
  return guarded("service", made);
}

/** A mutation for our own processes. */
export function serviceMutation<A extends PropertyValidators, R extends Returns>(
  fn: Definition<Handler<MutationCtx, A, R>, A, R>,
): RegisteredMutation<"public", ObjectType<A>, Promise<Infer<R>>> {
  const made = mutation({
    args: fn.args as PropertyValidators,
    returns: fn.returns as AnyReturns,
    handler: async (ctx, args) => {
      await requireService(ctx);
      return await fn.handler(ctx, args as ObjectType<A>);
    },
  });
  return guarded("service", made);
}

/** A query for a person's frontend, which can subscribe to it. */
export function ownerQuery<A extends PropertyValidators, R extends Returns>(
  fn: Definition<Handler<QueryCtx, A, R, [owner: string]>, A, R>,
): RegisteredQuery<"public", ObjectType<A>, Promise<Infer<R>>> {
  const made = query({
    args: fn.args as PropertyValidators,
    returns: fn.returns as AnyReturns,
    handler: async (ctx, args) => {
      const owner = await requireOwner(ctx);
      return await fn.handler(ctx, args as ObjectType<A>, owner);
    },
  });
  return guarded("owner", made);
}

const guards = new WeakMap<object, "service" | "owner">();

function guarded<F extends object>(guard: "service" | "owner", fn: F): F {
  guards.set(fn, guard);
  return fn;
}

/** Which wrapper made a function; the access test finds the ones that none did. */
export function guardOf(fn: object): "service" | "owner" | undefined {
  return guards.get(fn);
}
