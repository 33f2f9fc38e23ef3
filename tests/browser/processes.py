"""What a browser of the gate runs as processes, below this one."""

import subprocess


def below(pid: int, mark: str) -> list[int]:
    """Every process below this one with `mark` in its command line."""
    lines = subprocess.run(
        ["ps", "-eww", "-o", "pid=,ppid=,args="], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    rows = [(int(p), int(parent), args) for p, parent, args in (x.split(None, 2) for x in lines)]
    family: set[int] = {pid}
    found = family
    while found:
        found = {p for p, parent, _ in rows if parent in family} - family
        family |= found
    return [p for p, _, args in rows if p in family and mark in args]


def browsers_of(pid: int) -> list[int]:
    """Every process below this one that runs from a browser's home."""
    return below(pid, "zapdev-browser-")


def drivers_of(pid: int) -> list[int]:
    """What Playwright runs in Node, below this process."""
    return below(pid, "run-driver")
