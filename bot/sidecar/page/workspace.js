/** The app beside the conversation: preview, files, versions. */

import { ago, h, icon, reconcile, setText, show, size } from "/page/dom.js";

const TABS = [["preview", "Preview"], ["files", "Files"], ["versions", "Versions"]];
const ACTION_WORD = { created: "new", updated: "changed", deleted: "deleted" };

/**
 * @param {{readFile: (path: string) => Promise<string>, onRestore: (fragmentId: string) => void, onStart: () => void}} actions
 */
export function workspace({ readFile, onRestore, onStart }) {
  const preview = previewPane(onStart);
  const files = filesPane(readFile);
  const versions = versionsPane(onRestore);
  const panes = { preview: preview.element, files: files.element, versions: versions.element };
  const tabs = tabList(panes);
  const open = h("a", { class: "button small", target: "_blank", rel: "noopener noreferrer", hidden: true }, "Open preview", icon("external"));
  const download = h("a", { class: "button small", download: "", hidden: true }, icon("download"), "Download zip");
  const element = h(
    "section",
    { class: "workspace", "aria-label": "App" },
    h("div", { class: "workspace-bar" }, tabs.element, h("span", { class: "grow" }), download, open),
    Object.values(panes),
  );

  return {
    element,
    select: tabs.select,
    /** @param {{url: string | null, version: string, message: string, live: boolean, startable: boolean}} about */
    preview(about) {
      preview.render(about);
      show(open, Boolean(about.url));
      if (about.url) open.href = about.url;
    },
    /** @param {{path: string, bytes: number | null, action: string | null}[]} list */
    files(list, { follow, token }) {
      files.render(list, follow, token);
    },
    versions(list, head, locked) {
      versions.render(list, head, locked);
    },
    download(href) {
      show(download, Boolean(href));
      if (href) download.href = href;
    },
  };
}

function tabList(panes) {
  const buttons = TABS.map(([key, label]) =>
    h("button", { type: "button", role: "tab", id: `tab-${key}`, "aria-controls": `pane-${key}`, onclick: () => select(key) }, label),
  );
  const element = h("div", { class: "tabs", role: "tablist", "aria-label": "App" }, buttons);
  function select(key) {
    TABS.forEach(([name], index) => {
      const chosen = name === key;
      buttons[index].setAttribute("aria-selected", String(chosen));
      buttons[index].tabIndex = chosen ? 0 : -1;
      show(panes[name], chosen);
    });
  }
  element.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = (buttons.indexOf(document.activeElement) + step + TABS.length) % TABS.length;
    select(TABS[at][0]);
    buttons[at].focus();
  });
  for (const [key] of TABS) {
    panes[key].id = `pane-${key}`;
    panes[key].setAttribute("role", "tabpanel");
    panes[key].setAttribute("aria-labelledby", `tab-${key}`);
  }
  select("preview");
  return { element, select };
}

/** An app in a frame of another origin: it may run, it may not reach the page around it. */
function previewPane(onStart) {
  const sketch = h("div", { class: "sketch", "aria-hidden": "true" }, h("i"), h("i"), h("i"), h("i"));
  const message = h("p", {});
  const start = h("button", { type: "button", class: "button small", onclick: onStart }, icon("reload"), "Check and start");
  const waiting = h("div", { class: "waiting" }, sketch, message, start);
  const element = h("div", { class: "pane preview" }, waiting);
  let frame = null;
  let shown = "";

  function render({ url, version, message: text, live, startable }) {
    setText(message, text);
    waiting.classList.toggle("live", live);
    show(start, startable);
    show(waiting, !url);
    const wanted = url ? `${url} ${version}` : "";
    if (wanted === shown) return;
    shown = wanted;
    frame?.remove();
    frame = url ? appFrame(url) : null;
    if (frame) element.append(frame);
  }
  return { element, render };
}

function appFrame(url) {
  return h("iframe", {
    title: "Preview of the app",
    sandbox: "allow-scripts allow-forms allow-same-origin allow-popups allow-modals allow-downloads",
    referrerpolicy: "no-referrer",
    allow: "",
    src: url,
  });
}

