"""What a browser saw of a page: plain values, judged in `agents.diagnostics.page`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class PageError:
    """An error that nobody caught, unhandled rejections included; `stack` as browsers print it."""

    message: str
    stack: str = ""


@dataclass(frozen=True, slots=True)
class FailedLoad:
    """What a page needs and did not get; `status` is None where no answer came."""

    url: str
    kind: Literal["document", "script", "stylesheet"]
    status: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a browser saw at a URL until the page had settled, or its time was over.

    `problem` says why there is no page at all. `loads` counts the documents of the main frame.
    `html` is the page as scripts have made it, cut at 256 KiB. `overlay` is the text of a dev
    server's error overlay. `settled` is False for a page that keeps the browser busy.
    `unreachable` names hosts outside that this machine did not reach or that are not allowed.
    `screenshot` is a JPEG of 1280x800 and at most 1 MiB.
    """

    url: str
    status: int | None
    problem: str | None = None
    errors: tuple[PageError, ...] = ()
    failures: tuple[FailedLoad, ...] = ()
    console: tuple[str, ...] = ()
    overlay: str | None = None
    html: str = ""
    blank: bool = False
    settled: bool = True
    loads: int = 1
    unreachable: frozenset[str] = frozenset()
    screenshot: bytes | None = None
