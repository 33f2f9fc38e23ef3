/** The page: decides by the address what is on screen. `#/` starts, `#/t/<task>` shows an app. */

import { request } from "/client.js";
import { h, setText, show } from "/page/dom.js";
import { home } from "/page/home.js";
import { studio } from "/page/studio.js";

const NO_INFO = { version: "", model: "auto", offline: false, sandbox: "", frameworks: ["nextjs", "react", "vue", "angular", "svelte"], models: ["auto"] };

const main = document.querySelector("#main");
const live = document.querySelector("#live");
const badge = document.querySelector("#badge");
let info = NO_INFO;
let current = null;

/** Tell screen readers, politely. */
function say(text) {
  setText(live, text);
}

function setTitle(name) {
  document.title = name ? `${name} · Zapdev` : "Zapdev";
}

function openStudio() {
  current?.close();
  current = studio({
    say,
    onTitle: setTitle,
    onTask(taskId) {
      history.replaceState(null, "", `#/t/${taskId}`);
    },
  });
  document.body.dataset.view = "studio";
  main.replaceChildren(current.element);
  return current;
}

async function openHome() {
  current?.close();
  current = null;
  document.body.dataset.view = "home";
  setTitle("");
  const view = home({
    info,
    onBuild(wanted) {
      history.pushState(null, "", "#/new");
      openStudio().start(wanted);
    },
  });
  main.replaceChildren(view.element);
  view.composer.focus();
  view.projects(await request("GET", "/api/projects").then(({ projects }) => projects, () => null));
}

function route() {
  const task = /^#\/t\/([\w-]+)$/.exec(location.hash)?.[1];
  if (!task) return openHome();
  if (current?.taskId === task) return undefined;
  const opened = openStudio();
  opened.focus();
  return opened.resume(task);
}

async function begin() {
  info = await request("GET", "/api/info").catch(() => NO_INFO);
  show(badge, info.offline);
  setText(badge, "Offline model");
  badge.title = "No AI key is set: a built-in model answers with a sample app.";
  window.addEventListener("hashchange", route);
  await route();
}

begin().catch((error) => {
  main.replaceChildren(h("p", { class: "empty" }, `The page could not start: ${error.message}`));
});
