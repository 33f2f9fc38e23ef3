"""A Convex on loopback: the project's real functions, served as Convex serves them.

    host = shared_host()                          # one process for this whole test run
    store = ConvexStore(host.deployment("d1"), key=host.service_key_pem, ...)
    await host.set_fault("lossy", "d1", every=2)  # every second mutation loses its answer
    (await host.stats("d1")).calls["tasks:claim"]

    with start_host() as host: ...                # one of one's own, to be cut off or restarted

A deployment is made when it is first spoken to; tests that each take another name do not see
each other. `X-Host-Now: <ms since 1970>` on a request is the time inside it. What the host itself
has to say stands in `convex_host/*.mjs`; with CONVEX_HOST_DEBUG=1 it also
writes what functions threw and logged, which is shown on stderr when it ends.

Run as a program (`make convex`) it is a Convex for development, which a person's `.env` points to.
"""

import argparse
import atexit
import base64
import functools
import hashlib
import json
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

import aiohttp
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from agents.system import SystemClock
from bot.store.convex_token import ServiceKey, auth_setting

ROOT = Path(__file__).parents[2]
CONVEX_DIR = ROOT / "convex"
SERVICE_ISSUER = "https://zapdev.app/service"
SERVICE_SUBJECT = "zapdev"
CLERK_ISSUER = "https://clerk.test"
AUDIENCE = "convex"
PORT = 3210
LASTING_KEY = Path(".zapdev") / "convex.key"
"""Where `make convex` keeps its key, so that a person's `.env` stays right."""

_MAIN = Path(__file__).parent / "convex_host" / "main.mjs"
_START_S = 30.0
_STOP_S = 5.0
_TOKEN_S = 300

Kind = Literal["none", "unavailable", "rate_limited", "slow", "hang", "reset", "lossy"]


class HostError(Exception):
    """The host did not start, or refused what it was told over its control port."""


