"""What every command shares: settings, logs, exit statuses, and the last catch."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, NoReturn

import typer

from agents.errors import UserError, ZapdevError
from agents.logger import configure_logging, create_logger
from agents.scrubber import Scrubber
from bot.config import ConfigError, Settings, load_settings, unknown_names

_log = create_logger(__name__)


class Outcome(IntEnum):
    """The exit statuses."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    STOPPED = 130


Command = Callable[[Settings], Awaitable[Outcome]]


def load(*, for_people: bool, **overrides: Any) -> Settings:
    """Settings for a command, with logging set up; bad ones end the program with status 2.

    `for_people`: the screen belongs to the command, so only warnings are logged.
    """
    try:
        settings = load_settings(**overrides)
    except ConfigError as error:
        say(str(error))
        raise typer.Exit(Outcome.USAGE) from None
    for warning in unknown_names():
        say(warning)
    configure_logging(
        format=_format(settings),
        level="warning" if for_people and settings.log_level == "info" else settings.log_level,
        scrubber=Scrubber(settings.secrets()),
        color=sys.stderr.isatty(),
    )
    return settings


def run(command: Command, settings: Settings) -> NoReturn:
    """Run a command to its exit status; Ctrl-C and SIGTERM cancel it, so it cleans up.

    A boundary: what no one else has handled ends here as a sentence on stderr (a person's
    mistake as status 2) or, if it is our mistake, as a log line without secrets.
    """

    async def work() -> Outcome:
        _on_stop_signals(_cancel_this())
        return await command(settings)

    try:
        outcome = asyncio.run(work())
    except (KeyboardInterrupt, asyncio.CancelledError):
        outcome = Outcome.STOPPED
    except UserError as error:
        say(f"{error} {error.hint or ''}".rstrip())
        outcome = Outcome.USAGE
    except ZapdevError as error:
        say(str(error))
        outcome = Outcome.FAILED
    except Exception:  # noqa: BLE001 - the last catch, see above
        _log.exception("the command broke")
        outcome = Outcome.FAILED
    raise typer.Exit(outcome)


def say(text: str) -> None:
    """A sentence for the person, beside the output."""
    typer.echo(text, err=True)


@contextmanager
def on_stop(callback: Callable[[], object]) -> Iterator[None]:
    """Call back on the first Ctrl-C or SIGTERM inside; the next one cancels what runs."""
    cancel = _cancel_this()

    def once() -> None:
        _on_stop_signals(cancel)
        callback()

    _on_stop_signals(once)
    try:
        yield
    finally:
        _on_stop_signals(cancel)


def _cancel_this() -> Callable[[], object]:
    main = asyncio.current_task()
    return main.cancel if main is not None else lambda: None


def _on_stop_signals(callback: Callable[[], object]) -> None:
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, callback)


def _format(settings: Settings) -> Any:
    if settings.log == "auto":
        return "text" if sys.stderr.isatty() else "json"
    return settings.log
