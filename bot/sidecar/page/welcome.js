/** What somebody sees who is not signed in. */

import { h } from "/page/dom.js";

/** @param {{mount: (node: HTMLElement) => void, unmount: (node: HTMLElement) => void}} session */
export function welcome(session) {
  const form = h("div", { class: "sign-in" });
  const element = h(
    "div",
    { class: "home" },
    h("h1", {}, "What should we build?"),
    h(
      "p",
      { class: "lead" },
      "Sign in, say it in a sentence, and watch it being written, checked and started.",
    ),
    form,
  );
  return {
    element,
    open: () => session.mount(form),
    close: () => session.unmount(form),
  };
}

/** Sign-in is configured, and its service does not answer. @param {Error} error */
export function noSignIn(error) {
  return h(
    "div",
    { class: "home" },
    h("h1", {}, "Sign-in does not work just now"),
    h("p", { class: "lead" }, error.message),
    h("p", {}, "Your apps are safe. A blocker of scripts in this browser can be the reason, too."),
    h(
      "button",
      { type: "button", class: "button primary", onclick: () => location.reload() },
      "Try again",
    ),
  );
}
