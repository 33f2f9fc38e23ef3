"""What a stand-in E2B account holds: templates, sandboxes, limits, and what has been refused."""

import asyncio
import secrets
import shutil
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

from agents.background import Background
from agents.system import SystemClock
from agents.templates import Template
from tests.fakes.e2b.faults import Faults
from tests.fakes.e2b.machine import Machine
from tests.fakes.e2b.preview import Listener
from tests.fakes.e2b.warden import kill_tagged, living
from tests.fakes.e2b.wire import not_running, port_closed

DOMAIN = "e2b.test"
ENVD_VERSION = "0.6.7"
_TICK_S = 0.05

Image = Callable[[Path], Awaitable[None]]
"""Fills the home folder of a new sandbox."""

State = Literal["running", "paused", "killed"]

AWAKE_AT_LEAST_S = 300
"""What a sandbox gets that wakes by itself, where it was made with less (e2b.dev/docs/sandbox/auto-resume)."""


@dataclass(slots=True)
class Limits:
    """What the account may do; the defaults are those of the free plan but for the rate."""

    concurrent: int = 20
    creates_per_s: int | None = None
    longest_s: int = 3600


@dataclass(slots=True)
class Sandbox:
    """One sandbox as the control plane knows it. Times are of the cloud's clock."""

    id: str
    body: Mapping[str, Any]
    machine: Machine
    listener: Listener
    image: Image
    began_at: float
    ends_at: float
    state: State = "running"
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    network: Mapping[str, Any] = field(default_factory=dict)
    networks: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def metadata(self) -> dict[str, str]:
        return dict(self.body.get("metadata") or {})

    def shown(self) -> dict[str, Any]:
        """As every answer of the control plane shows it."""
        return {
            "templateID": self.body["templateID"],
            "sandboxID": self.id,
            "clientID": "stand-in",
            "envdVersion": ENVD_VERSION,
            "envdAccessToken": self.token,
            "domain": DOMAIN,
            "startedAt": _iso(self.began_at),
            "endAt": _iso(self.ends_at),
            "cpuCount": 2,
            "memoryMB": 2048,
            "diskSizeMB": 4096,
            "state": self.state,
            "metadata": self.metadata,
        }


