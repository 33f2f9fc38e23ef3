"""Clerk's public keys: fetched ahead of need, kept through an outage, never waited for in vain.

One cache per issuer: a Clerk key id is the id of an instance, and no instance answers for another.
Known keys are served at once, whatever goes on. `keep_fresh` renews them before they are old; an
unknown key asks for a renewal, of which there is never more than one at a time, nor more than one
in 10 s. So a flood of made-up key ids costs one small request per 10 s, and a new key of Clerk's is
accepted within 10 s. However many ask for keys that are not there, few are kept waiting.
"""

import asyncio
import base64
import binascii
import math
from collections.abc import Mapping
from typing import Literal

import aiohttp
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import BaseModel, ConfigDict, ValidationError

from agents.background import Background
from agents.errors import UserError
from agents.logger import create_logger
from agents.ports import Clock
from bot.services.principals import SignInUnavailable

FRESH_S = 3600.0
"""Keys are renewed before they are older than this."""
RENEW_AFTER_S = FRESH_S * 0.8
RETRY_S = 30.0
"""How long after a renewal that failed the next one is tried by itself."""
USABLE_S = 24 * 3600.0
"""Older keys count no more: a key that Clerk has withdrawn must end some day."""
BETWEEN_FETCHES_S = 10.0
ANSWER_S = 5.0
WAITING_MAX = 64
"""So many wait for a renewal to bring their key, where there are others already; more are refused
at once, and may come again."""
BODY_MAX = 64 * 1024
KEYS_MAX = 50
"""An instance has one key, or two while it changes."""
MODULUS_BITS = range(2048, 8193)

log = create_logger(__name__)


class _Entry(BaseModel):
    """One key of a JWKS (RFC 7517)."""

    model_config = ConfigDict(strict=True, extra="ignore")

    kty: Literal["RSA"]
    use: Literal["sig"] | None = None
    alg: Literal["RS256"] | None = None
    kid: str
    n: str
    e: str


class _KeySet(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    keys: list[object]


class NoKeys(Exception):
    """An answer that cannot be used; `str()` says why, for the log and the operator."""


class JwksCache:
    """Implements `bot.sidecar.clerk.Keys` for one issuer. Used while inside `async with`."""

    def __init__(self, url: str, clock: Clock, *, answer_s: float = ANSWER_S) -> None:
        self._url = url
        self._clock = clock
        self._answer_s = answer_s
        self._keys: Mapping[str, RSAPublicKey] = {}
        self._fetched_at = -math.inf
        self._asked_at = -math.inf
        self._failure: str | None = "they were not fetched yet"
        self._background = Background()
        self._renewal: asyncio.Task[None] | None = None
        self._waiting = 0

    async def key(self, kid: str) -> RSAPublicKey | None:
        """Raises: SignInUnavailable (there are no keys at all, or only ones that are too old)."""
        if self._is_usable and (known := self._keys.get(kid)) is not None:
            return known
        if self._waiting < WAITING_MAX or not self._is_usable:
            self._waiting += 1
            try:
                await self._renew_if_allowed()
            finally:
                self._waiting -= 1
        if not self._is_usable:
            raise SignInUnavailable(self.problem or "", retry_after_s=self._wait_s)
        return self._keys.get(kid)

    @property
    def problem(self) -> str | None:
        """None while tokens can be checked; else, in plain words, why not."""
        return None if self._is_usable else f"Clerk's signing keys cannot be had: {self._failure}."

    @property
    def known(self) -> int:
        """How many keys there are."""
        return len(self._keys)

    async def keep_fresh(self) -> None:
        """Fetch now, and again before the keys are old, until cancelled."""
        while True:
            await self._renew_if_allowed()
            failed = self._failure is not None
            await self._clock.sleep(RETRY_S if failed else RENEW_AFTER_S)

    async def close(self) -> None:
        """Break off what is under way."""
        await self._background.stop()

    @property
    def _is_usable(self) -> bool:
        return self._clock.monotonic() - self._fetched_at < USABLE_S

    @property
    def _wait_s(self) -> float:
        """Until the next fetch is allowed."""
        return max(0.0, self._asked_at + BETWEEN_FETCHES_S - self._clock.monotonic())

    async def _renew_if_allowed(self) -> None:
        """Wait for the renewal that is under way, or for a new one if one may begin."""
        if self._renewal is None or self._renewal.done():
            if self._wait_s > 0:
                return
            self._asked_at = self._clock.monotonic()
            self._renewal = self._background.start(self._renew(), name="clerk keys")
        await asyncio.shield(self._renewal)

    async def _renew(self) -> None:
        try:
            body = await _fetch(self._url, self._answer_s)
            keys = read_keys(body)
        except NoKeys as error:
            self._failure = str(error)
            log.warning("clerk keys not renewed", reason=self._failure, kept=len(self._keys))
            return
        self._keys, self._fetched_at, self._failure = keys, self._clock.monotonic(), None


class StaticKey:
    """Implements `bot.sidecar.clerk.Keys` by one key that is given, under any key id."""

    problem: str | None = None

    def __init__(self, pem: str) -> None:
        """Raises: UserError."""
        self._key = _from_pem(pem)

    async def key(self, kid: str) -> RSAPublicKey | None:
        del kid
        return self._key

    async def keep_fresh(self) -> None:
        """It does not grow old."""

    async def close(self) -> None:
        """There is nothing under way."""


async def _fetch(url: str, answer_s: float) -> bytes:
    """One request, without redirects. Raises: NoKeys."""
    timeout = aiohttp.ClientTimeout(total=answer_s)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, allow_redirects=False, middlewares=(_once(),)) as answer,
        ):
            if answer.status != 200:
                raise NoKeys(f"it answers with status {answer.status}")
            body = b""
            async for piece in answer.content.iter_any():
                body += piece
                if len(body) > BODY_MAX:
                    raise NoKeys("its answer is too long")
            return body
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise NoKeys(f"it does not answer ({type(error).__name__})") from error


