"""Code with its colours, as lines of `(kind, text)` pieces: text for a page to show as text."""

import asyncio
import hashlib
import json
import sys
from collections import OrderedDict
from pathlib import Path

from agents.logger import create_logger

TEXT_MAX = 200_000
"""Characters; what is longer stays plain."""
LIMIT_S = 3.0
AT_ONCE = 2
KEPT = 128

Lines = list[list[tuple[str, str]]]
"""Per line its pieces. A kind is one of `highlight_program.KINDS`, or empty for none."""

_PROGRAM = Path(__file__).with_name("highlight_program.py")

log = create_logger(__name__)


class Highlighter:
    """Colours texts in short-lived processes, and keeps the newest results."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._kept: OrderedDict[bytes, Lines] = OrderedDict()

    async def lines(self, path: str, text: str) -> Lines:
        """The text's lines; plain ones where it is too long, or colouring it takes too long.

        Joined, they are always the text as it came.
        """
        if len(text) > TEXT_MAX:
            return plain(text)
        key = hashlib.sha256(f"{path}\0{text}".encode()).digest()
        if key not in self._kept:
            async with self._turn:
                self._keep(key, await self._coloured(path, text))
        self._kept.move_to_end(key)
        return self._kept[key]

    def _keep(self, key: bytes, lines: Lines) -> None:
        self._kept[key] = lines
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    async def _coloured(self, path: str, text: str) -> Lines:
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
            return plain(text)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            return plain(text)
        return [[(kind, piece) for kind, piece in line] for line in json.loads(answer)]


def plain(text: str) -> Lines:
    """The same without colours."""
    return [[("", line)] if line else [] for line in text.split("\n")]
