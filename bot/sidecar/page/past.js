/** What was said about this app before: each request, with the way to how it went. */

import { ago, h, reconcile, setText, show } from "/page/dom.js";

const STATUS = {
  pending: "Waiting",
  running: "Running",
  complete: "Built",
  failed: "Failed",
  cancelled: "Stopped",
};

/** The earlier conversation; the run on screen is not part of it. */
export function pastView() {
  const element = h("div", { class: "past" });
  return {
    element,
    /** @param {{messages: any[], tasks: any[]}} project @param {string | null} taskId */
    render({ messages, tasks }, taskId) {
      const earlier = messages.filter((message) => message.taskId !== taskId && message.content);
      const runs = new Map(tasks.map((task) => [task.taskId, task]));
      reconcile(
        element,
        earlier,
        (message) => message.id,
        (message) => said(message),
        (row, message) =>
          update(row, message.role === "USER" ? runs.get(message.taskId) : undefined),
      );
      show(element, earlier.length > 0);
    },
  };
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
