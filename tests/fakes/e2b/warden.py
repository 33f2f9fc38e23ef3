"""Ends whatever runs for a stand-in E2B. A program too: `python warden.py NAME=VALUE`.

As a program it waits for its standard input to end, because the owner closed it or died in
whatever way, and then kills every process whose environment holds NAME=VALUE.
"""

import contextlib
import os
import select
import signal
import sys
from pathlib import Path

_PROC = Path("/proc")
_ROUNDS = 200
_PAUSE_S = 0.01


def kill_tagged(tag: str) -> None:
    """Kill every process with this entry in its environment, until none is left. Blocks."""
    entry = f"\0{tag}\0".encode()
    for _ in range(_ROUNDS):
        if not _kill_once(entry):
            return
        select.select([], [], [], _PAUSE_S)


def signal_tagged(tag: str, number: signal.Signals) -> None:
    """Send this to every process with this entry in its environment. Blocks."""
    for pid in living(tag):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def living(tag: str) -> list[int]:
    """The processes with this entry in their environment; zombies have none."""
    entry = f"\0{tag}\0".encode()
    return [pid for pid in _pids() if entry in _environment(pid)]


def _kill_once(entry: bytes) -> bool:
    found = [pid for pid in _pids() if entry in _environment(pid)]
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return bool(found)


def _pids() -> list[int]:
    mine = os.getpid()
    return [pid for p in _PROC.glob("[0-9]*") if (pid := int(p.name)) != mine]


def _environment(pid: int) -> bytes:
    try:
        return b"\0" + (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return b""


if __name__ == "__main__":
    while os.read(0, 512):
        pass
    kill_tagged(sys.argv[1])
