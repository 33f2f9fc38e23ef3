"""What every sandbox sees besides its app and /usr: a few small files, and Node if need be."""

import secrets
import shutil
from pathlib import Path

from agents.sandbox.boxes import make_passable
from agents.sandbox.toolchain import Toolchain

SKELETON = "skeleton"
"""The folder's name, below the sandboxes' root."""

_FILES = {
    "passwd": "root:x:0:0::/:/bin/false\nuser:x:1000:1000::/home/user:/bin/bash\n",
    "group": "root:x:0:\nuser:x:1000:\n",
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}


def lay_out(folder: Path) -> None:
    """Write the files, each replaced whole since other processes may use them. Blocks."""
    make_passable(folder)
    for name, text in _FILES.items():
        put(folder / name, text.encode())
    put(folder / "forward.mjs", Path(__file__).with_name("forward.mjs").read_bytes())


def copy_ca(source: Path, folder: Path) -> None:
    """Show the certificates that the host trusts besides the usual ones. Blocks."""
    make_passable(folder)
    put(folder / "ca.pem", source.read_bytes())


def put(path: Path, content: bytes) -> None:
    """Replace a file that everybody may read. Blocks."""
    fresh = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    fresh.write_bytes(content)
    fresh.chmod(0o644)
    fresh.rename(path)


def show_node(toolchain: Toolchain, cache: Path) -> Path | None:
    """A copy of a Node that is not under /usr, since the way to it may be closed. Blocks.

    Only the program and npm are copied: whatever else lives beside them stays private.
    """
    if toolchain.is_system:
        return None
    found = toolchain.node.stat()
    place = cache / f"node-{found.st_size}-{found.st_mtime_ns}"
    if place.is_dir():
        return place
    make_passable(cache)
    fresh = place.with_name(f"{place.name}.new-{secrets.token_hex(4)}")
    (fresh / "bin").mkdir(parents=True)
    shutil.copy(toolchain.node, fresh / "bin" / "node")
    shutil.copytree(toolchain.npm, fresh / "lib" / "node_modules" / "npm", symlinks=True)
    for name in ("npm", "npx"):
        program = fresh / "bin" / name
        cli = f"/opt/node/lib/node_modules/npm/bin/{name}-cli.js"
        program.write_text(f'#!/bin/sh\nexec /opt/node/bin/node {cli} "$@"\n')
        program.chmod(0o755)
    try:
        fresh.rename(place)
    except OSError:
        shutil.rmtree(fresh)  # another process was first
    return place