function filesPane(readFile) {
  const list = h("ul", { class: "tree" });
  const name = h("span", { class: "file-name" });
  const code = h("pre", { class: "code", tabindex: 0, "aria-label": "File content" });
  const empty = h("p", { class: "empty" }, "Files appear here as they are written.");
  const element = h("div", { class: "pane files" }, empty, list, h("div", { class: "viewer" }, h("div", { class: "viewer-bar" }, name), code));
  let chosen = null;
  let pinned = false;
  let shownToken = null;

  async function open(path, token) {
    chosen = path;
    shownToken = token;
    setText(name, path);
    for (const row of list.querySelectorAll("button")) row.setAttribute("aria-current", String(row.dataset.path === path));
    const wanted = `${path} ${token}`;
    element.dataset.wanted = wanted;
    const text = await readFile(path).catch((error) => `This file cannot be shown: ${error.message}`);
    if (element.dataset.wanted === wanted) code.textContent = text;
  }

  function render(files, follow, token) {
    const sorted = [...files].sort((a, b) => a.path.localeCompare(b.path));
    show(empty, sorted.length === 0);
    element.classList.toggle("bare", sorted.length === 0);
    reconcile(
      list,
      sorted,
      (file) => file.path,
      (file) => h("li", {}, fileRow(file, () => ((pinned = true), open(file.path, shownToken)))),
      (row, file) => {
        const button = row.firstElementChild;
        button.dataset.action = file.action ?? "";
        button.disabled = file.action === "deleted";
        const meta = [file.action && ACTION_WORD[file.action], file.bytes !== null && file.action !== "deleted" && size(file.bytes)];
        setText(button.lastElementChild, meta.filter(Boolean).join(" · "));
      },
    );
    const readable = sorted.filter((file) => file.action !== "deleted");
    const newest = !pinned && follow && readable.some((file) => file.path === follow) ? follow : chosen;
    const next = readable.some((file) => file.path === newest) ? newest : (readable[0]?.path ?? null);
    if (next !== null && (next !== chosen || token !== shownToken)) open(next, token);
    if (next === null) {
      chosen = null;
      setText(name, "");
      code.textContent = "";
    }
  }
  return { element, render };
}

function fileRow(file, onclick) {
  const cut = file.path.lastIndexOf("/") + 1;
  return h(
    "button",
    { type: "button", class: "file", "data-path": file.path, title: file.path, onclick },
    h("span", { class: "file-path" }, h("span", { class: "folder" }, file.path.slice(0, cut)), h("bdi", {}, file.path.slice(cut))),
    h("span", { class: "file-meta" }),
  );
}

function versionsPane(onRestore) {
  const list = h("ol", { class: "versions" });
  const empty = h("p", { class: "empty" }, "Each finished change leaves a version here. You can always go back.");
  const element = h("div", { class: "pane" }, empty, list);
  function render(versions, head, locked) {
    show(empty, versions.length === 0);
    reconcile(
      list,
      versions.map((version, index) => ({ ...version, number: versions.length - index })),
      (version) => version.fragmentId,
      (version) => versionRow(version, onRestore),
      (row, version) => {
        const current = version.fragmentId === head;
        row.classList.toggle("current", current);
        show(row.querySelector(".now"), current);
        const button = row.querySelector("button");
        show(button, !current);
        button.disabled = locked;
      },
    );
  }
  return { element, render };
}

function versionRow(version, onRestore) {
  const what = [version.restoredFrom && "restored", `${version.files} files`, ago(version.createdAt)].filter(Boolean).join(" · ");
  return h(
    "li",
    {},
    h("span", { class: "version-number" }, String(version.number)),
    h("span", { class: "version-text" }, h("span", { class: "version-title" }, version.title || "Untitled"), h("span", { class: "version-meta" }, what)),
    h("span", { class: "now" }, "Current"),
    h("button", { type: "button", class: "button small", "aria-label": `Restore version ${version.number}`, onclick: () => onRestore(version.fragmentId) }, icon("restore"), "Restore"),
  );
}
