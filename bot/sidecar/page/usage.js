/** What was used: credits, and the builds, tokens and dollars of the last day and of this month. */

import { count, dollars, h, plural } from "/page/dom.js";

/** @param {Promise<any>} asked The answer of `/api/usage`. */
export function usageView(asked) {
  const body = h(
    "div",
    { class: "usage", "aria-busy": "true" },
    h("p", { class: "empty" }, "Looking…"),
  );
  asked
    .then(
      (usage) => body.replaceChildren(...sections(usage)),
      (error) => body.replaceChildren(h("p", { class: "empty" }, whyNot(error))),
    )
    .finally(() => body.removeAttribute("aria-busy"));
  return { element: h("div", { class: "home" }, h("h1", { tabindex: "-1" }, "Usage"), body) };
}

function whyNot(error) {
  if (error.status === 404) return "This server does not count what is used.";
  return [error.message, error.hint].filter(Boolean).join(" ");
}

function sections({ credits, day, month, monthBegan, projects, atLeast }) {
  const began = new Date(monthBegan).toLocaleDateString(undefined, {
    day: "numeric",
    month: "long",
    timeZone: "UTC",
  });
  const since = `Since ${began}${atLeast ? ", at least" : ""}`;
  return [
    credits && creditsView(credits),
    h("div", { class: "tallies" }, tally("Last 24 hours", day), tally(since, month)),
    projects.length > 0 && dearest(projects),
    h("p", { class: "hint" }, "Fixes are free, and so is what came to nothing."),
  ].filter(Boolean);
}

function creditsView({ plan, allowance, used, left, nextBackAt }) {
  const label = `${plural(left, "build")} left of ${allowance} in 24 hours`;
  const next = nextBackAt && used > 0 ? `The next one is back ${until(nextBackAt)}.` : "";
  return h(
    "section",
    { class: "credits", "aria-label": "Credits" },
    h("p", { class: "credits-left" }, label, h("span", { class: "plan-name" }, plan)),
    h("meter", {
      min: 0,
      max: Math.max(allowance, 1),
      value: Math.min(used, allowance),
      "aria-label": `${used} of ${allowance} used`,
    }),
    next && h("p", { class: "hint" }, next),
  );
}

function until(iso) {
  const minutes = Math.max(1, Math.ceil((Date.parse(iso) - Date.now()) / 60_000));
  return minutes < 60 ? `in ${minutes} min` : `in ${Math.round(minutes / 60)} h`;
}

function tally(title, { builds, promptTokens, completionTokens, costUsd }) {
  const facts = [
    ["Builds", String(builds)],
    ["Tokens", count(promptTokens + completionTokens)],
    ["Cost", dollars(costUsd)],
  ];
  return h(
    "section",
    { class: "tally" },
    h("h2", {}, title),
    h(
      "dl",
      {},
      facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
    ),
  );
}

function dearest(projects) {
  const cells = ({ title, builds, promptTokens, completionTokens, costUsd }) => [
    h("th", { scope: "row" }, title || "Untitled app"),
    h("td", {}, String(builds)),
    h("td", {}, count(promptTokens + completionTokens)),
    h("td", {}, dollars(costUsd)),
  ];
  return h(
    "section",
    {},
    h("h2", { class: "small-title", id: "dearest" }, "Apps of this month"),
    h(
      "table",
      { class: "dearest", "aria-labelledby": "dearest" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ["App", "Builds", "Tokens", "Cost"].map((name) => h("th", { scope: "col" }, name)),
        ),
      ),
      h(
        "tbody",
        {},
        projects.map((project) => h("tr", {}, cells(project))),
      ),
    ),
  );
}
