"""One rule per program that the `terminal` tool looks at: why not, or None.

Rules see the words of one simple command. A program that only starts another one (`npx`,
`timeout 5`, `env A=b`) is looked through; one that takes a whole command line (`sh -c`) hands
that line back.
"""

import posixpath
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

SERVER: Final = (
    "It starts a server, which never ends. Servers are not yours to start: Zapdev starts the app "
    "and checks the preview after your turn. To check your work, run the build or the linter once."
)
WATCH: Final = "It watches files and never ends. Run it once, without watching."
BACKGROUND: Final = (
    "Background processes ('&', tmux and the like) are not allowed: run a command that ends by "
    "itself."
)
DELETE: Final = (
    "It deletes too much. Use deleteFiles for files of the app, or name one folder inside it."
)
PEOPLE: Final = "Publishing, pushing and signing in are for people, not for this sandbox."
ROOT: Final = "There is no administrator here. Work inside the project as it is."


@dataclass(frozen=True, slots=True)
class Line:
    """A command line inside a command, to be read in its turn."""

    text: str


Words = Sequence[str]
Verdict = str | Line | None
Rule = Callable[[Words], Verdict]


def judge(words: Words) -> Verdict:
    """The verdict on one simple command, looking through what only starts another one."""
    words = started_by(words)
    rule = _RULES.get(program_of(words))
    return None if rule is None else rule(words[1:])


def started_by(words: Words) -> Words:
    """The command that is run in the end: `env A=b timeout 5 npx vite` runs `vite`."""
    for _ in range(len(words) + 1):
        words = _without_prefix(words)
        inner = _looked_through(words) if words else None
        if inner is None:
            break
        words = inner
    return words


def program_of(words: Words) -> str:
    """The program's plain name: without folder, version and suffix; "" when there is none."""
    if not words:
        return ""
    name = posixpath.basename(words[0]).lower()
    name = re.sub(r"(?<=.)@.*$", "", name)
    return re.sub(r"\.(?:cmd|exe|ps1)$", "", name)


_KEYWORDS: Final = frozenset(
    {"then", "do", "else", "elif", "if", "while", "until", "!", "{", "}", "coproc", "$"}
)
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*\+?=")


def _without_prefix(words: Words) -> Words:
    """The command without the shell's own words and assignments before it."""
    start = 0
    while start < len(words) and (words[start] in _KEYWORDS or _ASSIGNMENT.match(words[start])):
        start += 1
    return words[start:]


# --- programs that start another program -----------------------------------------------------

_WRAPPERS: Final[Mapping[str, tuple[frozenset[str], int]]] = {
    # name: options that take a value, words before the command
    "timeout": (frozenset({"-s", "-k", "--signal", "--kill-after"}), 1),
    "nice": (frozenset({"-n", "--adjustment"}), 0),
    "ionice": (frozenset({"-c", "-n"}), 0),
    "env": (frozenset({"-u", "-C", "--unset", "--chdir"}), 0),
    "stdbuf": (frozenset({"-i", "-o", "-e"}), 0),
    "xargs": (frozenset({"-n", "-I", "-P", "-L", "-d", "-a", "-s", "-E"}), 0),
    "time": (frozenset({"-f", "-o"}), 0),
    "flock": (frozenset({"-w", "-E"}), 1),
    **{
        name: (frozenset(), 0)
        for name in ("nohup", "setsid", "command", "exec", "builtin", "cross-env", "corepack")
    },
    "busybox": (frozenset(), 0),
    "unbuffer": (frozenset(), 0),
    "dotenv": (frozenset({"-e", "-f"}), 0),
}
_RUNNERS: Final = frozenset({"npx", "bunx", "pnpx"})
_EXEC: Final = frozenset({"exec", "x", "dlx"})
_MANAGERS: Final = frozenset({"npm", "pnpm", "yarn", "bun"})
_MANAGER_VALUES: Final = frozenset(
    {"--prefix", "-C", "--dir", "--cwd", "-w", "--workspace", "--filter", "-F", "--loglevel"}
)
_RUNNER_VALUES: Final = frozenset({"-p", "--package"})
_PROGRAM_OF_PACKAGE: Final = {"@angular/cli": "ng", "@vue/cli-service": "vue-cli-service"}
_INSTALLED: Final = re.compile(r"node_modules/(?:\.bin/)?(@[^/]+/[^/]+|[^/]+)")


