/** What is different between two versions, file by file. */

import { pieces } from "/page/code.js";
import { ago, h, plural, reconcile, setText, show } from "/page/dom.js";

const ACTION_WORD = { created: "New file", updated: "Changed", deleted: "Deleted" };
const OMITTED = {
  binary: "Not text.",
  too_long: "Too long to be compared here. Download the zip to see it.",
};
const OPEN_FILES = 8;
const LINES_MAX = 3_000;

/** @param {{readChanges: (from: string | null, to: string) => Promise<any>}} actions */
export function changesPane({ readChanges }) {
  const from = picker("Compare");
  const to = picker("with");
  const tools = h("div", { class: "changes-bar" }, from.label, to.label);
  const empty = h(
    "p",
    { class: "empty" },
    "Two versions can be compared here, as soon as there are any.",
  );
  const about = h("p", { class: "changes-about", role: "status" });
  const again = h(
    "button",
    { type: "button", class: "button small", hidden: true, onclick: () => draw(true) },
    "Try again",
  );
  const list = h("div", { class: "changes-list" });
  const element = h("div", { class: "pane changes" }, empty, tools, about, again, list);
  let versions = [];
  let shown = "";
  let visible = false;
  let failed = false;

  /** After a failure the same is asked for again only when a person wants it: `anew`. */
  async function draw(anew = false) {
    const [before, after] = [from.select.value || null, to.select.value];
    const wanted = `${before} ${after}`;
    if (!visible || !after || (wanted === shown && !(anew && failed))) return;
    shown = wanted;
    failed = false;
    show(again, false);
    setText(about, "Comparing…");
    try {
      const { files } = await readChanges(before, after);
      if (wanted !== shown) return;
      setText(about, summary(files));
      list.replaceChildren(...files.map((file, at) => fileChange(file, at < OPEN_FILES)));
    } catch (error) {
      if (wanted !== shown) return;
      failed = true;
      show(again, true);
      setText(about, [error.message, error.hint].filter(Boolean).join(" "));
      list.replaceChildren();
    }
  }

  for (const { select } of [from, to]) select.addEventListener("change", () => draw(true));

  return {
    element,
    /** @param {any[]} found Newest first. */
    versions(found) {
      const newest = found[0]?.fragmentId;
      if (newest !== versions[0]?.fragmentId) {
        fill(
          from.select,
          [["", "The version before"], ...found.map(named(found.length))],
          found[1]?.fragmentId ?? "",
        );
        fill(to.select, found.map(named(found.length)), newest ?? "");
      }
      versions = found;
      show(empty, found.length === 0);
      show(tools, found.length > 0);
      draw();
    },
    compare(before, after) {
      from.select.value = before;
      to.select.value = after;
      draw(true);
    },
    /** The tab was opened or left: nothing is asked for that nobody sees. */
    seen(now) {
      visible = now;
      draw(now);
    },
  };
}

function picker(words) {
  const select = h("select", { class: "picker framed", "aria-label": words });
  return {
    select,
    label: h(
      "label",
      { class: "changes-pick" },
      h("span", { "aria-hidden": "true" }, words),
      select,
    ),
  };
}

const named = (count) => (version, at) => [
  version.fragmentId,
  `Version ${count - at}: ${version.title || "Untitled"} · ${ago(version.createdAt)}`,
];

function fill(select, options, value) {
  reconcile(
    select,
    options,
    ([key]) => key,
    ([key]) => h("option", { value: key }),
    (option, [, words]) => setText(option, words),
  );
  select.value = value;
}

function summary(files) {
  if (!files.length) return "Nothing is different.";
  const [added, removed] = files.map(counts).reduce(([a, r], [b, s]) => [a + b, r + s], [0, 0]);
  return `${plural(files.length, "file")}, ${plural(added, "line")} added, ${removed} removed`;
}

/** @returns {[number, number]} Lines added, and removed. */
function counts({ diff }) {
  const lines = (diff ?? "").split("\n");
  return [
    lines.filter((line) => line[0] === "+").length,
    lines.filter((line) => line[0] === "-").length,
  ];
}

function fileChange(file, open) {
  const [added, removed] = counts(file);
  const body = h("div", {
    class: "hunks",
    tabindex: 0,
    role: "region",
    "aria-label": `Changes of ${file.path}`,
  });
  const details = h(
    "details",
    { class: "change", open },
    h(
      "summary",
      {},
      h("bdi", { class: "change-path" }, file.path),
      h("span", { class: `change-action ${file.action}` }, ACTION_WORD[file.action] ?? file.action),
      h(
        "span",
        { class: "plus" },
        added ? `+${added}` : "",
        h("span", { class: "unseen" }, added ? " lines added" : ""),
      ),
      h(
        "span",
        { class: "minus" },
        removed ? `−${removed}` : "",
        h("span", { class: "unseen" }, removed ? " lines removed" : ""),
      ),
    ),
    body,
  );
  const draw = () => details.open && !body.hasChildNodes() && body.append(...hunks(file));
  details.addEventListener("toggle", draw);
  draw();
  return details;
}

function hunks({ diff, omitted }) {
  if (omitted) return [h("p", { class: "empty" }, OMITTED[omitted] ?? "Not shown.")];
  if (!diff) return [h("p", { class: "empty" }, "Nothing in it.")];
  const rows = numbered(diff.split("\n"));
  const cut = rows.length > LINES_MAX;
  return [
    h("pre", { class: "diff" }, rows.slice(0, LINES_MAX).map(row)),
    cut && h("p", { class: "empty" }, `${rows.length - LINES_MAX} more lines are not shown.`),
  ].filter(Boolean);
}

/** Each line with the numbers it has in the two versions. */
function numbered(lines) {
  let [was, is] = [0, 0];
  return lines.map((line) => {
    const start = /^@@ -(\d+)(?:,\d+)? \+(\d+)/.exec(line);
    if (start) {
      [was, is] = [Number(start[1]), Number(start[2])];
      return { kind: "hunk", was: "", is: "", text: line };
    }
    const kind = { "+": "added", "-": "removed" }[line[0]] ?? "same";
    const numbers = { was: kind === "added" ? "" : was++, is: kind === "removed" ? "" : is++ };
    return { kind, ...numbers, text: line.slice(1) };
  });
}

const SIGN = { added: "+", removed: "-", same: " ", hunk: "" };

function row({ kind, was, is, text }) {
  return h(
    "span",
    { class: `row ${kind}`, "data-was": was, "data-is": is },
    h("span", { class: "sign" }, SIGN[kind]),
    pieces([["", text]]),
    "\n",
  );
}
