"""How many requests one address, and one owner, may send: for this process, and cheap.

How much work somebody may start is counted elsewhere, in the store.
"""

import ipaddress
import math
from collections.abc import Hashable

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.sidecar.deps import DEPS
from bot.sidecar.errors import Refused
from bot.sidecar.security import says_it_was_handed_on
from bot.sidecar.who import is_open, owner_of

_SIGNED = ("/slack/events", "/webhooks/")
"""Each is signed, and all of a busy workspace's come from a few addresses."""
_NETWORK_BITS = 64
"""What one customer of a provider has of IPv6."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@web.middleware
async def limit_addresses(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Raises: Refused (429). Not counted: this machine's own, and what Slack and Clerk send."""
    address = address_of(request)
    counts = not request.path.startswith(_SIGNED)
    if counts and address is not None and not _is_this_machines(request, address):
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


def address_of(request: web.Request) -> Address | None:
    """Who is at the other end: of the connection, or of the proxies that the operator has named.

    Of fewer hops than proxies the first counts; what is no address does not.
    """
    proxies = request.app[DEPS].proxies
    hops = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
    hop = hops[max(0, len(hops) - proxies)] if proxies > 0 else ""
    return _parsed(hop) or _parsed(request.remote or "")


def _is_this_machines(request: web.Request, address: Address) -> bool:
    """Behind a proxy nobody is: it may stand on this machine, too."""
    is_handed_on = request.app[DEPS].proxies > 0 or says_it_was_handed_on(request)
    return address.is_loopback and not is_handed_on


def _parsed(hop: str) -> Address | None:
    """Proxies write `192.0.2.1`, `192.0.2.1:8080`, `2001:db8::1` and `[2001:db8::1]:8080`."""
    bare = hop.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found


def _network(address: Address) -> str:
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, _NETWORK_BITS), strict=False))
