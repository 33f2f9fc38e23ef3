"""Who may speak to a sidecar without accounts: this machine's own user, through our own page.

Other pages in the same browser can send requests to loopback, and a foreign name can be made to
resolve to it. So the `Host` must be ours, and whatever changes state must be JSON from the same
origin. Programs that send neither `Origin` nor `Sec-Fetch-Site` (curl) are let through, whatever
they call their JSON: every current browser sends both with a form's POST. Where people sign in, the
operator may let other pages in (`bot.sidecar.cors`).
"""

import re
from string import Formatter
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.setting_values import is_loopback
from bot.sidecar.cors import is_let_in, share
from bot.sidecar.deps import DEPS, SidecarDeps
from bot.sidecar.errors import Refused

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_SOURCE = re.compile(r"https?://(\*\.)?[\w-]+(\.[\w-]+)*(:(\d+|\*))?", re.ASCII)
_JSON_HINT = "Send a JSON body with the header Content-Type: application/json."


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse foreign hosts (403), other origins (403) and bodies that are not plain JSON (415)."""
    deps = request.app[DEPS]
    if host_name(request.host) not in _known_hosts(deps):
        raise Refused(
            403,
            "This server does not answer to this host name.",
            hint="Use the printed address, or name the host in ZAPDEV_PUBLIC_URL.",
        )
    if request.method not in _SAFE_METHODS:
        if not is_let_in(request):
            _check_origin(request, deps)
        if request.content_type != "application/json" and _is_a_browsers(request):
            raise Refused(415, "Send the body as application/json.", hint=_JSON_HINT)
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Refused(415, "Send the body as it is.", hint="Leave out Content-Encoding.")
    return await handler(request)


def _is_a_browsers(request: web.Request) -> bool:
    """Whether a browser may have sent this; a plain `curl -d` is known by what it leaves out."""
    return any(
        name in request.headers for name in ("Origin", "Sec-Fetch-Site", "Referer", "Cookie")
    )


FRAMED = web.ResponseKey("framed", bool)
"""Set by a route whose answer our own page shows in a frame."""


FOREIGN = web.ResponseKey("foreign", bool)
"""Set on what is answered at an app's own host: our headers are not for it."""


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Sent with every answer, streams and errors included; a route may set its own policy."""
    if response.get(FOREIGN):
        return
    share(request, response)
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _API_POLICY)
    headers.setdefault("Cache-Control", "no-store")
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["X-Frame-Options"] = "SAMEORIGIN" if response.get(FRAMED) else "DENY"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"


def page_policy(deps: SidecarDeps) -> str:
    """The page's policy: its own files only, and previews in frames.

    With Clerk it names what Clerk's script needs, as Clerk lists it: its own host, its pictures,
    its check for robots, a worker, and styles that it writes. Trusted types end there too, as that
    script puts others into the page by their address; our own still writes text only.
    """
    frames = ("http://127.0.0.1:*", "http://localhost:*", *deps.preview_sources)
    more = _CLERKS_OWN if deps.clerk is not None else {}
    clerk = (deps.clerk.frontend_api,) if deps.clerk is not None else ()
    sources = {
        "default-src": ("'none'",),
        "script-src": ("'self'", *clerk),
        "style-src": ("'self'",),
        "img-src": ("'self'", "data:", "blob:"),
        "connect-src": ("'self'", *clerk),
        "frame-src": ("'self'", *frames),
        "base-uri": ("'none'",),
        "form-action": ("'none'",),
        "frame-ancestors": ("'none'",),
    }
    policy = {name: (*given, *more.get(name, ())) for name, given in sources.items()}
    if deps.clerk is None:
        policy["require-trusted-types-for"] = ("'script'",)
    else:
        policy["worker-src"] = ("'self'", "blob:")
    return "; ".join(f"{name} {' '.join(given)}" for name, given in policy.items())


_ROBOT_CHECK = "https://challenges.cloudflare.com"
_CLERKS_OWN = {
    "script-src": (_ROBOT_CHECK,),
    "style-src": ("'unsafe-inline'",),
    "img-src": ("https://img.clerk.com",),
    "frame-src": (_ROBOT_CHECK,),
}
"""https://clerk.com/docs/guides/secure/best-practices/csp-headers"""


def preview_sources(template: str, domain: str) -> tuple[str, ...]:
    """The CSP source of every preview whose address `template` makes (`E2BAccount.preview_url`).

    A source has one wildcard, at the front of the host: what a preview's own name is, and all
    before it. None where nothing would be left behind it: such previews open in a tab of their own.
    """
    own = {"host": f"*.{domain}", "port": "*", "sandbox_id": "*"}
    parts = Formatter().parse(template)
    address = urlsplit("".join(text + own.get(name or "", "") for text, name, _, _ in parts))
    host, _, port = address.netloc.rpartition("@")[2].partition(":")
    if "*" in host:
        host = f"*.{host.rpartition('*')[2].partition('.')[2]}"
    source = f"{address.scheme}://{host}"
    if port:
        source += ":*" if "*" in port else f":{port}"
    return (source,) if _SOURCE.fullmatch(source) else ()


def _known_hosts(deps: SidecarDeps) -> frozenset[str]:
    public = urlsplit(deps.public_url).hostname if deps.public_url else None
    return _LOOPBACK | deps.allowed_hosts | ({public} if public else frozenset())


def host_name(host: str) -> str | None:
    """The name in a `Host` header, without port and brackets; None when it is malformed."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def says_it_was_handed_on(request: web.Request) -> bool:
    """Whether a proxy has said so; not every proxy does."""
    return "X-Forwarded-For" in request.headers or "Forwarded" in request.headers


def is_from_here(request: web.Request) -> bool:
    """Asked on this machine, under its own name, by nobody who stands behind a proxy."""
    ends = (request.remote or "", host_name(request.host) or "")
    return not says_it_was_handed_on(request) and all(map(is_loopback, ends))


def _check_origin(request: web.Request, deps: SidecarDeps) -> None:
    """A browser says where a request comes from; both ways of saying it must mean us."""
    origin = request.headers.get("Origin")
    allowed = {f"http://{request.host}", f"https://{request.host}"}
    if deps.public_url:
        public = urlsplit(deps.public_url)
        allowed.add(f"{public.scheme}://{public.netloc}")
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    if (origin is not None and origin not in allowed) or site not in {"same-origin", "none"}:
        raise Refused(403, "Requests from other web pages are not allowed.")
