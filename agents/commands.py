"""What the `terminal` tool runs, what it refuses, and with what words.

The policy helps an honest model: it keeps commands that never end, or that belong to people, out
of a turn. It is not a boundary; the sandbox and its network rules are.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final

from agents.program_rules import BACKGROUND, Line, Words, judge, program_of, started_by
from agents.shell import Parsed, parse_command

DEFAULT_TIMEOUT_S: Final = 60.0
MIN_TIMEOUT_S: Final = 1.0
MAX_TIMEOUT_S: Final = 600.0
MAX_COMMAND_CHARS: Final = 8_000
_MAX_DEPTH: Final = 6

_DOWNLOAD: Final = "Running downloaded scripts is not allowed. Use packages from the registry."
_BOMB: Final = "It would start processes without end."

_SHELLS: Final = frozenset({"sh", "bash", "zsh", "dash", "ksh", "ash", "fish"})
_INTERPRETERS: Final = _SHELLS | {"node", "python", "python3", "perl", "ruby", "deno", "bun"}
_READERS: Final = frozenset({"eval", "source", "."})
_DOWNLOADERS: Final = frozenset({"curl", "wget"})
_FETCHES: Final = re.compile(r"(?:\$\(|`|<\()\s*(?:curl|wget)\b")
_SELF_PIPE: Final = re.compile(r"([\w:.]{1,40})\s*\(\s*\)\s*\{[^}]*?\1\s*\|\s*\1\s*&")


def refusal(command: str) -> str | None:
    """Why the command is not run, in words for the model; None when it may run.

    Total: any text gets an answer, nothing is raised.
    """
    if not command.strip():
        return "The command is empty."
    if len(command) > MAX_COMMAND_CHARS:
        return (
            f"The command is longer than {MAX_COMMAND_CHARS} characters. "
            "Write files with createOrUpdateFiles instead."
        )
    if "\0" in command:
        return "The command holds a NUL character."
    reason = _line_reason(command, 0)
    return None if reason is None else f"This command was not run. {reason}"


def clamp_timeout(timeout_ms: float | None) -> float:
    """Seconds to allow: 60 unless asked otherwise, never below 1 or above 600."""
    if timeout_ms is None:
        return DEFAULT_TIMEOUT_S
    return min(MAX_TIMEOUT_S, max(MIN_TIMEOUT_S, timeout_ms / 1000))


# --- installs --------------------------------------------------------------------------------

_INSTALLERS: Final[Mapping[str, frozenset[str]]] = {
    "npm": frozenset({"install", "i", "add"}),
    "pnpm": frozenset({"install", "i", "add"}),
    "yarn": frozenset({"add", "install"}),
    "bun": frozenset({"add", "install", "i", "a"}),
}
_INSTALL_FLAGS: Final = frozenset(
    {"-D", "-d", "-E", "-S", "-P", "-O", "-s", "-q", "--dev", "--exact", "--silent", "--quiet"}
    | {"--save", "--save-dev", "--save-exact", "--save-prod", "--save-optional", "--no-audit"}
    | {"--no-fund", "--no-progress", "--prefer-offline", "--legacy-peer-deps", "--ignore-scripts"}
)
_INSTALL_LINE: Final = re.compile(r"[\w@/.~^*+'\" \t-]+", re.ASCII)
"""Nothing a shell would act on, comments included: flags may safely be put behind it."""
_PACKAGE: Final = re.compile(
    r"(?:@[a-z0-9][a-z0-9._~-]*/)?[a-z0-9][a-z0-9._~-]*(?:@[\w.^~*+-]+)?", re.ASCII
)
_ARCHIVE: Final = re.compile(r"\.(?:tgz|tar|tar\.gz)$")
_NAME_CHARS: Final = 214
"""The registry's limit for a package name."""


def is_package_install(command: str) -> bool:
    """Whether this is one plain install of packages named as in the registry: gets the network.

    No other command beside it, no address, git, file or alias instead of a name, and only flags
    that change what is saved or printed. Without names it installs what `package.json` declares.
    """
    if len(command) > MAX_COMMAND_CHARS or not _INSTALL_LINE.fullmatch(command.strip()):
        return False
    [single] = parse_command(command.strip()).commands  # no operator is among those characters
    program, *rest = single.words
    if not rest or rest[0] not in _INSTALLERS.get(program, ()):
        return False
    return all(_is_plain_package(word) for word in rest[1:])


def packages_named(command: str) -> list[str]:
    """The packages that an install, for which `is_package_install` holds, names; no versions."""
    [single] = parse_command(command.strip()).commands
    return [name for word in single.words[2:] if (name := _without_version(word))]


def _without_version(word: str) -> str:
    """`@scope/name@1.2` -> `@scope/name`; "" for a flag."""
    return "" if word.startswith("-") else word[:1] + word[1:].partition("@")[0]


def _is_plain_package(word: str) -> bool:
    if word.startswith("-"):
        return word in _INSTALL_FLAGS
    named = len(word) <= _NAME_CHARS and _PACKAGE.fullmatch(word) is not None
    return named and _ARCHIVE.search(word) is None


# --- one line --------------------------------------------------------------------------------


def _line_reason(line: str, depth: int) -> str | None:
    """The first reason against anything in a command line, however deep it is nested."""
    if depth > _MAX_DEPTH:
        return "It is nested too deeply to be read."
    if _SELF_PIPE.search(line):
        return _BOMB
    parsed = parse_command(line)
    if _runs_download(parsed):
        return _DOWNLOAD
    reason = _first(_command_reason(command.words, depth) for command in parsed.commands)
    if reason is not None:
        return reason
    if any(command.background for command in parsed.commands):
        return BACKGROUND
    return _first(_line_reason(inner, depth + 1) for inner in _nested(parsed))


def _command_reason(words: Words, depth: int) -> str | None:
    verdict = judge(words)
    if isinstance(verdict, Line):
        return _line_reason(verdict.text, depth + 1)
    return verdict


def _nested(parsed: Parsed) -> list[str]:
    """Command lines inside this one: in double quotes, and fed to a shell."""
    feeds_shell = any(
        program_of(command.words) in _SHELLS and len(command.words) == 1
        for command in parsed.commands
    )
    return [*parsed.inner, *(parsed.stdin if feeds_shell else ())]


def _runs_download(parsed: Parsed) -> bool:
    plain = [(started_by(command.words), command) for command in parsed.commands]
    programs = [program_of(words) for words, _ in plain]
    piped = {program_of(words) for words, command in plain if command.piped}
    if piped & _DOWNLOADERS and piped & _INTERPRETERS:
        return True
    if any(a in _READERS and b in _DOWNLOADERS for a, b in pairwise(programs)):
        return True  # `eval $(curl …)`: the substitution follows as a command of its own
    return any(
        program in _SHELLS | _READERS and _FETCHES.search(" ".join(words))
        for program, (words, _) in zip(programs, plain, strict=True)
    )


def _first(reasons: Iterable[str | None]) -> str | None:
    return next((reason for reason in reasons if reason is not None), None)