class Cloud:
    """An account and its sandboxes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = ""
        self._tag = f"STAND_IN_E2B={secrets.token_hex(8)}"
        self._background = Background()
        self._by_key: dict[str, str] = {}
        self._created: deque[float] = deque()
        self._ahead_s = 0.0
        self.key = f"e2b_{secrets.token_hex(20)}"
        self.images: dict[str, Image] = {"base": plain_image}
        self.keeps_memory = False
        self.limits = Limits()
        self.faults = Faults()
        self.sandboxes: dict[str, Sandbox] = {}
        self.requests: list[str] = []

    async def open(self) -> None:
        self._background.spawn(self._keep_time(), name="lifetimes")

    async def close(self) -> None:
        """Kill everything; nothing is left running or on disk."""
        await self._background.stop()
        for sandbox in self.sandboxes.values():
            await self.kill(sandbox)
            await sandbox.listener.close()
        await asyncio.to_thread(kill_tagged, self._tag)

    @property
    def tag(self) -> str:
        """An entry in the environment of every process of every sandbox."""
        return self._tag

    @property
    def processes(self) -> list[int]:
        """What runs on this machine for any sandbox."""
        return living(self._tag)

    @property
    def running(self) -> list[Sandbox]:
        """The sandboxes that count against the account."""
        return [sandbox for sandbox in self.sandboxes.values() if sandbox.state == "running"]

    def now(self) -> float:
        """Seconds; only differences matter."""
        return time.monotonic() + self._ahead_s

    async def advance(self, seconds: float) -> None:
        """Let this much time pass for every lifetime."""
        self._ahead_s += seconds
        await self.look_at_the_clock()

    async def look_at_the_clock(self) -> None:
        """End the running time of what has used it up."""
        for sandbox in self.running:
            if sandbox.ends_at <= self.now():
                if sandbox.body.get("autoPause"):
                    await self.pause(sandbox)
                else:
                    await self.kill(sandbox)

    async def create(self, body: Mapping[str, Any], image: Image) -> Sandbox:
        """A new running sandbox; its limits have been checked."""
        listener = Listener()
        sandbox_id = str(await listener.open())
        folder = self.root / sandbox_id
        machine = Machine(folder, sandbox_id, self._tag, body.get("envVars") or {})
        try:
            await image(machine.home)
        except BaseException:
            await listener.close()
            raise
        now = self.now()
        network = {**(body.get("network") or {})}
        if body.get("allow_internet_access") is False:
            network["denyOut"] = ["0.0.0.0/0"]
        sandbox = Sandbox(
            id=sandbox_id,
            body=body,
            machine=machine,
            listener=listener,
            image=image,
            began_at=now,
            ends_at=now + body.get("timeout", 300),
            network=network,
            networks=[network],
        )
        listener.target = partial(self._target_of, sandbox)
        listener.on_closed = lambda _: port_closed(sandbox_id, machine.front)
        self.sandboxes[sandbox_id] = sandbox
        return sandbox

    def refused_creation(self) -> str | None:
        """Why no sandbox can be made now; counts the attempt where a rate is set."""
        if len(self.running) >= self.limits.concurrent:
            return (
                "you have reached the maximum number of concurrent E2B sandboxes "
                f"({self.limits.concurrent})"
            )
        rate, now = self.limits.creates_per_s, time.monotonic()
        if rate is None:
            return None
        while self._created and self._created[0] <= now - 1:
            self._created.popleft()
        if len(self._created) >= rate:
            return "sandbox creation rate limit reached"
        self._created.append(now)
        return None

    def made_by(self, key: str | None) -> Sandbox | None:
        """The sandbox that an earlier request with this idempotency key has made."""
        return self.sandboxes.get(self._by_key.get(key or "", ""))

    def remember(self, key: str | None, sandbox: Sandbox) -> None:
        if key is not None:
            self._by_key[key] = sandbox.id

    async def pause(self, sandbox: Sandbox) -> None:
        """Stop it; files stay, and processes only where the cloud `keeps_memory`.

        E2B does, unless it is told not to or cannot: nobody may rely on it.
        """
        sandbox.state = "paused"
        if self.keeps_memory:
            await sandbox.machine.freeze()
        else:
            await sandbox.machine.end()

    async def resume(self, sandbox: Sandbox, *, empty: bool = False) -> None:
        if empty:
            await asyncio.to_thread(shutil.rmtree, sandbox.machine.home)
            sandbox.machine.home.mkdir()
            await plain_image(sandbox.machine.home)
        await sandbox.machine.thaw()
        sandbox.state = "running"

    async def reach(self, sandbox: Sandbox) -> bool:
        """Whether it runs, now that somebody calls: one made with `autoResume` is woken by that."""
        waking = (sandbox.body.get("autoResume") or {}).get("enabled") is True
        if sandbox.state == "paused" and waking and len(self.running) < self.limits.concurrent:
            sandbox.ends_at = self.now() + max(sandbox.body.get("timeout", 300), AWAKE_AT_LEAST_S)
            await self.resume(sandbox)
        return sandbox.state == "running"

    async def kill(self, sandbox: Sandbox) -> None:
        if sandbox.state != "killed":
            sandbox.state = "killed"
            await sandbox.machine.end()
            await asyncio.to_thread(sandbox.machine.wipe)

    def kill_soon(self, sandbox: Sandbox) -> None:
        """As `kill`, for somebody whom the killing ends."""
        self._background.spawn(self.kill(sandbox), name="kill")

    async def _target_of(self, sandbox: Sandbox) -> int | dict[str, Any]:
        machine = sandbox.machine
        if not await self.reach(sandbox):
            return not_running(sandbox.id)
        if machine.front in machine.closed_ports:
            return port_closed(sandbox.id, machine.front)
        return machine.ports[machine.front]

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            await self.look_at_the_clock()


async def plain_image(home: Path) -> None:
    """The base image: a home with a shell's files, and Node on the PATH."""
    (home / ".bashrc").write_text("# interactive shells only\n")
    (home / ".profile").write_text(f'export PATH="{_node_folder()}:$PATH"\n')


def built_image(template: Template, tree: Path, marker: Path, app: Path) -> Image:
    """As `template` was built: its tree as the app, and its digest in the marker's file.

    Packages are linked, the app's own files copied. `marker` and `app` are relative to the home
    folder.
    """

    async def fill(home: Path) -> None:
        await plain_image(home)
        (home / marker).parent.mkdir(parents=True, exist_ok=True)
        (home / marker).write_text(template.digest)
        await copy_folder(tree, home / app)

    return fill


async def copy_folder(source: Path, target: Path) -> None:
    """Copy a folder; packages are linked, since nobody changes them in place."""
    target.mkdir()
    script = 'for entry in "$1"/{.[!.],}*; do [ -e "$entry" ] || continue; '
    script += '[ "${entry##*/}" = node_modules ] && how=-al || how=-a; '
    script += 'cp $how "$entry" "$2"/ || exit 1; done'
    words = ["bash", "-c", script, "copy", str(source), str(target)]
    copying = await asyncio.create_subprocess_exec(*words)
    assert await copying.wait() == 0


def _iso(moment: float) -> str:
    return (SystemClock().now() + timedelta(seconds=moment - time.monotonic())).isoformat()


@lru_cache
def _node_folder() -> Path:
    """Where Node is: beside our Python, or on the PATH, as the local sandbox looks for it."""
    beside = Path(sys.executable).with_name("node")
    found = str(beside) if beside.exists() else shutil.which("node")
    assert found is not None
    return Path(found).parent
