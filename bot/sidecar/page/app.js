/** The page: decides by the address what is on screen. `#/` starts, `#/t/<task>` shows an app. */

import { accountView } from "/page/account.js";
import { h, setText, show } from "/page/dom.js";
import { draftsOf, forgetDrafts } from "/page/draft.js";
import { home, nothing } from "/page/home.js";
import { openSession } from "/page/session.js";
import { studio } from "/page/studio.js";
import { usageView } from "/page/usage.js";
import { noSignIn, welcome } from "/page/welcome.js";
import { callWith, get } from "/page/wire.js";

const NO_INFO = {
  version: "",
  model: "auto",
  offline: false,
  sandbox: "",
  frameworks: ["nextjs", "react", "vue", "angular", "svelte"],
  models: ["auto"],
  signIn: null,
};

const main = document.querySelector("#main");
const live = document.querySelector("#live");
const badge = document.querySelector("#badge");
const banner = document.querySelector("#banner");
const account = accountView({
  onSwitch: (organization) => session.actAs(organization),
  onSignOut: signOut,
});
let info = NO_INFO;
let session = null;
let current = null;
let shownTo = "";
let wanted = "";

/** Tell screen readers, politely. */
function say(text) {
  setText(live, text);
}

function setTitle(name) {
  document.title = name ? `${name} · Zapdev` : "Zapdev";
}

/** Put a view on screen; the one before is closed. */
function present(name, view) {
  current?.close?.();
  current = view;
  document.body.dataset.view = name;
  main.replaceChildren(view.element);
  return view;
}

function openStudio() {
  return present(
    "studio",
    studio({
      say,
      onTitle: setTitle,
      onTask(taskId) {
        history.replaceState(null, "", `#/t/${taskId}`);
      },
      onUnknown: openNothing,
    }),
  );
}

async function openHome() {
  setTitle("");
  const view = present(
    "home",
    home({
      info,
      onBuild(wanted) {
        history.pushState(null, "", "#/new");
        const opened = openStudio();
        opened.focus();
        opened.start(wanted);
      },
    }),
  );
  view.composer.focus();
  view.projects(
    await get("/api/projects").then(
      ({ projects }) => projects,
      () => null,
    ),
  );
}

/** The address names a task that is not there. */
function openNothing() {
  setTitle("No such app");
  present("home", { element: nothing() }).element.querySelector("h1").focus();
}

function openUsage() {
  setTitle("Usage");
  const view = present("usage", usageView(get("/api/usage")));
  view.element.querySelector("h1").focus();
}

/** Clerk's form keeps its own steps in the address; where the person wanted to go comes after. */
function openWelcome() {
  if (document.body.dataset.view === "welcome") return undefined;
  wanted = location.hash;
  setTitle("");
  return present("welcome", welcome(session)).open();
}

function route() {
  shownTo = session?.identity ?? "";
  if (shownTo) draftsOf(shownTo);
  if (session && !session.person) return openWelcome();
  if (location.hash === "#/usage") return openUsage();
  const task = /^#\/t\/([\w-]+)$/.exec(location.hash)?.[1];
  if (!task) return openHome();
  if (current?.taskId === task) return undefined;
  const opened = openStudio();
  opened.focus();
  return opened.resume(task);
}

/** Somebody else is there now, or nobody. Who lost their session keeps what is on screen. */
function changed() {
  account.render(session.person);
  if (session.identity === "" || session.identity === shownTo) return;
  history.replaceState(null, "", shownTo === "" ? wanted || "#/" : "#/");
  current?.close?.();
  current = null;
  route();
}

async function signOut() {
  current?.close?.();
  current = null;
  forgetDrafts();
  await session.signOut();
  history.replaceState(null, "", "#/");
  route();
}

/** Above everything: what keeps the page from going on, and what helps. */
function warn() {
  const away = !navigator.onLine;
  show(banner, away || Boolean(session?.isAwaited));
  if (away)
    banner.replaceChildren(
      "You are offline. What runs goes on, and this page catches up by itself.",
    );
  else if (session?.isAwaited)
    banner.replaceChildren(
      "You are signed out. What you typed is still here. ",
      h(
        "button",
        { type: "button", class: "button small", onclick: () => session.ask() },
        "Sign in",
      ),
    );
}

async function signIn(about) {
  session = await openSession(about, {
    onChange: () => session && changed(),
    onWaiting(waiting) {
      session.isAwaited = waiting && document.body.dataset.view !== "welcome";
      warn();
    },
  });
  callWith(session.token);
  account.render(session.person);
}

async function begin() {
  for (const event of ["online", "offline"]) window.addEventListener(event, warn);
  badge.after(account.element);
  info = await get("/api/info").catch(() => NO_INFO);
  show(badge, info.offline);
  setText(badge, "Offline model");
  badge.title = "No AI key is set: a built-in model answers with a sample app.";
  if (info.signIn) {
    try {
      await signIn(info.signIn);
    } catch (error) {
      return present("home", { element: noSignIn(error) });
    }
  }
  window.addEventListener("hashchange", () => /^(#\/|$)/.test(location.hash) && route());
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address says what is on screen
    main.focus();
  });
  warn();
  return route();
}

begin().catch((error) => {
  main.replaceChildren(h("p", { class: "empty" }, `The page could not start: ${error.message}`));
});
