"""The Node.js and npm of this machine, and how npm reaches its registry.

Asked of the tools themselves, so that whatever configures npm here counts.
"""

import asyncio
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from agents.errors import SandboxUnavailable

_ASK_NODE = "console.log(JSON.stringify([process.execPath, process.env.NODE_EXTRA_CA_CERTS ?? '']))"
_NPM_KEYS = ("registry", "https-proxy", "cafile")
ANSWER_S = 30.0
"""How long a tool may take to answer; on a busy machine npm needs seconds to start."""
_SYSTEM_BINS = (Path("/usr/bin"), Path("/usr/local/bin"))


@dataclass(frozen=True, slots=True)
class Toolchain:
    """`node` is the real program; `ca_file` holds extra certificates to trust, if any."""

    node: Path
    ca_file: Path | None

    @property
    def is_system(self) -> bool:
        """Whether it comes with /usr, which every sandbox sees."""
        return self.node.parent in _SYSTEM_BINS

    @property
    def npm(self) -> Path:
        """The package npm, of a Node that is not the system's."""
        return self.node.parent.parent / "lib" / "node_modules" / "npm"


@dataclass(frozen=True, slots=True)
class Registry:
    """Where packages come from. `proxy` is the host's own way out, if it needs one."""

    url: str
    ca_file: Path | None
    proxy: str | None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return address_of(self.url)


def address_of(url: str) -> tuple[str, int]:
    """Host and port of an http or https URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


async def find_toolchain() -> Toolchain:
    """The Node beside our Python if there is one, else the one on the PATH.

    Raises: SandboxUnavailable when there is none, or it does not run.
    """
    beside = Path(sys.executable).with_name("node")
    found = str(beside) if beside.exists() else shutil.which("node")
    if found is None:
        raise SandboxUnavailable("Node.js is missing: install Node.js 20.19 or newer")
    node, ca_file = json.loads(await ask(found, "-e", _ASK_NODE))
    return Toolchain(Path(node), Path(ca_file) if ca_file else None)


async def find_registry(toolchain: Toolchain) -> Registry:
    """What npm is configured to use on this host; credentials in addresses are left out."""
    npm = toolchain.npm / "bin" / "npm-cli.js"
    command = [str(toolchain.node), str(npm)] if npm.exists() else ["npm"]
    lines = (await ask(*command, "config", "get", *_NPM_KEYS)).splitlines()
    said = dict(line.split("=", 1) for line in lines if "=" in line)
    url, proxy, ca_file = (_value(said.get(key, "")) for key in _NPM_KEYS)
    if url is None:
        raise SandboxUnavailable("npm names no registry")
    trusted = Path(ca_file) if ca_file else toolchain.ca_file
    return Registry(_without_credentials(url), trusted, proxy)


async def ask_npm() -> Registry:
    """The registry of this machine's own npm. Raises: SandboxUnavailable."""
    return await find_registry(await find_toolchain())


async def ask(*command: str, within_s: float = ANSWER_S) -> str:
    """What a tool of ours prints. Raises: SandboxUnavailable when it fails, or says nothing."""
    name = Path(command[0]).name
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=-1, stderr=-1, cwd="/"
        )
    except OSError as error:
        raise SandboxUnavailable(f"{name} does not start: {error.strerror}") from error
    try:
        async with asyncio.timeout(within_s):
            out, err = await process.communicate()
    except TimeoutError as error:
        raise SandboxUnavailable(f"{name} says nothing within {within_s:g} s") from error
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode != 0:
        said = (err or out).decode(errors="replace").strip()
        raise SandboxUnavailable(f"{name} does not run: {said[-300:]}")
    return out.decode().strip()


def _value(text: str) -> str | None:
    """A setting as npm prints it, or None when it has none."""
    return None if text in ("", "null", "undefined") else text


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
