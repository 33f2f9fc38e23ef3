from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.addresses import is_public

PRIVATE_V4 = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
    *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
)
PRIVATE_V6 = (
    *("::/128", "::1/128", "::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32"),
    *("3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
)
PUBLIC_V4 = ("1.1.1.1", "8.8.8.8", "140.82.112.3", "100.128.0.1", "172.32.0.1", "192.0.3.1")

WAYS: dict[str, Callable[[IPv4Address], str]] = {
    "plain": str,
    "v4-mapped": lambda ip: f"::ffff:{ip}",
    "v4-mapped in hex": lambda ip: str(IPv6Address(0xFFFF << 32 | int(ip))),
    "6to4": lambda ip: str(IPv6Address(0x2002 << 112 | int(ip) << 80 | 1)),
    "NAT64": lambda ip: str(IPv6Address(int(IPv6Address("64:ff9b::")) | int(ip))),
    "v4-mapped with a zone": lambda ip: f"::ffff:{ip}%eth0",
}
"""How one IPv4 address can be written so that a socket goes there, or a gateway leads there."""

HIDING: dict[str, Callable[[IPv4Address], str]] = {
    "v4-compatible": lambda ip: str(IPv6Address(int(ip))),
    "Teredo": lambda ip: str(IPv6Address(0x20010000 << 96 | int(ip) ^ 0xFFFFFFFF)),
    "local NAT64": lambda ip: str(IPv6Address(int(IPv6Address("64:ff9b:1::")) | int(ip))),
}
"""Forms that are refused, wherever they lead."""


def some_of(network: IPv4Network | IPv6Network) -> list[IPv4Address | IPv6Address]:
    """The first, the last and one in between."""
    middle = network[network.num_addresses // 2]
    return [network[0], middle, network[-1]]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("network", PRIVATE_V4)
def test_no_private_address_is_public_however_it_is_written(network: str, way: str) -> None:
    told = {WAYS[way](IPv4Address(str(ip))) for ip in some_of(IPv4Network(network))}
    assert [text for text in told if is_public(text)] == []


@pytest.mark.parametrize("network", PRIVATE_V6)
def test_no_special_part_of_ipv6_is_public(network: str) -> None:
    assert [str(ip) for ip in some_of(IPv6Network(network)) if is_public(str(ip))] == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("address", PUBLIC_V4)
def test_a_public_address_is_public_however_it_is_written(address: str, way: str) -> None:
    assert is_public(WAYS[way](IPv4Address(address)))


@pytest.mark.parametrize("address", ["2606:4700::1111", "2a00:1450:4001:800::2004"])
def test_a_public_address_of_ipv6_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("way", HIDING)
@given(st.ip_addresses(v=4))
def test_a_form_that_only_hides_an_address_is_not_public(way: str, ip: IPv4Address) -> None:
    assert not is_public(HIDING[way](ip))


@given(st.ip_addresses(v=4))
def test_every_way_of_writing_an_address_has_the_same_answer(ip: IPv4Address) -> None:
    assert {is_public(write(ip)) for write in WAYS.values()} == {is_public(str(ip))}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.name",
        "localhost",
        "127.1",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "127.0.0.1.",
        "[::1]",
    ],
)
def test_what_is_no_address_is_not_public(text: str) -> None:
    assert not is_public(text)
