"""Links that anybody may open who has them, for a while: one version of an app, as a zip file.

A link says what it is for and until when, under a signature. Nothing is stored for it.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from agents.errors import StoreError, UserError, ZapdevError
from agents.ports import Clock
from agents.types import FragmentId, OwnerId, ProjectId
from bot.setting_values import is_everywhere, is_loopback

DOWNLOAD_S = 15 * 60
KEY_FILE = "download.key"
_SECRET_BYTES = 32


class LinkRefused(ZapdevError):
    """Not one of our links."""


class LinkExpired(ZapdevError):
    """One of ours, but its time is over."""


@dataclass(frozen=True, slots=True)
class Download:
    """What a link is for."""

    owner: OwnerId
    project_id: ProjectId
    fragment_id: FragmentId


class _Note(msgspec.Struct, array_like=True):
    """The signed part."""

    until: int
    owner: str
    project_id: str
    fragment_id: str


class DownloadLinks:
    """Signs links and reads them. `address` is where people reach the server, if they can."""

    def __init__(self, secret: bytes, clock: Clock, address: str | None = None) -> None:
        self._secret = secret
        self._clock = clock
        self.address = address
        """Known once the server listens, where its port is a free one."""

    @property
    def is_local(self) -> bool:
        """Whether links open on this machine only."""
        return is_loopback(urlsplit(self.address or "").hostname or "")

    def link(self, download: Download) -> str | None:
        """Good for `DOWNLOAD_S`; None while nobody could open it."""
        if self.address is None or is_everywhere(urlsplit(self.address).hostname or ""):
            return None
        return f"{self.address.rstrip('/')}/d/{self.sign(download)}"

    def sign(self, download: Download) -> str:
        until = int(self._clock.now().timestamp()) + DOWNLOAD_S
        note = _Note(until, download.owner, download.project_id, download.fragment_id)
        said = _text(msgspec.json.encode(note))
        return f"{said}.{self._mac(said)}"

    def read(self, signed: str) -> Download:
        """Raises: LinkRefused, LinkExpired."""
        said, _, mac = signed.partition(".")
        is_ours = signed.isascii() and hmac.compare_digest(self._mac(said), mac)
        if not is_ours:
            raise LinkRefused("not signed by us")
        note = msgspec.json.decode(_raw(said), type=_Note)
        if note.until < self._clock.now().timestamp():
            raise LinkExpired("its time is over")
        return Download(
            OwnerId(note.owner), ProjectId(note.project_id), FragmentId(note.fragment_id)
        )

    def _mac(self, said: str) -> str:
        return _text(hmac.digest(self._secret, b"download:" + said.encode(), hashlib.sha256))


def derived_secret(other: str) -> bytes:
    """A secret that all processes have which share another one, such as a deployment's key."""
    return hmac.digest(other.encode(), b"zapdev download links", hashlib.sha256)


def kept_secret(folder: Path) -> bytes:
    """The secret in this folder, made when there is none; all its processes get the same.

    Raises: UserError (the folder cannot be written), StoreError (what is there is no secret).
    """
    path = folder / KEY_FILE
    try:
        if not path.exists():
            _make(path)
        secret = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path} cannot be read or written: {error.strerror}.", field="ZAPDEV_DATA_DIR"
        ) from error
    if len(secret) != _SECRET_BYTES:
        raise StoreError(f"{path} is damaged: delete it, and download links are signed anew")
    return secret


def _make(path: Path) -> None:
    """Whole or not at all, and never over another process's."""
    whole = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    whole.touch(mode=0o600)
    try:
        whole.write_bytes(secrets.token_bytes(_SECRET_BYTES))
        path.hardlink_to(whole)
    except FileExistsError:
        return
    finally:
        whole.unlink()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
