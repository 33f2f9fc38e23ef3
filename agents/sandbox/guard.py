"""Runs one command and leaves nothing of it behind. A program: `python guard.py LABEL COMMAND…`.

Used where no process namespace can do that. Standard input is a lifeline: when it ends, because
the owner closed it or died in whatever way, the command's whole tree is killed. On Linux this
includes daemons that left their session, which come back to us as the subreaper.

The command runs at a lower priority than whoever started it; so does what is behind the wall.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_PROC = Path("/proc")

NICENESS = 10
"""How far builds stand back for the process that serves: it answers within milliseconds, or people
wait and Slack repeats itself, while twenty builds take every processor there is.

Where a kernel has autogroups (`/proc/sys/kernel/sched_autogroup_enabled`, which is usual) a
process's own `nice` counts only among those of its session: sessions share the processor as
equals, and each command is a session of its own. So the session is lowered as well. Anybody may
lower one, but on the whole machine only ten times a second: hence the tries. This is for builds
that mean well: code that begins a session of its own has only its `nice` left.
"""

TRY_S = 0.1


def main(command: list[str]) -> int:
    """The command's exit status as a shell would give it; 137 when it was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    news, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    os.nice(NICENESS)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    is_lowered = False
    while child.poll() is None:
        is_lowered = is_lowered or _lower_session(child.pid)
        ready, _, _ = select.select([0, news], [], [], None if is_lowered else TRY_S)
        if news in ready:
            os.read(news, 512)
        if 0 in ready and not os.read(0, 512):
            break
    status = child.returncode
    _kill_all(child.pid)
    if status is None:
        return 128 + signal.SIGKILL
    return 128 - status if status < 0 else status


def _lower_session(leader: int) -> bool:
    """Whether there is nothing left to do; False is to be tried again."""
    try:
        (_PROC / str(leader) / "autogroup").write_text(str(NICENESS))
    except BlockingIOError:
        return False
    except OSError:
        return True  # no autogroups here, or it has ended
    return True


def _kill_all(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    while living := _descendants(os.getpid()):
        for pid in living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)


def _descendants(ancestor: int) -> list[int]:
    """Every process below `ancestor`, zombies left out; empty where there is no /proc."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for process in _PROC.glob("[0-9]*"):  # no deeper: a process that ends meanwhile is ESRCH
        with contextlib.suppress(OSError):
            stat = (process / "stat").read_text("latin-1")
            state, parent = stat.rpartition(")")[2].split()[:2]
            if state != "Z":
                children[int(parent)].append(int(process.name))
    found: list[int] = []
    todo = [ancestor]
    while todo:
        below = children[todo.pop()]
        found += below
        todo += below
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:]))
