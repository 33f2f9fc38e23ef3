/**
 * A stand-in for Clerk's browser script: the parts of `window.Clerk` that a page uses.
 * It signs in whoever is named, by asking the instance that served it.
 */
(() => {
  const script = document.currentScript;
  const api = new URL(script.src).origin;
  const KEPT = "fake clerk session";
  const listeners = new Set();
  let cached = null;

  const clerk = {
    loaded: false,
    client: null,
    session: null,
    user: null,
    organization: null,

    async load() {
      const key = script.dataset.clerkPublishableKey ?? "";
      const host = atob(key.replace(/^pk_(test|live)_/, ""));
      if (host !== `${new URL(api).host}$`) throw new Error("The publishable key is of another instance.");
      await refresh();
      clerk.loaded = true;
    },
    addListener(listener) {
      listeners.add(listener);
      listener(resources());
      return () => listeners.delete(listener);
    },
    mountSignIn: (node) => node.append(form("#/factor-one")),
    unmountSignIn: (node) => node.replaceChildren(),
    openSignIn() {
      const dialog = document.createElement("dialog");
      dialog.setAttribute("aria-label", "Sign in");
      dialog.append(form());
      document.body.append(dialog);
      dialog.showModal();
      const stop = clerk.addListener(({ session }) => {
        if (!session) return;
        dialog.remove();
        queueMicrotask(() => stop());
      });
    },
    /** There it is a page of its own; here the same form, and then the address to come back to. */
    redirectToSignIn({ signInForceRedirectUrl }) {
      clerk.openSignIn();
      const stop = clerk.addListener(({ session }) => {
        if (!session) return;
        queueMicrotask(() => stop());
        location.assign(signInForceRedirectUrl);
      });
    },
    async signOut() {
      await ask(`/v1/client/sessions/${clerk.session?.id}/end`);
      localStorage.removeItem(KEPT);
      await refresh();
    },
    async setActive({ organization }) {
      await ask(`/v1/client/sessions/${clerk.session.id}/touch`, { organization });
      await refresh();
    },
  };

  /** One in the page has its steps in the address, as Clerk's has; one above the page has not. */
  function form(step = null) {
    const made = document.createElement("form");
    const label = document.createElement("label");
    const box = document.createElement("input");
    const button = document.createElement("button");
    box.name = "identifier";
    label.append("Email address ", box);
    button.append("Continue");
    made.append(label, button);
    made.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (step) location.hash = step;
      const { session } = await ask("/v1/client/sign_ins", { identifier: box.value });
      localStorage.setItem(KEPT, session);
      await refresh();
    });
    return made;
  }

  function resources() {
    const { client, session, user, organization } = clerk;
    return { client, session, user, organization };
  }

  /** Ask the instance who is signed in, and tell who listens. */
  async function refresh() {
    const kept = localStorage.getItem(KEPT);
    const found = kept ? await ask(`/v1/client/sessions/${kept}`).catch(() => null) : null;
    cached = null;
    clerk.session = found && { id: kept, getToken };
    clerk.user = found?.user ?? null;
    clerk.organization = found?.organization ?? null;
    for (const listener of [...listeners]) listener(resources());
  }

  /** As Clerk's: a token is used again until shortly before its end; none once signed out. */
  async function getToken({ skipCache = false } = {}) {
    if (cached && !skipCache && cached.until > Date.now()) return cached.jwt;
    const found = await ask(`/v1/client/sessions/${clerk.session.id}/tokens`).catch(() => null);
    if (!found) {
      await refresh();
      return null;
    }
    if (!found.jwt) return null;
    cached = { jwt: found.jwt, until: Date.now() + 1000 * (found.life_s - 10) };
    return found.jwt;
  }

  async function ask(path, body = {}) {
    const answer = await fetch(api + path, { method: "POST", body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`Clerk answered ${answer.status}`);
    return answer.json();
  }

  window.Clerk = clerk;
})();
