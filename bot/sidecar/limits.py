"""How many requests one address, and one owner, may send: for this process, and cheap.

How much work somebody may start is counted elsewhere, in the store.
"""

import ipaddress
import math
from collections.abc import Hashable

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.setting_values import is_loopback
from bot.sidecar.deps import DEPS
from bot.sidecar.errors import Refused
from bot.sidecar.who import is_open, owner_of

_SIGNED = ("/slack/events", "/webhooks/")
"""Each is signed, and all of a busy workspace's come from a few addresses."""
_NETWORK_BITS = 64
"""What one customer of a provider has of IPv6."""


@web.middleware
async def limit_addresses(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Raises: Refused (429). Not counted: this machine's own, and what Slack and Clerk send."""
    address = address_of(request)
    counts = not request.path.startswith(_SIGNED)
    if counts and address is not None and not is_loopback(address):
        _take(request, ("address", _network(address)))
    return await handler(request)


@web.middleware
async def limit_owners(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Raises: Refused (429). Without accounts there is one owner, who is not counted."""
    if not is_open(request.path) and request.app[DEPS].sign_in is not None:
        _take(request, ("owner", owner_of(request)))
    return await handler(request)


def _take(request: web.Request, key: Hashable) -> None:
    limits = request.app[DEPS].limits
    wait_s = 0.0 if limits is None else limits.wait_s(key)
    if wait_s > 0:
        raise Refused(
            429,
            "That were too many requests in a short time.",
            hint="Wait a moment, then go on more slowly.",
            retry_after_s=math.ceil(wait_s),
        )


def address_of(request: web.Request) -> str | None:
    """Who is at the other end: of the connection, or of the proxies that the operator has named."""
    proxies = request.app[DEPS].proxies
    said = ",".join(request.headers.getall("X-Forwarded-For", []))
    hops = [hop.strip() for hop in said.split(",")]
    return hops[-proxies] if 0 < proxies <= len(hops) and hops[-proxies] else request.remote


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    return str(ipaddress.ip_network((found, _NETWORK_BITS), strict=False))