@dataclass(frozen=True, slots=True)
class Stats:
    """What one deployment was asked and what it holds."""

    calls: dict[str, int]
    """How often each function ran, subscriptions' runs included."""
    documents: dict[str, int]
    largest_table: str | None
    """The table of the largest document ever written."""
    largest_bytes: int


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair for tokens, with the id that its JWKS gives it (RFC 7638)."""

    pem: str
    algorithm: Literal["ES256", "RS256"]
    jwk: Mapping[str, str]

    @property
    def kid(self) -> str:
        return self.jwk["kid"]

    @property
    def jwks_uri(self) -> str:
        """The public half, as the data: URI that auth.config.ts takes."""
        keys = json.dumps({"keys": [dict(self.jwk)]}).encode()
        return "data:application/json;base64," + base64.b64encode(keys).decode()

    def sign(self, claims: Mapping[str, Any], **header: Any) -> str:
        return jwt.encode(
            dict(claims), self.pem, algorithm=self.algorithm, headers={"kid": self.kid, **header}
        )


@dataclass(frozen=True, slots=True)
class ConvexHost:
    """A running host. Its methods work from any event loop, and from other processes too."""

    url: str
    """The root deployment."""
    control: str
    service: SigningKey = field(repr=False)
    clerk: SigningKey = field(repr=False)

    def deployment(self, name: str) -> str:
        """The address of a deployment of its own; letters, digits, `-` and `_`."""
        return f"{self.url}/{name}"

    # --- who calls -------------------------------------------------------------------------

    @property
    def service_key_pem(self) -> str:
        """The private key of our own processes (PKCS 8); its public half is in auth.config.ts."""
        return self.service.pem

    @property
    def service_kid(self) -> str:
        return self.service.kid

    def settings(self, deployment: str) -> dict[str, str]:
        """What a program's environment holds to keep its state in this deployment."""
        key = ServiceKey.parse(self.service_key_pem)
        return _settings(self.deployment(deployment), key)

    def service_token(self, **claims: Any) -> str:
        """A token of our own processes, good for five minutes from now unless `claims` say more."""
        return self.service.sign(_claims(SERVICE_ISSUER, SERVICE_SUBJECT, claims))

    def clerk_token(self, sub: str, **claims: Any) -> str:
        """A signed-in person's token as Clerk would make it, good for five minutes from now."""
        return self.clerk.sign(_claims(CLERK_ISSUER, sub, claims))

    # --- the control port ------------------------------------------------------------------

    async def set_fault(
        self,
        kind: Kind,
        deployment: str | None = None,
        *,
        ms: int | None = None,
        every: int | None = None,
        most: int | None = None,
        times: int | None = None,
        only: Sequence[str] | None = None,
    ) -> None:
        """Let calls fail from now on; of one deployment, or (None) of every one.

        `ms` belongs to "slow"; `every` and `most` to "lossy": how often one call loses its
        answer, however often it is sent. `times` ends it after so many calls, `only` names the
        functions that it befalls ("tasks:claim").
        """
        numbers = {"ms": ms, "every": every, "most": most, "times": times}
        given = {"kind": kind, **numbers, "only": only}
        fault = {name: value for name, value in given.items() if value is not None}
        await self._tell({"fault": fault, "deployment": deployment})

    async def clear_faults(self) -> None:
        """No fault is left, for any deployment."""
        await self.set_fault("none")

    async def stop_listening(self) -> None:
        """Every connection is cut and a new one is refused; the data is kept."""
        await self._tell({"listening": False})

    async def listen_again(self) -> None:
        await self._tell({"listening": True})

    async def stats(self, deployment: str | None = None) -> Stats:
        found = await self._tell({"stats": deployment})
        largest = found["largestDocument"] or {"table": None, "bytes": 0}
        return Stats(found["calls"], found["documents"], largest["table"], largest["bytes"])

    async def reset(self, deployment: str | None = None) -> None:
        """Forget a deployment: it starts empty when it is spoken to again."""
        await self._tell({"reset": deployment})

    async def let_pass(self, seconds: float, deployment: str | None = None) -> None:
        """As if so much time had passed: for a deployment's functions, not for its callers."""
        await self._tell({"pass_ms": round(seconds * 1_000), "deployment": deployment})

    async def run_cron(
        self, name: str, deployment: str | None = None, *, now_ms: float | None = None
    ) -> Any:
        """Run what crons.ts schedules under this name, once; answers what the function returned."""
        command = {"run_cron": name, "deployment": deployment}
        return await self._tell(command, now_ms=now_ms)

    async def _tell(self, command: Mapping[str, Any], *, now_ms: float | None = None) -> Any:
        headers = {} if now_ms is None else {"X-Host-Now": str(now_ms)}
        async with (
            aiohttp.ClientSession() as http,
            http.post(self.control, json=command, headers=headers) as answer,
        ):
            result = await answer.json()
        if answer.status != 200:
            raise HostError(result["error"])
        return result


@functools.cache
def shared_host() -> ConvexHost:
    """The host of this process's tests, over the project's functions; started when first asked."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(start_host())


@contextmanager
def start_host(
    *,
    convex_dir: Path = CONVEX_DIR,
    env: Mapping[str, str] | None = None,
    admin_key: str | None = None,
) -> Iterator[ConvexHost]:
    """A host of one's own. `env` is what its functions and auth.config.ts read.

    Raises: HostError, with what the host wrote, when it does not start.
    """
    service, clerk = _keys()
    auth = {"service": service.jwks_uri, "clerk": CLERK_ISSUER, "clerkJwks": clerk.jwks_uri}
    variables = {"ZAPDEV_AUTH": json.dumps(auth), **(env or {})}
    options = [] if admin_key is None else ["--admin-key", admin_key]
    with tempfile.TemporaryFile("w+") as said:
        try:
            with _running([str(convex_dir), *options], variables, said) as (_, addresses):
                yield ConvexHost(addresses["url"], addresses["control"], service, clerk)
        finally:
            said.seek(0)
            sys.stderr.write(said.read())


Running = tuple[subprocess.Popen[str], dict[str, str]]


@contextmanager
def _running(
    arguments: Sequence[str], variables: Mapping[str, str], said: IO[str] | None
) -> Iterator[Running]:
    """The host's process, which ends here, and its addresses; None: stderr is this process's.

    Raises: HostError.
    """
    if not (ROOT / "node_modules" / "convex-test").is_dir():
        raise HostError("The Convex host needs node_modules, type: npm ci")
    settings = [f"{name}={value}" for name, value in variables.items()]
    with subprocess.Popen(
        ["env", *settings, "node", str(_MAIN), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        text=True,
    ) as process:
        try:
            yield process, _first_line(process, said)
        finally:
            _stop(process)


def _first_line(process: subprocess.Popen[str], said: IO[str] | None) -> dict[str, str]:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], _START_S)
    line = process.stdout.readline() if ready else ""
    if not line:
        process.kill()
        process.wait()
        raise HostError(f"The Convex host did not start.{_text_of(said)}")
    addresses: dict[str, str] = json.loads(line)
    return addresses


def _text_of(said: IO[str] | None) -> str:
    if said is None:
        return ""
    said.seek(0)
    return f"\n{said.read().strip()}"


def _stop(process: subprocess.Popen[str]) -> None:
    """Closing its stdin is enough; a host that is stuck is killed."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _claims(issuer: str, subject: str, more: Mapping[str, Any]) -> dict[str, Any]:
    now = int(SystemClock().now().timestamp())
    standard = {"iss": issuer, "sub": subject, "aud": AUDIENCE, "iat": now, "exp": now + _TOKEN_S}
    return standard | dict(more)


