"""Where apps that run here are reached from outside: each at a host, and so an origin, of its own.

An app is code that a model wrote. At our own host its page could use the API as the person who looks
at it, and apps would read each other's storage.
"""

from urllib.parse import urlsplit

KEY_FIELD = "{key}"


class AppHosts:
    """`template` is an address whose host begins with `{key}.`, where a preview link's key goes."""

    def __init__(self, template: str) -> None:
        self._template = template
        self._parent = urlsplit(template).netloc.lower().removeprefix(f"{KEY_FIELD}.")
        self._suffix = f".{self._parent.partition(':')[0]}"

    @property
    def scheme(self) -> str:
        """What a browser speaks to them."""
        return urlsplit(self._template).scheme

    @property
    def everywhere(self) -> str:
        """All of them, as people and policies write it: `https://*.apps.example.com`."""
        return f"{self.scheme}://*.{self._parent}"

    def address(self, key: str) -> str:
        """The address of the app whose preview link has this key, without a slash at its end."""
        return self._template.replace(KEY_FIELD, key)

    def key_in(self, host: str | None) -> str | None:
        """The key that a host name holds; None where it is not the name of an app."""
        name = (host or "").lower()
        key = name.removesuffix(self._suffix)
        return key if key not in ("", name) and "." not in key else None