def _looked_through(words: Words) -> Words | None:
    """The command that this one starts; None when it is one itself."""
    program = program_of(words)
    if program in _WRAPPERS:
        values, before = _WRAPPERS[program]
        return _skip_options(words[1:], values)[before:]
    if program in _RUNNERS:
        return _package_program(words[1:])
    if program == "node":
        return _node_script(words[1:])
    if program in _MANAGERS:
        rest = _skip_options(words[1:], _values_of(program))
        if rest and rest[0] in _EXEC:
            return _package_program(rest[1:])
    return None


def _skip_options(words: Words, values: frozenset[str]) -> Words:
    start = 0
    while start < len(words) and words[start].startswith("-"):
        start += 2 if words[start] in values else 1
    return words[start:]


def _values_of(manager: str) -> frozenset[str]:
    return _MANAGER_VALUES - {"-w"} if manager == "pnpm" else _MANAGER_VALUES


def _package_program(words: Words) -> Words:
    """What `npx` and its like start: options skipped, a package turned into its program."""
    for option, value in pairwise(words):
        if option in ("-c", "--call"):
            return ("sh", "-c", value)
    rest = _skip_options(words, _RUNNER_VALUES)
    if not rest:
        return ()
    package = re.sub(r"(?<=.)@[^/]*$", "", rest[0])
    return (_PROGRAM_OF_PACKAGE.get(package, package), *rest[1:])


def _node_script(words: Words) -> Words | None:
    """`node node_modules/vite/bin/vite.js` is `vite`."""
    for index, word in enumerate(words):
        if not word.startswith("-"):
            package = _INSTALLED.search(word)
            if package is None:
                return None
            return (_PROGRAM_OF_PACKAGE.get(package[1], package[1]), *words[index + 1 :])
    return None


# --- rules -----------------------------------------------------------------------------------

_SERVER_SCRIPT: Final = re.compile(
    r"(?:dev|develop|dev-server|start|restart|serve|server|preview|storybook)(?::.*)?"
    r"|.*:(?:dev|serve|start|preview)"
)
_WATCH_SCRIPT: Final = re.compile(r"watch(?:[:-].*)?|.*[:-]watch")
_WATCH_FLAGS: Final = frozenset({"--watch", "--watch=true", "--watchAll", "--watch-path"})
_ASKS: Final = frozenset({"--help", "-h", "--version", "-v", "-V", "help", "version"})
_SERVING: Final = frozenset(
    {"dev", "develop", "serve", "server", "start", "preview", "s", "watch", "storybook"}
)


def _positionals(words: Words) -> Words:
    return [word for word in words if not word.startswith("-")]


def _script(name: str) -> str | None:
    if _SERVER_SCRIPT.fullmatch(name):
        return SERVER
    return WATCH if _WATCH_SCRIPT.fullmatch(name) else None


def _manager(name: str) -> Rule:
    def rule(words: Words) -> Verdict:
        if any(word in _WATCH_FLAGS for word in words):
            return WATCH
        rest = _skip_options(words, _values_of(name))
        if rest and rest[0] == "workspace" and name == "yarn":
            rest = rest[2:]
        if not rest:
            return None
        if rest[0] in _FOR_PEOPLE:
            return PEOPLE
        if rest[0] in ("run", "run-script", "rum", "urn"):
            rest = _skip_options(rest[1:], _values_of(name))
        elif name == "npm":
            return SERVER if rest[0] in ("start", "restart") else None
        if not rest:
            return None
        return _script(rest[0]) or (None if name == "npm" else Line(shlex.join(rest)))

    return rule


_FOR_PEOPLE: Final = frozenset(
    {"publish", "unpublish", "login", "logout", "adduser", "token", "owner", "access", "deprecate"}
)


def _always(reason: str) -> Rule:
    return lambda words: None if set(words) & _ASKS else reason


def _serving(words: Words) -> Verdict:
    """A tool with commands, some of which serve."""
    if set(words) & _ASKS:
        return None
    first = next(iter(_positionals(words)), "")
    if first in _SERVING or "--serve" in words:
        return WATCH if first == "watch" else SERVER
    return _watching(words)


def _watching(words: Words) -> Verdict:
    """A tool that runs once unless told to watch."""
    flags = any(word in _WATCH_FLAGS or word == "-w" for word in words)
    return WATCH if flags or next(iter(_positionals(words)), "") == "watch" else None