@functools.cache
def _keys() -> tuple[SigningKey, SigningKey]:
    """The service's key and Clerk's, made once per process: an RSA key takes its time."""
    service = ec.generate_private_key(ec.SECP256R1())
    clerk = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public_service = ECAlgorithm.to_jwk(service.public_key(), as_dict=True)
    public_clerk = RSAAlgorithm.to_jwk(clerk.public_key(), as_dict=True)
    return (
        SigningKey(_pem(service), "ES256", _named(public_service, ("crv", "kty", "x", "y"))),
        SigningKey(_pem(clerk), "RS256", _named(public_clerk, ("e", "kty", "n"))),
    )


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _named(jwk: Mapping[str, Any], members: Sequence[str]) -> dict[str, str]:
    """With its thumbprint of RFC 7638 as its id."""
    required = {name: str(jwk[name]) for name in members}
    canonical = json.dumps(required, separators=(",", ":"), sort_keys=True).encode()
    digest = base64.urlsafe_b64encode(hashlib.sha256(canonical).digest())
    return required | {"kid": digest.decode().rstrip("="), "use": "sig"}


# --- a Convex for development --------------------------------------------------------------------


def main() -> None:
    """Serve the project's functions on a fixed port until Ctrl-C, and say what goes into .env."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fakes.convex",
        description="A Convex for development on loopback: in memory, no account.",
    )
    parser.add_argument("--port", type=int, default=PORT, help=f"{PORT} when left out")
    port: int = parser.parse_args().port
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        sys.exit(_develop(port, _lasting_key(LASTING_KEY)))
    print("\nThis Convex has ended, and what was in it is forgotten.")


def _develop(port: int, key: ServiceKey) -> str:
    """Serve until Ctrl-C; answers what went wrong where it ends before that."""
    variables = {"ZAPDEV_AUTH": auth_setting([key]), "CONVEX_HOST_DEBUG": "1"}
    arguments = [str(CONVEX_DIR), "--port", str(port), "--crons"]
    try:
        with _running(arguments, variables, None) as (process, addresses):
            print("A Convex for development. Put these two lines into .env:\n")
            for name, value in _settings(addresses["url"], key).items():
                print(f"{name}={value}")
            print("\nThe key stays the same. The data does not: all of it is forgotten when this")
            print("program ends. What functions throw and log is written here. Ctrl-C stops.")
            sys.stdout.flush()
            status = process.wait()
    except HostError as error:
        return f"{error} If the port is taken, choose another one: make convex PORT={port + 1}"
    return f"The Convex host ended by itself, with status {status}."


def _settings(url: str, key: ServiceKey) -> dict[str, str]:
    return {"CONVEX_URL": url, "CONVEX_SERVICE_KEY": key.export()}


def _lasting_key(file: Path) -> ServiceKey:
    """The key in this file, which is made when there is none."""
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(ServiceKey.generate().export())
    return ServiceKey.parse(file.read_text())


if __name__ == "__main__":
    main()
