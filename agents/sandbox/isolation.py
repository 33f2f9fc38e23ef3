"""The wall around a sandbox: which program lines start a command inside it.

`Bubblewrap` gives each command its own view of the machine: the app as home, /usr to read, and
nothing else of the disk; its own processes and users; a network of its own with only loopback.
When we are root, privileges are dropped before bubblewrap starts: as root it would be weak, since
everything root owns could be read through any hole. `Unisolated` is a plain process.
"""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from agents.sandbox.boxes import Box
from agents.sandbox.guard import NICENESS, TRY_S

DROP_UID = 65_432
"""Whom sandboxed code runs as when we are root: below 65,536, and no real user's."""

HOME = "/home/user"
CA_FILE = "/etc/ssl/ca.pem"
REGISTRY_PORT = 3128
_BRIDGE = "/run/bridge"
_GATE = "/run/gate"
_SHM_BYTES = 64 * 1024 * 1024

Kind = Literal["run", "install", "serve"]

QUIET_TOOLS: Mapping[str, str] = {
    "CI": "1",
    "NO_COLOR": "1",
    "NEXT_TELEMETRY_DISABLED": "1",
    "NG_CLI_ANALYTICS": "false",
    "npm_config_audit": "false",
    "npm_config_fund": "false",
    "npm_config_update_notifier": "false",
    "npm_config_globalconfig": "/dev/null",
}
"""Said to every command: no questions, no colours, no reports to vendors."""

# $1 is the command. Limits: 1,024 threads, files of 1 GiB, no core dumps; builds stand back for us
# (see NICENESS), and are the first to go when memory ends. Node needs a large address space, so
# that has no limit. The session is lowered beside the command, which does not wait for it, by no
# child of the command's own, which might never be reaped.
_LOWER_SESSION = (
    "({ [ ! -e /proc/self/autogroup ] || for _ in {1..100}; do "
    f"echo {NICENESS} >/proc/self/autogroup && break; sleep {TRY_S}; done; }} >/dev/null 2>&1 &); "
)
_LIMITS = (
    "ulimit -c 0 -f 1048576 -u 1024; echo 900 >/proc/self/oom_score_adj; "
    f"{_LOWER_SESSION}exec nice -n {NICENESS} bash -c "
)
_SCRIPTS: Mapping[Kind, str] = {
    "run": _LIMITS + '"$1"',
    "serve": f'node /run/forward.mjs {_BRIDGE}/server.sock "$PORT" & {_LIMITS}"$1"',
    "install": (
        f"node /run/forward.mjs {REGISTRY_PORT} {_GATE}/registry.sock & "
        f"until (: </dev/tcp/127.0.0.1/{REGISTRY_PORT}) 2>/dev/null; do sleep 0.02; done; "
        f'{_LIMITS}"$1"'
    ),
}


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start one command. `guarded` programs die when their standard input ends.

    `env` is all the program gets; None hands on our own, for programs of ours only.
    """

    argv: list[str]
    env: Mapping[str, str] | None
    cwd: Path
    guarded: bool


class Isolation(Protocol):
    """One kind of wall."""

    @property
    def is_isolated(self) -> bool:
        """Whether code inside can neither read the host nor reach a network."""
        ...

    @property
    def uid(self) -> int | None:
        """Whom the code's files belong to, when not to us."""
        ...

    def launch(self, box: Box, command: str, kind: Kind, env: Mapping[str, str]) -> Launch:
        """The program line for `command` by `bash -c`, with `env` added to a minimal one."""
        ...


def drop_to(uid: int | None) -> list[str]:
    """What to put before a program so that it runs as `uid`, without any way back."""
    if uid is None:
        return []
    who = ["--reuid", str(uid), "--regid", str(uid), "--clear-groups"]
    return ["/usr/bin/setpriv", *who, "--inh-caps=-all", "--no-new-privs", "--"]


def guarded(folder: Path, argv: list[str]) -> list[str]:
    """`argv` under our guard program, which leaves nothing of it behind; works for `folder`."""
    guard = Path(__file__).with_name("guard.py")
    return [sys.executable, "-I", "-S", str(guard), f"{folder}/", *argv]


