/** The app beside the conversation: preview, files, changes, versions. */

import { changesPane } from "/page/changes.js";
import { h, icon, show, webAddress } from "/page/dom.js";
import { filesPane } from "/page/files.js";
import { previewPane } from "/page/preview.js";
import { versionsPane } from "/page/versions.js";

const TABS = [
  ["preview", "Preview"],
  ["files", "Files"],
  ["changes", "Changes"],
  ["versions", "Versions"],
];

/**
 * @param {{readFile: (path: string) => Promise<string>, readChanges: (from: string, to: string) => Promise<any>,
 *          onRestore: (fragmentId: string) => void, onStart: () => void, onRenew: () => Promise<void>,
 *          onDownload: () => void, say: (text: string) => void}} actions
 */
export function workspace(actions) {
  const changes = changesPane(actions);
  const preview = previewPane(actions);
  const files = filesPane(actions);
  const versions = versionsPane({
    ...actions,
    onCompare(from, to) {
      changes.compare(from, to);
      tabs.select("changes");
      tabs.focus("changes");
    },
  });
  const all = { preview, files, changes, versions };
  const panes = Object.fromEntries(TABS.map(([key]) => [key, all[key].element]));
  const tabs = tabList(panes, (key) => changes.seen(key === "changes"));
  const open = h(
    "a",
    { class: "button small", target: "_blank", rel: "noopener noreferrer", hidden: true },
    "Open preview",
    icon("external"),
  );
  const download = h(
    "button",
    { type: "button", class: "button small", hidden: true, onclick: actions.onDownload },
    icon("download"),
    "Download zip",
  );
  const element = h(
    "section",
    { class: "workspace", "aria-label": "App" },
    h(
      "div",
      { class: "workspace-bar" },
      tabs.element,
      h("span", { class: "grow" }),
      download,
      open,
    ),
    Object.values(panes),
  );

  return {
    element,
    select: tabs.select,
    focus: () => tabs.element.querySelector("[aria-selected=true]").focus(),
    /** @param {Parameters<typeof preview.render>[0]} about */
    preview(about) {
      preview.render(about);
      const address = about.url && webAddress(about.url);
      show(open, Boolean(address));
      if (address) open.href = address;
    },
    files: files.render,
    versions(list, head, locked) {
      versions.render(list, head, locked);
      changes.versions(list);
    },
    download: (there) => show(download, there),
  };
}

/** @param {Record<string, HTMLElement>} panes @param {(key: string) => void} onSelect */
function tabList(panes, onSelect) {
  const buttons = TABS.map(([key, label]) =>
    h(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${key}`,
        "aria-controls": `pane-${key}`,
        onclick: () => select(key),
      },
      label,
    ),
  );
  const element = h("div", { class: "tabs", role: "tablist", "aria-label": "App" }, buttons);

  function select(key) {
    TABS.forEach(([name], index) => {
      const chosen = name === key;
      buttons[index].setAttribute("aria-selected", String(chosen));
      buttons[index].tabIndex = chosen ? 0 : -1;
      show(panes[name], chosen);
    });
    onSelect(key);
  }

  element.addEventListener("keydown", (event) => {
    const at = buttons.indexOf(document.activeElement);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const [key] = TABS.at(next % TABS.length);
    select(key);
    focus(key);
  });

  function focus(key) {
    buttons[TABS.findIndex(([name]) => name === key)].focus();
  }

  for (const [key] of TABS) {
    panes[key].id = `pane-${key}`;
    panes[key].setAttribute("role", "tabpanel");
    panes[key].setAttribute("aria-labelledby", `tab-${key}`);
  }
  select("preview");
  return { element, select, focus };
}
