"""Read a shell command far enough to judge it: its simple commands, words and operators.

Good enough for a policy that helps an honest model, on any text and without ever raising. It is
not a boundary: the sandbox is.
"""

import re
from dataclasses import dataclass, field
from typing import Final

_REDIRECT: Final = r"&>>?|>&|<&|>>|<<<|<<-?|<>|>\||(?:[<>](?!\())"
_TOKEN: Final = re.compile(
    rf"""
      (?P<blank>[ \t]+)
    | (?P<comment>(?<![^\s;&|()])\#[^\n]*)
    | (?P<redirect>(?:(?<![^\s;&|()])\d+)?(?:{_REDIRECT}))
    | (?P<operator>&&|\|\||\|&|[<>]\(|;;|[;&|()\n`])
    | \$?'(?P<single>[^']*)'
    | \$?"(?P<double>(?:[^"\\]|\\.)*)"
    | \\(?P<escaped>.)
    | (?P<plain>[^\s;&|()<>'"\\`]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PIPES: Final = frozenset({"|", "|&", "<(", ">("})
_HEREDOC: Final = re.compile(
    r"<<-?[ \t]*(?P<quote>['\"]?)(?P<tag>\w+)(?P=quote)(?P<rest>[^\n]{0,300})\n"
    r"(?P<body>.*?)^[ \t]*(?P=tag)[ \t]*$",
    re.DOTALL | re.MULTILINE,
)
_SUBSTITUTION: Final = re.compile(r"\$\(([^()]*)\)|`([^`]*)`")


@dataclass(frozen=True, slots=True)
class Simple:
    """One simple command. `background` says that `&` follows, `piped` that it joins a pipe."""

    words: tuple[str, ...]
    background: bool = False
    piped: bool = False


@dataclass(slots=True)
class Parsed:
    """What a command line would start, in order.

    `inner` are command substitutions inside double quotes and the bodies of heredocs.
    """

    commands: list[Simple] = field(default_factory=list)
    operators: set[str] = field(default_factory=set)
    inner: list[str] = field(default_factory=list)
    stdin: list[str] = field(default_factory=list)


def parse_command(line: str) -> Parsed:
    """Split at `; & | ( )`, backticks and line ends; drop redirections and comments; unquote."""
    line = line.replace("\r\n", "\n").replace("\\\n", "").replace("\r", "\n")
    reader = _Reader()
    reader.parsed.stdin = [match["body"] for match in _HEREDOC.finditer(line)]
    for token in _TOKEN.finditer(_HEREDOC.sub(lambda match: match["rest"], line)):
        reader.take(token)
    reader.end_command("")
    return reader.parsed


@dataclass(slots=True)
class _Reader:
    """Collects tokens into words, words into commands."""

    parsed: Parsed = field(default_factory=Parsed)
    word: str | None = None
    words: list[str] = field(default_factory=list)
    skip: bool = False
    piped: bool = False

    def take(self, token: re.Match[str]) -> None:
        match token.lastgroup:
            case "blank" | "comment":
                self.end_word()
            case "redirect":
                self.end_word()
                self.parsed.operators.add(token.group())
                self.skip = True
            case "operator":
                self.end_command(token.group())
            case "double":
                for inner in _SUBSTITUTION.finditer(token["double"]):
                    self.parsed.inner.append(inner[1] or inner[2] or "")
                self.add(re.sub(r'\\([\\"$`])', r"\1", token["double"]))
            case kind:
                self.add(token[kind or 0])

    def add(self, text: str) -> None:
        self.word = (self.word or "") + text

    def end_word(self) -> None:
        if self.word is not None and not self.skip:
            self.words.append(self.word)
        if self.word is not None:
            self.skip = False
        self.word = None

    def end_command(self, operator: str) -> None:
        self.end_word()
        if operator:
            self.parsed.operators.add(operator)
        if self.words:
            piped = self.piped or operator in _PIPES
            command = Simple(tuple(self.words), background=operator == "&", piped=piped)
            self.parsed.commands.append(command)
        self.words, self.skip = [], False
        self.piped = operator in _PIPES
