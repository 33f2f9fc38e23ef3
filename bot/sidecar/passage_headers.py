"""What of a request an app at a host of its own gets to see, and what of its answer a browser. Pure."""

from collections.abc import Mapping

from multidict import CIMultiDict, CIMultiDictProxy, MultiMapping

_OF_ONE_CONNECTION = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_SET_ANEW = frozenset({"host", "expect", "forwarded"})
_OURS = ("zapdev", "__session", "__client", "__clerk", "__refresh")
"""How cookies of ours and of our sign-in begin. Some of them are for a whole domain."""


def for_the_app(
    headers: CIMultiDictProxy[str], forwarded: Mapping[str, str], *, without: str = ""
) -> CIMultiDict[str]:
    """A browser's headers with those about its way here; `without` names a prefix to leave out."""
    kept = _end_to_end(headers)
    for name in [name for name in kept if without and name.lower().startswith(without)]:
        kept.popall(name)
    cookies = [part for line in kept.popall("Cookie", []) for part in line.split(";")]
    if theirs := [cookie.strip() for cookie in cookies if not _is_ours(cookie)]:
        kept["Cookie"] = "; ".join(theirs)
    kept.update(forwarded)
    return kept


def for_the_browser(headers: CIMultiDictProxy[str], inside: str, outside: str) -> CIMultiDict[str]:
    """An app's headers: its own address is `outside` now, and its cookies are for itself alone.

    A page tells the sites it leads to where it was, and the host is a key: so it does not, unless
    the app wants it to.
    """
    kept = _end_to_end(headers)
    cookies = kept.popall("Set-Cookie", [])
    for cookie in cookies:
        kept.add("Set-Cookie", _for_itself(cookie))
    location = kept.get("Location", "")
    if location == inside or location.startswith(f"{inside}/"):
        kept["Location"] = outside + location.removeprefix(inside)
    kept.setdefault("Referrer-Policy", "same-origin")
    kept.setdefault("X-Robots-Tag", "noindex")
    return kept


def _end_to_end(headers: MultiMapping[str]) -> CIMultiDict[str]:
    """Without what is about one connection, and what `Connection` names as such."""
    named = {
        name.strip().lower()
        for line in headers.getall("Connection", [])
        for name in line.split(",")
    }
    left_out = _OF_ONE_CONNECTION | _SET_ANEW | named
    return CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower() not in left_out
    )


def _is_ours(cookie: str) -> bool:
    name = cookie.partition("=")[0].strip().lower()
    return not name or name.startswith(_OURS)


def _for_itself(cookie: str) -> str:
    """The cookie without `Domain`."""
    first, *attributes = cookie.split(";")
    kept = [a for a in attributes if a.partition("=")[0].strip().lower() != "domain"]
    return ";".join([first, *kept])
