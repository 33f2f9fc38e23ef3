"""Where addresses lead: to the public internet, to somebody's own network, or to the same server."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urljoin, urlsplit

_NAT64: Final = ip_network("64:ff9b::/96")
_UNICAST: Final = ip_network("2000::/3")
"""All of IPv6 that anybody on the internet was given; what is written otherwise leads elsewhere."""

_NOT_PUBLIC: Final = tuple(
    map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "3fff::/20"))
)
"""Reserved, whatever this Python's own tables say."""


def is_public(address: str) -> bool:
    """Whether an IP address is globally reachable, also where one hides an IPv4 one in itself.

    Text that is no address is not public.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        inner = _inner(found)
        if inner is not None:
            return is_public(str(inner))
        if found not in _UNICAST:
            return False
    if any(found in network for network in _NOT_PUBLIC):
        return False
    return found.is_global and not found.is_multicast


def on_same_server(url: str, reference: str) -> str | None:
    """The address that a page at `url` means, if it is on the page's own host and port.

    What is no address leads nowhere: None.
    """
    try:
        address = urljoin(url, reference)
        return address if urlsplit(address).netloc == urlsplit(url).netloc else None
    except ValueError:
        return None


def _inner(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
