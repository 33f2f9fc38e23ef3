"""The truth table of the preview gate: small apps, and what it must say about each.

An app is an `index.html`, files beside it, and now and then a `serve.mjs` that says how its server
behaves: `before()` runs before it listens, `handle(request, response)` answers what it likes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.campaigns._gate_server import PLAIN

GREEN = ""
HEADING = "<h1>Bikes on the stand</h1>"
GOOD = f"<!doctype html><title>Bikes</title>{HEADING}"
START_S = 20


@dataclass(frozen=True)
class Case:
    """`told` is what the one verdict must say; nothing for an app that works."""

    name: str
    told: str
    page: str = GOOD
    serve: str = PLAIN
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def app(self) -> dict[str, str]:
        return {"index.html": self.page, "serve.mjs": self.serve, **self.files}


def script(code: str, body: str = HEADING) -> str:
    return f"<!doctype html><title>Bikes</title><body>{body}<script>{code}</script>"


def handling(code: str) -> str:
    """A server whose answers are written by hand; `request` and `response` are Node's."""
    return f"export async function handle(request, response) {{ {code} }}\n"


_OVERLAY = """
class Overlay extends HTMLElement {
  constructor() {
    super();
    this.attachShadow({ mode: "open" }).innerHTML =
      "<div class=message>[plugin:vite:oxc] Unexpected token</div>" +
      "<div class=file>/home/user/src/App.tsx:3:5</div>";
  }
}
customElements.define("vite-error-overlay", Overlay);
document.body.append(new Overlay());
"""
_NEXT = """
const portal = document.createElement("nextjs-portal");
portal.attachShadow({ mode: "open" }).innerHTML =
  "<div role=dialog data-nextjs-dialog>Unhandled Runtime Error: cards is not iterable</div>";
document.body.append(portal);
"""
_DRAW = """
const context = document.querySelector("canvas").getContext("2d");
context.fillRect(10, 10, 200, 100);
"""
_SHADOW = """
const host = document.createElement("a-board");
document.body.append(host);
host.attachShadow({ mode: "open" }).innerHTML = "<p>Bikes</p>";
"""
_FADE = (
    "<style>main { opacity: 0; animation: in .5s 2s forwards }"
    " @keyframes in { to { opacity: 1 } }</style><main>Bikes</main>"
)
_HUGE = "<p>A bike on the stand, with a bell.</p>" * 60_000
_PATH = "const path = request.url.split('?')[0];"
_HANG = f"{_PATH} if (path === '/slow') return new Promise(() => 0);"
_FAIL_API = f"{_PATH} if (path === '/api') {{ response.writeHead(500); response.end(); }}"
_TO_APP = (
    f"{_PATH} if (path === '/') {{ response.writeHead(302, {{ location: '/app' }});"
    f" response.end(); }} else if (path === '/app') response.end({GOOD!r});"
)
_HTML = {"content-type": "text/html"}
_WORKER = """
(async () => {
  const reg = await navigator.serviceWorker.register("/sw.js");
  reg.addEventListener("updatefound", () => 0);
})();
"""
_CRASH = (
    "let asked = 0;\nexport async function handle() {"
    " if (++asked === 2) { console.log('Error: out of bikes'); process.exit(3); } }\n"
)
_AFTERWARDS = (
    "let dying = false;\nexport async function handle() { if (!dying) { dying = true;"
    " setTimeout(() => { console.log('Error: out of bikes'); process.exit(3); }, 900); } }\n"
)

