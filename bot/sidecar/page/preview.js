/** The app in a frame of another origin: it may run, it may not reach the page around it. */

import { confirmed } from "/page/confirm.js";
import { h, icon, setText, show, webAddress } from "/page/dom.js";

/**
 * @param {{onStart: () => void, onRenew: () => Promise<void>, say: (text: string) => void}} actions
 */
export function previewPane({ onStart, onRenew, say }) {
  const at = parts();
  let address = null;
  let frame = null;
  let shown = "";

  function load() {
    frame?.remove();
    frame = address ? appFrame(address) : null;
    if (frame) at.stage.append(frame);
  }

  async function copy() {
    await navigator.clipboard.writeText(at.link.value).then(
      () => say("Link copied"),
      () => (at.link.select(), say("Press Ctrl+C to copy the link")),
    );
  }

  async function renew() {
    const words =
      "The link that people have now opens nothing any more. Whoever should see the app needs the new one.";
    if (await confirmed("Make a new link?", words, "Make a new link")) await onRenew();
  }

  at.reload.addEventListener("click", load);
  at.copy.addEventListener("click", copy);
  at.renew.addEventListener("click", renew);
  at.start.addEventListener("click", onStart);
  at.phone.addEventListener("click", () => {
    const narrow = at.stage.classList.toggle("phone");
    at.phone.setAttribute("aria-pressed", String(narrow));
  });

  return {
    element: at.element,
    /**
     * `version` changes when the frame has to be loaded anew; `link` is what may be given to others,
     * and `kept` whether it is the app's own, which stays and can be renewed.
     * @param {{url: string | null, link: string | null, kept: boolean, version: string, message: string, live: boolean,
     *          startable: boolean}} about
     */
    render({ url, link, kept, version, message, live, startable }) {
      setText(at.message, message);
      at.waiting.classList.toggle("live", live);
      show(at.start, startable);
      address = url && webAddress(url);
      show(at.waiting, !address);
      show(at.bar, Boolean(address));
      show(at.renew, kept);
      const told = (link && webAddress(link)) ?? "";
      if (at.link.value !== told) at.link.value = told;
      const wanted = address ? `${address} ${version}` : "";
      if (wanted === shown) return;
      shown = wanted;
      load();
    },
  };
}

function parts() {
  const tool = (name, label, words) =>
    h(
      "button",
      { type: "button", class: "tool", "aria-label": label, title: label },
      icon(name),
      words,
    );
  const at = {
    reload: tool("reload", "Load the app again"),
    link: h("input", {
      class: "address",
      readonly: true,
      "aria-label": "Link to the app",
      spellcheck: "false",
    }),
    copy: tool("copy", "Copy the link"),
    renew: tool("key", "Make a new link"),
    phone: tool("phone", "As wide as a phone"),
    message: h("p", {}),
    start: h(
      "button",
      { type: "button", class: "button small" },
      icon("reload"),
      "Check and start",
    ),
  };
  at.phone.setAttribute("aria-pressed", "false");
  at.bar = h("div", { class: "preview-bar" }, at.reload, at.link, at.copy, at.renew, at.phone);
  const sketch = h(
    "div",
    { class: "sketch", "aria-hidden": "true" },
    h("i"),
    h("i"),
    h("i"),
    h("i"),
  );
  at.waiting = h("div", { class: "waiting" }, sketch, at.message, at.start);
  at.stage = h("div", { class: "stage" }, at.waiting);
  at.element = h("div", { class: "pane preview" }, at.bar, at.stage);
  return at;
}

/** No way to the top page, no address told, no camera, no place; a storage of its own. */
function appFrame(url) {
  return h("iframe", {
    title: "Preview of the app",
    sandbox:
      "allow-scripts allow-forms allow-same-origin allow-popups allow-modals allow-downloads",
    referrerpolicy: "no-referrer",
    allow: "",
    credentialless: true,
    src: url,
  });
}
