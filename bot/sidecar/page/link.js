/**
 * The page on which a Slack user is linked to an account. Two proofs meet here: a session at Clerk,
 * and Slack's word; then it names both, and asks.
 */

import { ago, h, setText } from "/page/dom.js";
import { openSession } from "/page/session.js";
import { callWith, get, post } from "/page/wire.js";

const LOOK_MS = 2_000;

const main = document.querySelector("#main");
const live = document.querySelector("#live");
let session = null;
/** What `POST /api/link/code` gave to type in Slack. @type {string | null} */
let code = null;
/** @type {{good: boolean, title: string, words?: string} | null} */
let notice = null;
let looking = 0;
/** What is on screen: looking again at the same must not take anybody's place from them. */
let shown = "";

start();

async function start() {
  try {
    const { signIn } = await get("/api/info");
    session = await openSession(signIn, { onChange: change, onWaiting: () => {} });
    callWith(session.token);
  } catch (error) {
    const again = button("Try again", () => location.reload(), "primary");
    return show([h("h1", {}, "Sign-in does not work just now"), lead(error.message), again]);
  }
  await look();
}

/** Somebody else is there now, or nobody. */
function change() {
  code = null;
  notice = null;
  look();
}

/** Ask how it stands, and show it. */
async function look() {
  clearTimeout(looking);
  if (!session.person) return show(signedOut());
  try {
    const standing = await get("/api/link");
    const now = JSON.stringify([standing, code, notice]);
    if (now !== shown) show(signedIn(standing));
    shown = now;
    if (code && standing.request) looking = setTimeout(look, LOOK_MS);
  } catch (error) {
    notice = { good: false, title: error.message, words: error.hint };
    show([title(), ...told(), button("Try again", again, "primary")]);
  }
}

function again() {
  notice = null;
  return look();
}

// --- what is shown -------------------------------------------------------------------------

function signedOut() {
  return [
    title(),
    lead("Sign in to your account first. Then Slack is asked who you are there, and you confirm."),
    button("Sign in", () => session.away(), "primary"),
  ];
}

function signedIn({ mode, account, inOrganisation, request, moves, mine, others, audit }) {
  const whole = inOrganisation ? " for your organisation" : "";
  const who = h("p", { class: "as" }, "Signed in as ", h("strong", {}, account), whole);
  who.append(button("Not you? Sign out", () => session.signOut(), "quiet small"));
  const now = confirmable(request)
    ? confirmation(request.person, account, moves)
    : step(mode, request, mine);
  return [title(), who, ...told(), now, ...lists(mine, others), ...history(audit)];
}

const confirmable = (request) => request?.person && request.agreed;

function step(mode, request, mine) {
  if (request?.person) return inSlack(request.person);
  if (code && request) return typing();
  code = null;
  return beginning(mode, mine);
}

function beginning(mode, mine) {
  const more = mine.length ? "another " : "your ";
  const words =
    mode === "slack"
      ? `Slack tells us who you are there; we see nothing else of it. Then you confirm.`
      : `You get a code, type it in Slack, and confirm on both sides.`;
  const label = mode === "slack" ? "Continue with Slack" : "Get a code";
  return card(
    h("p", {}, `Link ${more}Slack user.`),
    soft(words),
    row(button(label, begin, "primary")),
  );
}

function typing() {
  return card(
    h("p", {}, "Type this in Slack, in any channel:"),
    h("code", { class: "code-to-type" }, `/zapdev link ${code}`),
    soft("It works once, for ten minutes, and for you alone: give it to nobody."),
    row(button("Get another code", begin)),
  );
}

function inSlack(person) {
  return card(
    h("p", {}, h("b", {}, person), " has typed the code. Say yes in Slack, and this goes on."),
    soft("Is that not you? Begin again: the code is worth nothing then."),
    row(button("Begin again", begin)),
  );
}

