"""Outlives its owner just long enough to end what the owner started.

A program: `python keeper.py FOLDER/`. Standard input is a lifeline: when it ends, because the owner
closed it or died in whatever way, every process whose command line names FOLDER is killed.
Bubblewrap dies with its parent too, but only once it is up; a start takes many milliseconds on a
busy machine, and an owner may die in them.
"""

import contextlib
import os
import select
import signal
import sys
from pathlib import Path

_PROC = Path("/proc")
_PAUSE_S = 0.05
_QUIET_ROUNDS = 4
_MAX_ROUNDS = 100


def kill_mentioning(folder: str) -> bool:
    """Kill every process that was started for `folder` (it ends with a slash) but ourselves.

    The first process of a sandbox names it, and takes all others with it. The answer is whether
    there was one.
    """
    found = False
    for process in _PROC.glob("[0-9]*"):  # no deeper: a process that ends meanwhile is ESRCH
        pid = int(process.name)
        with contextlib.suppress(OSError):
            if pid != os.getpid() and folder.encode() in (process / "cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
                found = True
    return found


def main(folder: str) -> None:
    """Wait for the end of the lifeline, then kill until nothing new turns up."""
    while os.read(0, 512):
        pass
    quiet = 0
    for _ in range(_MAX_ROUNDS):
        quiet = 0 if kill_mentioning(folder) else quiet + 1
        if quiet == _QUIET_ROUNDS:
            return
        select.select([], [], [], _PAUSE_S)


if __name__ == "__main__":
    main(sys.argv[1])
