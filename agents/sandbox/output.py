"""What a command printed, kept within a fixed size however much it is."""

import codecs

RUN_LIMIT = 64 * 1024
SERVER_LIMIT = 8 * 1024
_MARKER_ROOM = 80


class HeadAndTail:
    """The first and the last bytes of a text; between them a line that says what is missing."""

    def __init__(self, limit: int = RUN_LIMIT) -> None:
        self._half = (limit - _MARKER_ROOM) // 2
        self._limit = limit
        self._head = bytearray()
        self._tail = bytearray()
        self._size = 0

    def add(self, text: str) -> None:
        data = text.encode()
        self._size += len(data)
        room = self._limit - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        if len(self._tail) > 4 * self._limit:
            del self._tail[: -self._limit]

    @property
    def text(self) -> str:
        """At most `limit` bytes of UTF-8."""
        if self._size <= self._limit:
            return self._head.decode()
        last = (self._head + self._tail)[-self._half :]
        missing = self._size - 2 * self._half
        head = self._head[: self._half].decode(errors="ignore")
        return f"{head}\n[... {missing} bytes left out ...]\n{last.decode(errors='ignore')}"


class Tail:
    """The last bytes of a text."""

    def __init__(self, limit: int = SERVER_LIMIT) -> None:
        self._limit = limit
        self._data = bytearray()

    def add(self, text: str) -> None:
        self._data += text.encode()
        del self._data[: -self._limit]

    @property
    def text(self) -> str:
        """At most `limit` bytes of UTF-8."""
        return self._data.decode(errors="ignore")


def new_decoder() -> codecs.IncrementalDecoder:
    """Reads UTF-8 piece by piece; what is not UTF-8 becomes the replacement character."""
    return codecs.getincrementaldecoder("utf-8")(errors="replace")
