"""Seals what is kept in the database but is nobody's to read there, such as Slack's tokens."""

import base64
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from agents.errors import StoreError

_PURPOSE = b"zapdev sealed rows"


class SealBroken(StoreError):
    """Sealed with a key that we do not have, or damaged."""


class Seal:
    """Fernet (AES-128-CBC and HMAC-SHA-256), under keys derived from secrets of any form.

    The first secret seals; each of them opens. So a new one is put first, and the old one stays
    behind it until everything was sealed anew.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        keys = [Fernet(_key(secret)) for secret in secrets]
        self._newest, self._all = keys[0], MultiFernet(keys)

    def close(self, plain: bytes) -> str:
        return self._newest.encrypt(plain).decode()

    def open(self, sealed: str) -> bytes:
        """Raises: SealBroken."""
        try:
            return self._all.decrypt(sealed.encode())
        except InvalidToken as error:
            raise SealBroken("sealed with another key") from error

    def is_newest(self, sealed: str) -> bool:
        """Whether the first secret has sealed it."""
        try:
            self._newest.decrypt(sealed.encode())
        except InvalidToken:
            return False
        return True


def _key(secret: str) -> bytes:
    """Secrets are long and random already, so nothing has to make guessing slow."""
    derived = HKDF(SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret.encode())
    return base64.urlsafe_b64encode(derived)
