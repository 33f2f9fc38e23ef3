/**
 * Who is signed in, by Clerk's own browser script. Loaded only where the server says that people
 * sign in; without it nothing here asks any other host for anything.
 *
 * Its script: https://clerk.com/docs/js-frontend/getting-started/quickstart
 *
 * @typedef {{publishableKey: string, frontendApi: string}} SignIn  As `/api/info` has it.
 */

import { later } from "/page/wire.js";

const SCRIPT = "/npm/@clerk/clerk-js@5/dist/clerk.browser.js";
const LOADS_WITHIN_MS = 20_000;

/**
 * Load Clerk and look who is there. Throws when it cannot be loaded.
 * @param {SignIn} about
 * @param {{onChange: () => void, onWaiting: (waiting: boolean) => void}} page
 *   `onChange`: somebody else is there now, or nobody. `onWaiting`: calls wait for somebody to sign in.
 */
export async function openSession(about, { onChange, onWaiting }) {
  const clerk = await load(about);
  const waiting = new Set();
  let known = identity(clerk);

  clerk.addListener(() => {
    const now = identity(clerk);
    if (now !== known) {
      known = now;
      onChange(); // first: what waited for somebody else is dropped with its view
    }
    if (clerk.session) for (const go of [...waiting]) go();
  });

  /** Wait until somebody is there. */
  async function somebody() {
    onWaiting(true);
    await new Promise((resolve) => {
      const go = () => (waiting.delete(go), resolve());
      waiting.add(go);
      if (clerk.session) go();
    });
    if (!waiting.size) onWaiting(false);
  }

  return {
    /** The session's token for one request; while nobody is signed in, or none is given, it waits. */
    async token(refused) {
      for (let failures = 1; ; failures += 1) {
        if (!clerk.session) await somebody();
        const fresh = refused || failures > 1;
        const token = await clerk.session?.getToken(fresh ? { skipCache: true } : {});
        if (token) return token;
        if (clerk.session) await later(failures);
      }
    },
    get person() {
      return clerk.user ? personOf(clerk) : null;
    },
    /** What a change of would mean other projects; empty while nobody is there. */
    get identity() {
      return identity(clerk);
    },
    /** Clerk's form, in the page or above it. */
    mount: (node) => clerk.mountSignIn(node, { forceRedirectUrl: location.href }),
    unmount: (node) => clerk.unmountSignIn(node),
    ask: () => clerk.openSignIn({ forceRedirectUrl: location.href }),
    /** Clerk's own page, and back here. */
    away: () => clerk.redirectToSignIn({ signInForceRedirectUrl: location.href }),
    signOut: () => clerk.signOut(),
    /** Act as this organisation, or with null as oneself. */
    actAs: (organization) => clerk.setActive({ organization }),
  };
}

async function load({ publishableKey, frontendApi }) {
  const script = document.createElement("script");
  script.src = frontendApi + SCRIPT;
  script.async = true;
  script.crossOrigin = "anonymous";
  script.dataset.clerkPublishableKey = publishableKey;
  const loaded = new Promise((resolve, reject) => {
    script.addEventListener("load", resolve);
    script.addEventListener("error", () =>
      reject(new Error("The sign-in service cannot be reached.")),
    );
    setTimeout(() => reject(new Error("The sign-in service does not answer.")), LOADS_WITHIN_MS);
  });
  document.head.append(script);
  try {
    await loaded;
    await window.Clerk.load();
  } catch (error) {
    script.remove();
    throw error;
  }
  return window.Clerk;
}

function identity({ user, organization }) {
  return user ? `${user.id} ${organization?.id ?? ""}` : "";
}

function personOf({ user, organization }) {
  const name = user.fullName || user.username || user.primaryEmailAddress?.emailAddress || "You";
  const organizations = (user.organizationMemberships ?? []).map((one) => ({
    id: one.organization.id,
    name: one.organization.name,
  }));
  return { name, organizations, active: organization?.id ?? null };
}
