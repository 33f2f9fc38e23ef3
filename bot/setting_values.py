"""What a setting's value may be: the types of `bot.config.Settings`' fields. Pure."""

import base64
import binascii
import ipaddress
from pathlib import Path
from string import Formatter
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl, TypeAdapter
from pydantic_settings import NoDecode

ROLES = frozenset({"slack", "sidecar", "worker"})

_KEY = "{key}"
_PREVIEW_FIELDS = frozenset({"host", "port", "sandbox_id"})
_URL: TypeAdapter[HttpUrl] = TypeAdapter(HttpUrl)


def _split(value: object) -> object:
    """`a, b` as a set; anything but text passes."""
    if isinstance(value, str):
        return frozenset(part.strip() for part in value.split(",") if part.strip())
    return value


def _is_url(value: str) -> str:
    """The URL without its last slash. Raises: ValueError."""
    _URL.validate_python(value)
    return value.rstrip("/")


def _is_preview_template(value: str) -> str:
    fields = {name for _, name, _, _ in Formatter().parse(value) if name is not None}
    if not fields <= _PREVIEW_FIELDS:
        raise ValueError("it may use {host}, {port} and {sandbox_id} only")
    return value


def _is_apps_address(value: str) -> str:
    """The address without its last slash. Raises: ValueError."""
    _URL.validate_python(value.replace(_KEY, "0"))
    address = urlsplit(value.rstrip("/"))
    if not address.netloc.startswith(f"{_KEY}.") or value.count(_KEY) != 1:
        raise ValueError("its host must begin with {key}., as in https://{key}.apps.example")
    if address.path or address.query or address.fragment:
        raise ValueError("it may have nothing behind its host")
    return address.geturl()


def _are_roles(value: frozenset[str]) -> frozenset[str]:
    if not value or not value <= ROLES | {"all"}:
        raise ValueError("it must be all, or some of slack, sidecar, worker")
    return ROLES if "all" in value else value


def _are_origins(value: frozenset[str]) -> frozenset[str]:
    return frozenset(origin_of(_is_url(item)) for item in value)


def _read_plans(value: object) -> object:
    """`free=5, pro=100` as numbers by name. Raises: ValueError."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    return {name.strip(): number.strip() for name, _, number in pairs}


def _has_a_free_plan(value: dict[str, int]) -> dict[str, int]:
    if "free" not in value:
        raise ValueError("it must say what the plan “free” has, such as free=5, pro=100")
    return value


Url = Annotated[str, AfterValidator(_is_url)]
"""An http(s) address, kept without a slash at its end."""
Names = Annotated[frozenset[str], NoDecode, BeforeValidator(_split)]
"""Words separated by commas."""
Origins = Annotated[Names, AfterValidator(_are_origins)]
"""Addresses of pages separated by commas, each cut to what a browser calls its origin."""
Roles = Annotated[Names, AfterValidator(_are_roles)]
"""Some of `ROLES`; `all` stands for each of them."""
PlanCredits = Annotated[
    dict[str, Annotated[int, Field(ge=0)]],
    NoDecode,
    BeforeValidator(_read_plans),
    AfterValidator(_has_a_free_plan),
]
"""Credits by a plan's name, with one called “free”."""
PreviewTemplate = Annotated[str, AfterValidator(_is_preview_template)]
"""An address with {host}, {port} or {sandbox_id} in it."""
AppsUrl = Annotated[str, AfterValidator(_is_apps_address)]
"""An address whose host begins with {key}., kept without a slash at its end."""
Folder = Annotated[Path, AfterValidator(Path.expanduser)]
"""A path; `~` is the home folder."""
Seconds = Annotated[float, Field(gt=0, le=86_400)]


def is_everywhere(host: str) -> bool:
    """Whether a server on `host` listens on all addresses, so that it is none to open."""
    return host in ("0.0.0.0", "::")  # noqa: S104 - compared, not listened on


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server on `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def origin_of(url: str) -> str:
    """Scheme, host and port (if it is not the scheme's own), as a browser sends them."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    host = f"[{host}]" if ":" in host else host
    standard = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, standard) else "")


def own_origins(url: str) -> frozenset[str]:
    """The origins under which people open a server's own pages; on loopback it has two names."""
    origin = origin_of(url)
    host = urlsplit(url).hostname or ""
    if not is_loopback(host):
        return frozenset({origin})
    port = origin.rpartition(":")[2]
    return frozenset({origin, *(f"http://{name}:{port}" for name in ("127.0.0.1", "localhost"))})


def check_apart(apps_url: str | None, public_url: str | None) -> None:
    """Raises: ValueError where an app's page may set cookies for our own host, or is at it."""
    apps = (urlsplit(apps_url or "").hostname or "").removeprefix(f"{_KEY}.")
    ours = urlsplit(public_url or "").hostname or ""
    if apps and ours and (f".{ours}".endswith(f".{apps}") or apps.endswith(f".{ours}")):
        raise ValueError(
            "ZAPDEV_APPS_URL and ZAPDEV_PUBLIC_URL meet: an app could set cookies for this server. "
            "Give apps a domain of their own"
        )


def are_neighbours(apps_url: str, public_url: str) -> bool:
    """Whether the two end alike, so that they are likely to be one site to a browser."""
    apps, ours = ((urlsplit(url).hostname or "").split(".")[-2:] for url in (apps_url, public_url))
    return apps == ours


def publishable_key_of(issuer: str) -> str:
    """The public key that an instance of Clerk with this Frontend API address has."""
    host = urlsplit(issuer).netloc
    kind = "test" if host.endswith(".accounts.dev") else "live"
    return f"pk_{kind}_{base64.b64encode(f'{host}$'.encode()).decode().rstrip('=')}"


def clerk_issuer_of(publishable_key: str) -> str | None:
    """Clerk's Frontend API address; None when the key is not one of Clerk's.

    The key is `pk_test_` or `pk_live_` and then `<host>$` in base64.
    """
    kind, _, encoded = publishable_key.removeprefix("pk_").partition("_")
    if kind not in ("test", "live"):
        return None
    try:
        host = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return f"https://{host.removesuffix('$')}" if host.endswith("$") else None