RED = (
    Case("template page", "start page", "<main data-zapdev='zapdev-start-page'>Hello</main>"),
    Case("blank page", "stays blank", "<!doctype html><title>Bikes</title><div id=root></div>"),
    Case(
        "runtime error after 1 s",
        "Uncaught error in the page: TypeError: late is not a function",
        script("setTimeout(() => { throw new TypeError('late is not a function') }, 1000)"),
    ),
    Case("error overlay", "error overlay: Unexpected token", script(_OVERLAY)),
    Case("500", "answers 500: Boom", serve=handling("response.writeHead(500).end('Boom')")),
    Case(
        "endless redirect",
        "redirects in a circle",
        serve=handling("response.writeHead(302, { location: '/again' }).end()"),
    ),
    Case("crash after start", "server stopped.\nError: out of bikes", serve=_CRASH),
    Case("crash while it is looked at", "server stopped.\nError: out of bikes", serve=_AFTERWARDS),
    Case(
        "script 404",
        "The script /assets/app.js cannot be loaded: answers 404",
        f"{GOOD}<script type=module src=/assets/app.js></script>",
    ),
    Case(
        "unhandled rejection",
        "Uncaught error in the page: Error: no board",
        script("Promise.reject(new Error('no board'))"),
    ),
    Case(
        "a script that never ends", "busy without end", script("setTimeout(() => {for(;;);}, 50)")
    ),
    Case("reloads itself for ever", "without end", script("location.reload()")),
    Case(
        "takes all memory",
        "makes the browser's tab crash",
        script("const all = []; for (;;) all.push(new Array(1e6).fill(all.length))"),
    ),
    Case("Next.js dialog", "cards is not iterable", script(_NEXT)),
    Case(
        "start page made by a script",
        "start page",
        script("document.body.innerHTML = `<main data-zapdev='zapdev-${'start'}-page'>Hi</main>`"),
    ),
    Case(
        "error before anything is shown",
        "Uncaught error in the page: ReferenceError: board is not defined",
        script("board.show()", body="<div id=root></div>"),
    ),
    Case(
        "an HTML page in a script's place",
        "The script /app.js cannot be loaded: an HTML page came",
        f"{GOOD}<script type=module src=/app.js></script>",
        serve=handling(
            f"{_PATH} if (path === '/app.js') {{"
            f" response.writeHead(200, {{ 'content-type': 'text/html' }}).end({GOOD!r}) }}"
        ),
    ),
    Case(
        "stylesheet 404",
        "The stylesheet /a.css cannot be loaded: answers 404",
        f"<link rel=stylesheet href=/a.css>{GOOD}",
    ),
    Case(
        "leads to another server of this machine",
        "cannot be loaded (net::ERR_EMPTY_RESPONSE). It leads to 127.0.0.1.",
        script("location.href = 'http://127.0.0.1:8787/'"),
    ),
)

WORKING = (
    Case("good app", GREEN),
    Case(
        "console noise",
        GREEN,
        script("for (let n = 0; n < 50; n++) console.error('Warning: a key is missing', n)"),
    ),
    Case(
        "API call fails",
        GREEN,
        script("fetch('/api').then((a) => document.body.append(`The API says ${a.status}`))"),
        serve=handling(_FAIL_API),
    ),
    Case("canvas only", GREEN, script(_DRAW, body="<canvas width=400 height=300></canvas>")),
    Case("huge page", GREEN, f"<!doctype html>{_HUGE}"),
    Case("alert dialogs", GREEN, script("alert('Hi'); confirm('Sure?'); prompt('Name?')")),
    Case("a request that never ends", GREEN, f"{GOOD}<img src=/slow>", serve=handling(_HANG)),
    Case("a fetch that never ends", GREEN, script("fetch('/slow')"), serve=handling(_HANG)),
    Case(
        "an outside service this machine cannot reach", GREEN, script("fetch('https://localhost/')")
    ),
    Case(
        "a library from a host this machine cannot reach",
        GREEN,
        script("new Chart('#root')", "<script src=https://localhost/chart.js></script>"),
    ),
    Case("shadow roots only", GREEN, script(_SHADOW, body="")),
    Case("fades in late", GREEN, f"<!doctype html>{_FADE}"),
    Case("one redirect", GREEN, serve=handling(_TO_APP)),
    Case(
        "registers a service worker",
        GREEN,
        script(_WORKER),
        files={"sw.js": "self.addEventListener('fetch', () => 0);\n"},
    ),
    Case(
        "a router that changes the address often",
        GREEN,
        script("for (let n = 0; n < 20; n++) history.pushState({}, '', `/board/${n}`)"),
    ),
    Case(
        "coloured boxes only",
        GREEN,
        "<!doctype html><div style='background: teal; width: 200px; height: 200px'></div>",
    ),
    Case("form only", GREEN, "<!doctype html><input type=search>"),
    Case(
        "what a headless browser refuses",
        GREEN,
        script(
            "new Audio('data:audio/wav;base64,UklGRg==').play(); navigator.clipboard?.readText()"
        ),
    ),
    Case(
        "slow start",
        GREEN,
        serve=f"export const before = () => new Promise((go) => setTimeout(go, {START_S * 1000}));\n",
    ),
)

CASES = (
    tuple(case for pair in zip(RED, WORKING, strict=False) for case in pair) + RED[len(WORKING) :]
)
"""Red and working ones in turn, the most telling first."""
