/** What was said about this app before: each request, with the way to how it went. */

import { ago, h, icon, reconcile, setText, show } from "/page/dom.js";
import { numbered } from "/page/versions.js";

const STATUS = {
  pending: "Waiting",
  running: "Running",
  complete: "Built",
  failed: "Failed",
  cancelled: "Stopped",
};

/**
 * The conversation around the run on screen, which is not part of it: `element` goes before that
 * run, `since` after it.
 */
export function pastView() {
  const element = h("div", { class: "past" });
  const since = h("div", { class: "past" });
  return {
    element,
    since,
    /** @param {{messages: any[], tasks: any[], versions: any[]}} project @param {string | null} taskId */
    render({ messages, tasks, versions }, taskId) {
      const runs = new Map(tasks.map((task) => [task.taskId, task]));
      const earlier = messages.filter((message) => message.taskId !== taskId && message.content);
      const returns = numbered(versions).filter((version) => version.restoredFrom);
      const turn = Date.parse(runs.get(taskId)?.createdAt);
      const last = Math.max(...earlier.map(time), Number.isNaN(turn) ? Infinity : turn);
      draw(element, [...earlier, ...returns.filter((one) => time(one) < last)], runs);
      draw(
        since,
        returns.filter((one) => time(one) >= last),
        runs,
      );
    },
  };
}

const time = ({ createdAt }) => Date.parse(createdAt);

function draw(element, lines, runs) {
  reconcile(
    element,
    lines.sort((one, other) => time(one) - time(other)),
    (line) => line.id ?? line.fragmentId,
    (line) => (line.fragmentId ? restored() : said(line)),
    (row, line) =>
      line.fragmentId
        ? setText(row.lastElementChild, back(line))
        : update(row, line.role === "USER" ? runs.get(line.taskId) : undefined),
  );
  show(element, lines.length > 0);
}

function restored() {
  return h("p", { class: "restored" }, icon("restore"), h("span", {}));
}

function back({ from, createdAt }) {
  return `Went back to ${from ? `version ${from}` : "an earlier version"} · ${ago(createdAt)}`;
}

function said({ role, type, content }) {
  const kind = role === "USER" ? "user" : "assistant";
  const failed = type === "ERROR" ? "failed" : "";
  return h(
    "div",
    { class: `turn-past ${kind}` },
    h("p", { class: `said ${kind} ${failed}` }, content),
    kind === "user" && h("a", { class: "run" }),
  );
}

function update(row, task) {
  const link = row.querySelector(".run");
  if (!link) return;
  show(link, task !== undefined);
  if (!task) return;
  link.href = `#/t/${encodeURIComponent(task.taskId)}`;
  setText(link, `${STATUS[task.status] ?? task.status} ${ago(task.createdAt)} · show this run`);
}
