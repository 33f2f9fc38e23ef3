/** The versions of the app, newest first: go back to one, or see what it changed. */

import { ago, h, icon, plural, reconcile, setText, show } from "/page/dom.js";

/** @param {{onRestore: (fragmentId: string) => void, onCompare: (from: string, to: string) => void}} actions */
export function versionsPane({ onRestore, onCompare }) {
  const list = h("ol", { class: "versions" });
  const empty = h(
    "p",
    { class: "empty" },
    "Each finished change leaves a version here. You can always go back.",
  );
  const element = h("div", { class: "pane" }, empty, list);

  function render(versions, head, locked) {
    show(empty, versions.length === 0);
    reconcile(
      list,
      numbered(versions).map((version, index) => ({
        ...version,
        before: versions[index + 1]?.fragmentId ?? null,
      })),
      (version) => version.fragmentId,
      (version) => row(version, { onRestore, onCompare }),
      (element, version) => {
        const current = version.fragmentId === head;
        const [restore] = element.querySelectorAll(".restore");
        element.classList.toggle("current", current);
        show(element.querySelector(".now"), current);
        show(restore, !current);
        restore.disabled = locked;
        setText(element.querySelector(".version-meta"), meta(version));
      },
    );
  }
  return { element, render };
}

/**
 * The versions with the numbers that people know them by; `from` is the one that was restored.
 * @param {{fragmentId: string, restoredFrom: string | null}[]} versions Newest first.
 */
export function numbered(versions) {
  const numbers = new Map(versions.map((one, index) => [one.fragmentId, versions.length - index]));
  return versions.map((version) => ({
    ...version,
    number: numbers.get(version.fragmentId),
    from: numbers.get(version.restoredFrom) ?? null,
  }));
}

function meta(version) {
  const files = plural(version.files, "file");
  return [version.from && `version ${version.from} again`, files, ago(version.createdAt)]
    .filter(Boolean)
    .join(" · ");
}

function row(version, { onRestore, onCompare }) {
  const title = version.title || "Untitled";
  const button = (kind, label, words, press) =>
    h(
      "button",
      { type: "button", class: `button small ${kind}`, "aria-label": label, onclick: press },
      ...words,
    );
  return h(
    "li",
    {},
    h("span", { class: "version-number" }, String(version.number)),
    h(
      "span",
      { class: "version-text" },
      h("span", { class: "version-title" }, title),
      h("span", { class: "version-meta" }),
    ),
    h("span", { class: "now" }, "Current"),
    version.before &&
      button("compare", `Changes of version ${version.number}`, ["Changes"], () =>
        onCompare(version.before, version.fragmentId),
      ),
    button("restore", `Restore version ${version.number}`, [icon("restore"), "Restore"], () =>
      onRestore(version.fragmentId),
    ),
  );
}
