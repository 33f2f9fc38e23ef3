/** The files of the app: the tree, and the one that is open. */

import { codeView } from "/page/code.js";
import { h, icon, setText, show } from "/page/dom.js";
import { fileTree } from "/page/tree.js";

/** @param {{readFile: (path: string) => Promise<string>, say: (text: string) => void}} actions */
export function filesPane({ readFile, say }) {
  const code = codeView();
  const tree = fileTree({ onOpen: (path) => ((pinned = true), open(path, shownToken)) });
  const name = h("bdi", { class: "viewer-name" });
  const wrap = h(
    "button",
    {
      type: "button",
      class: "tool",
      "aria-pressed": "false",
      "aria-label": "Wrap long lines",
      title: "Wrap long lines",
    },
    icon("wrap"),
  );
  const copy = h(
    "button",
    { type: "button", class: "tool", "aria-label": "Copy the file", title: "Copy the file" },
    icon("copy"),
  );
  const viewer = h(
    "div",
    { class: "viewer" },
    h("div", { class: "viewer-bar" }, name, wrap, copy),
    code.element,
  );
  const empty = h("p", { class: "empty" }, "Files appear here as they are written.");
  const element = h("div", { class: "pane files" }, empty, tree.element, viewer);
  let list = [];
  let chosen = null;
  let pinned = false;
  let shownToken = null;
  let text = null;

  wrap.addEventListener("click", () => {
    wrap.setAttribute("aria-pressed", String(code.element.classList.toggle("wrapped")));
  });
  copy.addEventListener("click", () => {
    if (text !== null)
      navigator.clipboard.writeText(text).then(
        () => say("File copied"),
        () => {},
      );
  });

  async function open(path, token) {
    const moved = path !== chosen;
    chosen = path;
    shownToken = token;
    setText(name, path);
    tree.render(list, chosen);
    const wanted = `${path} ${token}`;
    element.dataset.wanted = wanted;
    const found = await readFile(path).catch((error) => error);
    if (element.dataset.wanted !== wanted) return;
    text = typeof found === "string" ? found : null;
    show(copy, text !== null);
    if (text === null) code.say(`This file cannot be shown: ${found.message}`);
    else code.show(path, text);
    if (moved) code.element.scrollTop = 0;
  }

  return {
    element,
    /** `follow`: the file being written now; `token` changes when an open file may have changed. */
    render(files, { follow, token }) {
      list = files;
      show(empty, files.length === 0);
      element.classList.toggle("bare", files.length === 0);
      const readable = new Set(
        files.filter((file) => file.action !== "deleted").map((file) => file.path),
      );
      const newest = !pinned && readable.has(follow) ? follow : chosen;
      const next = readable.has(newest) ? newest : (first(readable) ?? null);
      if (next !== null && (next !== chosen || token !== shownToken)) open(next, token);
      else tree.render(list, next);
      if (next !== null) return;
      chosen = null;
      text = null;
      setText(name, "");
      code.say("");
    },
  };
}

/** What a person wants to see first. */
function first(paths) {
  const liked = /(^|\/)(App|page|index|main)\.(tsx|jsx|vue|svelte|ts|js|html)$|app\.component\.ts$/;
  return [...paths].find((path) => liked.test(path)) ?? [...paths][0];
}