function confirmation(person, account, moves) {
  const words = `This moves the link ${moves}: what runs there stops, and the apps stay there.`;
  return card(
    h(
      "div",
      { class: "parties" },
      h("div", { class: "party" }, h("small", {}, "In Slack"), h("b", {}, person)),
      h("span", { class: "with", "aria-hidden": "true" }, "→"),
      h("div", { class: "party" }, h("small", {}, "Account"), h("b", {}, ...breakable(account))),
    ),
    h(
      "p",
      {},
      "What ",
      h("b", {}, person),
      " asks for in Slack will belong to ",
      h("b", {}, account),
      ".",
    ),
    moves ? h("p", {}, words) : "",
    soft("Go on only if both are you. Slack will tell you of it, and you can undo it there."),
    row(button("Link them", confirm, "primary"), button("That is not me", begin)),
  );
}

function lists(mine, others) {
  const parts = [];
  if (mine.length)
    parts.push(
      h("h2", {}, "Linked to your account"),
      list(mine, (one) => one.person),
    );
  if (others.length) {
    parts.push(h("h2", {}, "Others of your organisation"));
    parts.push(list(others, (one) => `${one.person} is ${one.account}`));
  }
  return parts;
}

const DONE = { "link.made": "linked", "link.ended": "unlinked" };

/** What was done in the organisation; nobody but administrators is told of it. */
function history(audit) {
  if (!audit.length) return [];
  const line = ({ actor, action, subject, at }) =>
    h(
      "li",
      {},
      h("span", { class: "who" }, `${subject}: ${DONE[action] ?? action} by ${actor}`),
      h("small", {}, ago(at)),
    );
  const entries = h("ul", { class: "links" }, audit.map(line));
  return [h("details", { class: "audit" }, h("summary", {}, "What was done of late"), entries)];
}

function list(links, words) {
  const line = (one) =>
    h(
      "li",
      {},
      h("span", { class: "who" }, words(one), h("small", {}, `linked ${ago(one.linkedAt)}`)),
      button("Unlink", () => unlink(one), "small", `Unlink ${one.person}`),
    );
  return h("ul", { class: "links" }, links.map(line));
}

function told() {
  if (!notice) return [];
  const { good, title: head, words } = notice;
  const text = h("span", {}, h("b", {}, head), words ? ` ${words}` : "");
  return [
    h("div", { class: good ? "notice good" : "notice", role: good ? "status" : "alert" }, text),
  ];
}

// --- what is done --------------------------------------------------------------------------

async function begin() {
  notice = null;
  const begun = await done(post("/api/link/code", {}));
  if (begun?.goTo) return location.assign(begun.goTo);
  code = begun?.code ?? null;
  await look();
}

async function confirm() {
  const link = await done(post("/api/link/confirm", {}));
  if (link) {
    code = null;
    const words = `${link.person} is ${link.account} now. What waited in Slack goes on by itself.`;
    notice = { good: true, title: "Linked.", words };
  }
  await look();
}

async function unlink(one) {
  notice = null;
  if (await done(post("/api/link/unlink", { linkId: one.id }))) {
    notice = { good: true, title: "Unlinked.", words: `${one.person} is linked no more.` };
  }
  await look();
}

/** The answer, or null with a notice of what was refused. */
async function done(calling) {
  try {
    return await calling;
  } catch (error) {
    notice = { good: false, title: error.message, words: error.hint };
    return null;
  }
}

// --- parts ---------------------------------------------------------------------------------

function show(parts) {
  shown = "";
  main.replaceChildren(...parts);
  setText(live, notice ? `${notice.title} ${notice.words ?? ""}` : "");
}

/** An address may go on in the next line behind its @. */
const breakable = (text) => text.split(/(?<=@)/).flatMap((part) => [part, h("wbr")]);

const title = () => h("h1", {}, "Link your Slack account");
const lead = (words) => h("p", { class: "lead" }, words);
const soft = (words) => h("p", { class: "soft" }, words);
const row = (...buttons) => h("div", { class: "row" }, ...buttons);
const card = (...parts) => h("section", { class: "link-card" }, ...parts);

function button(words, onclick, kind = "", label = null) {
  const made = h("button", { type: "button", class: `button ${kind}`, "aria-label": label }, words);
  made.addEventListener("click", async () => {
    made.disabled = true;
    await onclick();
    made.disabled = false;
    if (!main.contains(document.activeElement)) main.focus(); // its button is gone, not its place
  });
  return made;
}
