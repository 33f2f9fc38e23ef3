"""Who asks: by a Clerk session token, where sign-in is set up; else this machine's own user."""

from aiohttp import web
from aiohttp.typedefs import Handler

from agents.logger import create_logger
from agents.types import OwnerId
from bot.services.metering import Asker
from bot.services.principals import NotSignedIn, Principal
from bot.sidecar.deps import DEPS

log = create_logger(__name__)

_PRINCIPAL = web.RequestKey("principal", Principal)
_SCHEME = "Bearer "
_GUARDED = ("/api/",)
_OPEN = frozenset({"/api/info"})


def principal_of(request: web.Request) -> Principal:
    """Who asks, at any address under `/api/`."""
    return request[_PRINCIPAL]


def owner_of(request: web.Request) -> OwnerId:
    """Whose projects the request is about."""
    return principal_of(request).owner


def is_open(path: str) -> bool:
    """Whether what is at this address answers without a name."""
    return not path.startswith(_GUARDED) or path in _OPEN


def asker_of(request: web.Request) -> Asker | None:
    """Whose limits count; nobody's where there are no accounts."""
    if request.app[DEPS].sign_in is None:
        return None
    principal = principal_of(request)
    group = None if principal.org_id is None else f"clerk:{principal.org_id}"
    return Asker(f"clerk:{principal.user_id}", group, principal.plan)


@web.middleware
async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Nobody gets to the API without a name. Raises: NotSignedIn, SignInUnavailable, StoreUnavailable."""
    if not is_open(request.path):
        request[_PRINCIPAL] = who = await _principal(request)
        if who.is_impersonated:
            log.info("staff acts as a user", user_id=who.user_id, method=request.method)
        await request.app[DEPS].tasks.note_plan(who.owner, who.plan)
    return await handler(request)


async def _principal(request: web.Request) -> Principal:
    deps = request.app[DEPS]
    if deps.sign_in is None:
        return Principal(deps.owner, user_id=deps.owner)
    given = request.headers.get("Authorization")
    if given is None:
        raise NotSignedIn("token_missing", "Sign in first.")
    if not given.startswith(_SCHEME):
        raise NotSignedIn("token_malformed", "Send the session token as “Bearer …”.")
    return await deps.sign_in.verify(given.removeprefix(_SCHEME))
