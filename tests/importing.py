"""Imports each module by itself and looks what importing did: `python -m tests.importing`.

One process loads the libraries once and then forks for each module, so that none of ours is
loaded beforehand and the whole house takes seconds. Prints one line of JSON: how many `modules`, and each complaint by its module.
"""

import importlib
import json
import os
import sys
import threading
import traceback
from pathlib import Path

LIBRARIES = (
    "aiohttp.web",
    "openai",
    "pydantic_settings",
    "rich.live",
    "sentry_sdk.integrations.aiohttp",
    "sentry_sdk.integrations.openai",
    "sqlite3",
    "structlog",
    "tenacity",
    "typer",
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_DEEDS = ("socket.connect", "socket.bind", "subprocess.Popen", "os.system", "os.mkdir")


def modules(root: Path) -> list[str]:
    """Every module of ours, by its dotted name."""
    found = []
    for package in ("agents", "bot"):
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if "files" not in parts and "sample" not in parts:
                found.append(".".join(parts).removesuffix(".__init__"))
    return found


def complaint(module: str) -> str:
    """Import it in a fork; what went wrong, or nothing."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.write(writing, _import(module).encode()[:4_000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return said or ("" if status == 0 else f"ended with status {status}")


def _import(module: str) -> str:
    deeds: list[str] = []

    def watch(event: str, args: tuple[object, ...]) -> None:
        if event in _DEEDS:
            deeds.append(event)
        if event == "open" and isinstance(args[2], int) and args[2] & _WRITING:
            deeds.append(f"writes {args[0]}")

    sys.dont_write_bytecode = True
    sys.addaudithook(watch)
    try:
        importlib.import_module(module)
    except BaseException:  # noqa: BLE001 - a boundary: the report is the whole point
        return traceback.format_exc(limit=-3)
    if threading.active_count() > 1:
        deeds.append("starts a thread")
    return ", ".join(deeds)


def main() -> None:
    for library in LIBRARIES:
        importlib.import_module(library)
    found = {module: complaint(module) for module in modules(Path.cwd())}
    answer = {"modules": len(found)} | {name: text for name, text in found.items() if text}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
