/** The app's files as a tree: arrow keys move, right and left open and close folders. */

import { h, icon, reconcile, setText, show, size } from "/page/dom.js";

const ACTION_WORD = { created: "new", updated: "changed", deleted: "deleted" };

/**
 * @typedef {{path: string, bytes: number | null, action: string | null}} File
 * @typedef {{key: string, name: string, level: number, folder: boolean, file: File | null, open: boolean}} Row
 */

/** @param {{onOpen: (path: string) => void}} actions */
export function fileTree({ onOpen }) {
  const element = h("div", { class: "tree", role: "tree", "aria-label": "Files" });
  const closed = new Set();
  let files = [];
  let chosen = null;
  let focused = null;

  function press(row) {
    focused = row.key;
    if (files.some((file) => file.path === row.key && file.action === "deleted")) return draw();
    if (!row.folder) return onOpen(row.key);
    if (!closed.delete(row.key)) closed.add(row.key);
    return draw();
  }

  function draw() {
    const rows = rowsOf(files, closed);
    if (!rows.some((row) => row.key === focused)) focused = chosen ?? rows[0]?.key ?? null;
    reconcile(
      element,
      rows,
      (row) => row.key,
      (row) => rowElement(row, () => press(row)),
      (button, row) => update(button, row, { chosen, focused }),
    );
  }

  function go(key) {
    focused = key;
    draw();
    [...element.children].find((row) => row.dataset.key === key)?.focus();
  }

  element.addEventListener("keydown", (event) => {
    const rows = rowsOf(files, closed);
    const at = rows.findIndex((row) => row.key === focused);
    const next = target(event.key, rows, at);
    if (next === null) return;
    event.preventDefault();
    if (next === "open") closed.delete(rows[at].key);
    if (next === "close") closed.add(rows[at].key);
    go(typeof next === "string" ? focused : rows[next].key);
  });

  return {
    element,
    /** @param {File[]} list @param {string | null} open The file on screen. */
    render(list, open) {
      files = list;
      const moved = open !== null && open !== chosen;
      if (moved) for (const folder of foldersOf(open)) closed.delete(folder);
      chosen = open;
      draw();
      if (moved) reveal(element, open);
    },
  };
}

/** Scroll the tree, and only the tree, to a row. */
function reveal(tree, key) {
  const row = [...tree.children].find((one) => one.dataset.key === key);
  if (!row) return;
  const top = row.offsetTop - tree.offsetTop;
  if (top < tree.scrollTop || top > tree.scrollTop + tree.clientHeight - row.offsetHeight)
    tree.scrollTop = top - tree.clientHeight / 3;
}

/** What a key does in the row `at`: the row it leads to, or to open or close this one. */
function target(key, rows, at) {
  const row = rows[at];
  if (!row) return null;
  if (key === "ArrowDown") return Math.min(at + 1, rows.length - 1);
  if (key === "ArrowUp") return Math.max(at - 1, 0);
  if (key === "Home") return 0;
  if (key === "End") return rows.length - 1;
  if (key === "ArrowRight" && row.folder)
    return row.open ? Math.min(at + 1, rows.length - 1) : "open";
  if (key === "ArrowLeft" && row.folder && row.open) return "close";
  if (key === "ArrowLeft" && row.level > 1) {
    const folder = foldersOf(row.key).at(-1);
    return rows.findIndex((one) => one.key === folder);
  }
  return null;
}

/** `["src/", "src/ui/"]` for `src/ui/Card.tsx`. */
function foldersOf(path) {
  const parts = path.replace(/\/$/, "").split("/").slice(0, -1);
  return parts.map((_, at) => `${parts.slice(0, at + 1).join("/")}/`);
}

/** What is to be seen: folders before files, each by its name. @returns {Row[]} */
function rowsOf(files, closed) {
  const folders = new Set(files.flatMap((file) => foldersOf(file.path)));
  const all = [
    ...[...folders].map((key) => ({ key, folder: true, file: null })),
    ...files.map((file) => ({ key: file.path, folder: false, file })),
  ];
  return all
    .filter(({ key }) => !foldersOf(key).some((folder) => closed.has(folder)))
    .sort((a, b) => compare(a.key, b.key))
    .map(({ key, folder, file }) => ({
      key,
      folder,
      file,
      name: key.replace(/\/$/, "").split("/").at(-1),
      level: foldersOf(key).length + 1,
      open: folder && !closed.has(key),
    }));
}

function compare(one, other) {
  const [a, b] = [one.split("/"), other.split("/")];
  let at = 0;
  while (a[at] === b[at]) at += 1;
  if (!a[at] || !b[at]) return a[at] ? 1 : -1; // a folder, before what is in it
  const [aFolder, bFolder] = [at < a.length - 1, at < b.length - 1];
  if (aFolder !== bFolder) return aFolder ? -1 : 1;
  return a[at].localeCompare(b[at]);
}

function rowElement(row, onclick) {
  return h(
    "button",
    {
      type: "button",
      class: row.folder ? "folder" : "file",
      role: "treeitem",
      "aria-level": row.level,
      title: row.key,
      onclick,
    },
    row.folder ? icon("chevron") : h("span", { class: "file-dot", "aria-hidden": "true" }),
    h("bdi", { class: "file-name" }, row.name),
    h("span", { class: "file-meta" }),
  );
}

function update(button, row, { chosen, focused }) {
  button.style.setProperty("--level", String(row.level - 1));
  button.tabIndex = row.key === focused ? 0 : -1;
  if (row.folder) return button.setAttribute("aria-expanded", String(row.open));
  const gone = row.file.action === "deleted";
  button.dataset.action = row.file.action ?? "";
  button.setAttribute("aria-disabled", String(gone)); // arrow keys still pass over it
  button.setAttribute("aria-selected", String(row.key === chosen));
  const words = [
    ACTION_WORD[row.file.action],
    !gone && row.file.bytes !== null && size(row.file.bytes),
  ];
  const meta = button.lastElementChild;
  setText(meta, words.filter(Boolean).join(" · "));
  return show(meta, Boolean(meta.textContent));
}
