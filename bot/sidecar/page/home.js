/** The start page: what to build, examples, and what was built before. */

import { composer } from "/page/composer.js";
import { ago, frameworkName, h } from "/page/dom.js";
import { NEW } from "/page/draft.js";

const EXAMPLES = [
  [
    "Kanban board",
    "A kanban board for a bike shop, with columns for booked, on the stand and ready",
  ],
  ["Habit tracker", "A habit tracker with streaks and a calm weekly view"],
  ["Recipe box", "A recipe box that scales ingredients and keeps a shopping list"],
  ["Invoice maker", "An invoice maker with line items, taxes and a clean print view"],
];

const FILTERED_FROM = 7;
const STATUS = {
  pending: "Waiting",
  running: "Building",
  complete: "Ready",
  failed: "Failed",
  cancelled: "Stopped",
};

/**
 * @param {{info: any, onBuild: (request: any) => void}} options
 * @returns {{element: HTMLElement, composer: ReturnType<typeof composer>, projects: (list: any[] | null) => void}}
 */
export function home({ info, onBuild }) {
  const box = composer({
    label: "What should be built",
    placeholder: "A booking page for a pottery studio…",
    submit: "Build",
    info,
    draft: NEW,
    onSubmit: onBuild,
  });
  const examples = h(
    "div",
    { class: "examples", role: "group", "aria-label": "Examples" },
    EXAMPLES.map(([name, prompt]) =>
      h("button", { type: "button", class: "chip", onclick: () => box.fill(prompt) }, name),
    ),
  );
  const apps = appList();
  const element = h(
    "div",
    { class: "home" },
    h("h1", {}, "What should we build?"),
    h(
      "p",
      { class: "lead" },
      "Say it in a sentence. Then watch it being written, checked and started.",
    ),
    box.element,
    examples,
    h("p", { class: "hint" }, "Or paste the address of a GitHub repository to go on from there."),
    info.offline &&
      h(
        "p",
        { class: "hint" },
        "No AI key is set, so a built-in model answers with a sample app. Set ",
        h("code", {}, "OPENROUTER_API_KEY"),
        " to use a real one.",
      ),
    apps.element,
  );
  return { element, composer: box, projects: apps.render };
}

/** In place of an app whose address leads nowhere. */
export function nothing() {
  return h(
    "div",
    { class: "home" },
    h("h1", { tabindex: "-1", class: "title" }, "There is no such app here"),
    h(
      "p",
      { class: "lead" },
      "The address may have lost a letter, or it belongs to another account or another server. ",
      "Whoever sent it can send it again, or share the app’s own link.",
    ),
    h("a", { class: "button primary", href: "#/" }, "Your apps"),
  );
}

/** What was built, with a filter once there is much of it. */
function appList() {
  const list = h("ul", { class: "projects" });
  const filter = h("input", {
    type: "search",
    class: "filter",
    placeholder: "Find an app",
    "aria-label": "Find an app",
    hidden: true,
  });
  const head = h(
    "div",
    { class: "history-head" },
    h("h2", { id: "history-title" }, "Your apps"),
    filter,
  );
  let all = null;
  const draw = () => list.replaceChildren(...rows(all, filter.value.trim().toLowerCase()));
  filter.addEventListener("input", draw);
  return {
    element: h("section", { class: "history", "aria-labelledby": "history-title" }, head, list),
    /** @param {any[] | null} projects None when they could not be had. */
    render(projects) {
      all = projects;
      filter.hidden = (projects?.length ?? 0) < FILTERED_FROM;
      draw();
    },
  };
}

function rows(projects, wanted) {
  if (projects === null)
    return [
      h(
        "li",
        { class: "empty" },
        "Your apps could not be loaded. They are safe; try again in a moment.",
      ),
    ];
  if (!projects.length)
    return [h("li", { class: "empty" }, "Nothing yet. The first app you build appears here.")];
  const found = projects.filter((project) => (project.title || "").toLowerCase().includes(wanted));
  if (!found.length) return [h("li", { class: "empty" }, "No app is called that.")];
  return found.map((project) =>
    h(
      "li",
      {},
      h(
        "a",
        { class: "project", href: project.taskId ? `#/t/${project.taskId}` : "#/" },
        h("span", { class: `dot ${project.status}`, "aria-hidden": "true" }),
        h("span", { class: "project-title" }, project.title || "Untitled app"),
        h(
          "span",
          { class: "project-meta" },
          [frameworkName(project.framework), STATUS[project.status], ago(project.updatedAt)]
            .filter(Boolean)
            .join(" · "),
        ),
      ),
    ),
  );
}
