"""Code with its colours, as lines of `(kind, text)` pieces: text for a page to show as text.

They go from the program that finds them to the page as the JSON they are, unread here: `{"lines":
[[[kind, text], …], …]}`. A kind is one of `highlight_program.KINDS`, or empty for none.
"""

import asyncio
import hashlib
import json
import sys
from collections import OrderedDict
from pathlib import Path

from agents.logger import create_logger

TEXT_MAX = 200_000
"""Characters; what is longer stays plain, and so does what `highlight_program.PIECES_MAX` ends."""
LIMIT_S = 3.0
AT_ONCE = 2
KEPT_BYTES = 32_000_000

_PROGRAM = Path(__file__).with_name("highlight_program.py")

log = create_logger(__name__)


class Highlighter:
    """Colours texts in short-lived processes, and keeps the newest results up to `kept_bytes`."""

    def __init__(self, limit_s: float = LIMIT_S, kept_bytes: int = KEPT_BYTES) -> None:
        self._limit_s = limit_s
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self._room = kept_bytes

    async def lines(self, path: str, text: str) -> bytes:
        """The text's lines; plain ones where it is too long, or colouring it takes too long.

        Joined, they are always the text as it came.
        """
        key = hashlib.sha256(json.dumps([path, text]).encode()).digest()
        if key not in self._kept:
            async with self._turn:
                found = None if len(text) > TEXT_MAX else await self._coloured(path, text)
                if found is None:
                    found = await asyncio.to_thread(plain, text)
            self._keep(key, found)
            return found
        self._kept.move_to_end(key)
        return self._kept[key]

    def _keep(self, key: bytes, found: bytes) -> None:
        self._room += len(self._kept.pop(key, b"")) - len(found)
        self._kept[key] = found
        while self._room < 0:
            _, oldest = self._kept.popitem(last=False)
            self._room += len(oldest)

    async def _coloured(self, path: str, text: str) -> bytes | None:
        """The program has no environment and no folder of ours on its way: a lexer, no more."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            str(_PROGRAM),
            env={},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        wanted = json.dumps({"path": path, "text": text}).encode()
        try:
            async with asyncio.timeout(self._limit_s):
                answer, _ = await process.communicate(wanted)
        except TimeoutError:
            log.info("colouring took too long", characters=len(text))
            return None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return answer if process.returncode == 0 else None


def plain(text: str) -> bytes:
    """The same without colours. It may be a million lines: it belongs beside the loop."""
    lines = (f'[["", {json.dumps(line)}]]' if line else "[]" for line in text.split("\n"))
    return f'{{"lines": [{", ".join(lines)}]}}'.encode()