def _once() -> aiohttp.ClientMiddlewareType:
    """Aiohttp repeats a request whose connection was dropped; who is in trouble is asked once."""
    sent = False

    async def send(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        nonlocal sent
        if sent:
            raise aiohttp.ClientConnectionError("the connection was dropped")
        sent = True
        return await handler(request)

    return send


def read_keys(body: bytes) -> dict[str, RSAPublicKey]:
    """The keys of a JWKS that may sign session tokens; others are passed over.

    RSA of 2048 to 8192 bits for RS256; of two under one id the first; of a longer list the first
    `KEYS_MAX`. Raises: NoKeys.
    """
    try:
        entries = _KeySet.model_validate_json(body).keys
    except ValidationError:
        raise NoKeys("its answer is no set of keys") from None
    keys: dict[str, RSAPublicKey] = {}
    for entry in entries[:KEYS_MAX]:
        found = _from_entry(entry)
        if found is not None:
            keys.setdefault(*found)
    if not keys:
        raise NoKeys("its answer holds no key that may sign session tokens")
    return keys


def _from_entry(entry: object) -> tuple[str, RSAPublicKey] | None:
    try:
        jwk = _Entry.model_validate(entry)
        key = RSAPublicNumbers(e=_number(jwk.e), n=_number(jwk.n)).public_key()
    except (ValidationError, ValueError):
        return None
    return (jwk.kid, key) if key.key_size in MODULUS_BITS else None


def _number(text: str) -> int:
    """Raises: ValueError."""
    try:
        return int.from_bytes(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True))
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def _from_pem(pem: str) -> RSAPublicKey:
    """One line of `.env` holds it too: there, the ends of its lines are written out."""
    try:
        key = load_pem_public_key(pem.replace("\\n", "\n").encode())
    except ValueError:
        key = None
    if not isinstance(key, RSAPublicKey) or key.key_size not in MODULUS_BITS:
        raise UserError(
            "CLERK_JWT_KEY is not a public RSA key in PEM form.",
            field="CLERK_JWT_KEY",
            hint="Copy the “JWKS Public Key” from Clerk's dashboard, with its first and last line.",
        )
    return key