def _unless(*commands: str) -> Rule:
    """A tool that serves unless it is given one of these commands."""

    def rule(words: Words) -> Verdict:
        if set(words) & _ASKS:
            return None
        return _watching(words) if set(commands) & set(_positionals(words)) else SERVER

    return rule


def _angular(words: Words) -> Verdict:
    once = {"--watch=false", "--no-watch"} & set(words)
    if _positionals(words)[:1] in (["test"], ["t"]) and not once:
        return WATCH
    return _serving(words)


def _node(words: Words) -> Verdict:
    return WATCH if any(word.startswith("--watch") for word in words) else None


def _python(words: Words) -> Verdict:
    return SERVER if "http.server" in words else None


def _php(words: Words) -> Verdict:
    return SERVER if "-S" in words else None


def _shell(words: Words) -> Verdict:
    for option, line in pairwise(words):
        if re.fullmatch(r"-[a-z]*c[a-z]*", option):
            return Line(line)
    return None


def _many(words: Words) -> Verdict:
    """`concurrently "a" "b"`: each word is a command line."""
    return Line("\n".join(_positionals(words)))


def _scripts(words: Words) -> Verdict:
    return next((reason for word in words if (reason := _script(word))), None)


def _tail(words: Words) -> Verdict:
    return WATCH if any(re.match(r"-\w*[fF]|--follow|--retry", word) for word in words) else None


def _git(words: Words) -> Verdict:
    rest = _skip_options(words, frozenset({"-C", "-c", "--git-dir", "--work-tree"}))
    return PEOPLE if rest[:1] in (["push"], ("push",)) else None


def _rm(words: Words) -> Verdict:
    recursive = any(re.fullmatch(r"-[a-zA-Z]*[rR][a-zA-Z]*|--recursive", word) for word in words)
    if "--no-preserve-root" in words:
        return DELETE
    return DELETE if recursive and any(map(_is_too_much, _positionals(words))) else None


def _is_too_much(target: str) -> bool:
    """Whether deleting this takes the project, a home or the system with it."""
    if target.startswith("~") or re.match(r"\$\{?(?:HOME|PWD|OLDPWD)\b", target):
        return True
    path = posixpath.normpath(target)
    if path.startswith("/"):
        inside = re.match(r"/+(?:tmp|home/user)/+[^*/.]", path)
        return inside is None
    return path in (".", "..", "*", ".*", "**") or path.startswith("../")


def _dd(words: Words) -> Verdict:
    return ROOT if any(word.startswith("of=/dev/") for word in words) else None


def _all(names: str, rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


_RULES: Final[Mapping[str, Rule]] = {
    **{name: _manager(name) for name in sorted(_MANAGERS)},
    **_all("vite", _unless("build", "optimize")),
    **_all("next", _unless("build", "lint", "info", "typegen", "telemetry", "upgrade")),
    **_all("parcel", _unless("build")),
    **_all("ng", _angular),
    **_all("nuxt nuxi astro remix gatsby svelte-kit vue-cli-service react-scripts", _serving),
    **_all("storybook expo webpack rspack rsbuild wrangler quasar ionic nx turbo deno", _serving),
    **_all("esbuild rollup rolldown", _serving),
    **_all("serve http-server live-server lite-server json-server browser-sync", _always(SERVER)),
    **_all("webpack-dev-server start-storybook nginx caddy httpd", _always(SERVER)),
    **_all("tsc vue-tsc svelte-check jest vitest mocha ava tsx tsup babel sass", _watching),
    **_all("tailwindcss postcss", _watching),
    **_all("nodemon ts-node-dev watch watchexec entr chokidar", _always(WATCH)),
    **_all("tmux screen pm2 forever daemonize at batch crontab disown bg", _always(BACKGROUND)),
    **_all("sudo su doas pkexec mkfs shutdown reboot halt poweroff", _always(ROOT)),
    **_all("vercel netlify surge gh firebase", _always(PEOPLE)),
    **_all("sh bash zsh dash ksh ash fish", _shell),
    **_all("eval", lambda words: Line(" ".join(words))),
    **_all("concurrently", _many),
    **_all("npm-run-all run-p run-s", _scripts),
    "node": _node,
    "python": _python,
    "python3": _python,
    "php": _php,
    "tail": _tail,
    "git": _git,
    "rm": _rm,
    "dd": _dd,
}