def keeper(folder: Path) -> Launch:
    """The program that ends everything started for `folder` when we are gone."""
    program = Path(__file__).with_name("keeper.py")
    argv = [sys.executable, "-I", "-S", str(program), f"{folder}/"]
    return Launch(argv, {}, Path("/"), guarded=True)


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """Linux namespaces by `bwrap`. `skeleton` holds the few files that every sandbox sees.

    `node` is a folder to show as /opt/node when Node is not the system's.
    """

    bwrap: str
    skeleton: Path
    uid: int | None = None
    node: Path | None = None
    is_isolated: bool = field(default=True, init=False)

    def launch(self, box: Box, command: str, kind: Kind, env: Mapping[str, str]) -> Launch:
        argv = [*drop_to(self.uid), self.bwrap, *self._view(box, kind)]
        for name, value in {**self._env(), **env}.items():
            argv += ["--setenv", name, value]
        argv += ["/usr/bin/bash", "-c", _SCRIPTS[kind], "zapdev", command]
        return Launch(argv, {}, Path("/"), guarded=False)

    def _view(self, box: Box, kind: Kind) -> list[str]:
        view = ["--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL"]
        view += ["--die-with-parent", "--new-session", "--clearenv"]
        view += ["--uid", "1000", "--gid", "1000", "--hostname", "sandbox"]
        view += ["--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin"]
        for name in ("sbin", "lib", "lib64"):
            view += ["--symlink", f"usr/{name}", f"/{name}"]
        for folder in ("/usr/etc", "/usr/local/etc"):  # where npm's own settings may be
            if Path(folder).is_dir():
                view += ["--tmpfs", folder]
        for name in ("passwd", "group", "hosts", "nsswitch.conf"):
            view += ["--ro-bind", str(self.skeleton / name), f"/etc/{name}"]
        for path in ("/etc/ld.so.cache", "/etc/alternatives"):
            view += ["--ro-bind-try", path, path]
        view += ["--ro-bind", str(self.skeleton / "forward.mjs"), "/run/forward.mjs"]
        if self.node is not None:
            view += ["--ro-bind", str(self.node), "/opt/node"]
        if kind == "serve":
            view += ["--bind", str(box.bridge), _BRIDGE]
        if kind == "install":
            view += ["--ro-bind", str(box.gate), _GATE]
            view += ["--ro-bind-try", str(self.skeleton / "ca.pem"), CA_FILE]
        view += ["--proc", "/proc", "--dev", "/dev"]
        view += ["--size", str(_SHM_BYTES), "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]  # noqa: S108
        view += ["--bind", str(box.tmp), "/tmp", "--bind", str(box.app), HOME]  # noqa: S108
        return [*view, "--remount-ro", "/", "--chdir", HOME]

    def _env(self) -> dict[str, str]:
        node = "/opt/node/bin:" if self.node is not None else ""
        return {
            **QUIET_TOOLS,
            "PATH": f"{node}/usr/local/bin:/usr/bin:/bin",
            "HOME": HOME,
            "USER": "user",
            "SHELL": "/bin/bash",
            "LANG": "C.UTF-8",
            "npm_config_cache": "/tmp/.npm",  # noqa: S108 - the sandbox's own /tmp
            "XDG_CACHE_HOME": "/tmp/.cache",  # noqa: S108
            "XDG_CONFIG_HOME": "/tmp/.config",  # noqa: S108
        }


@dataclass(frozen=True, slots=True)
class Unisolated:
    """A plain process with a scrubbed environment, for code that is trusted."""

    node: Path
    uid: int | None = field(default=None, init=False)
    is_isolated: bool = field(default=False, init=False)

    def launch(self, box: Box, command: str, kind: Kind, env: Mapping[str, str]) -> Launch:
        del kind
        own = {
            **QUIET_TOOLS,
            "PATH": f"{self.node.parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(box.app),
            "TMPDIR": str(box.tmp),
            "SHELL": "/bin/bash",
            "LANG": "C.UTF-8",
            "npm_config_cache": str(box.tmp / ".npm"),
            "XDG_CACHE_HOME": str(box.tmp / ".cache"),
            "XDG_CONFIG_HOME": str(box.tmp / ".config"),
        }
        bash = shutil.which("bash") or "/bin/bash"
        argv = guarded(box.root, [bash, "-c", command])
        return Launch(argv, {**own, **env}, box.app, guarded=True)
