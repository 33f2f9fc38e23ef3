"""What a person's words ask for. Pure.

The same words work behind `/zapdev`, behind a mention and in a project's thread; what is no
command is something to build. Options are read anywhere in the text.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from agents.errors import BadRequest
from bot.store.people_port import MemberRole

Topic = Literal["help", "list", "status", "usage", "settings"]
TOPICS: tuple[Topic, ...] = get_args(Topic)

_OPTIONS = ("framework", "model")
_TOKEN = re.compile(r"\S+")
_DASHES = "-–—"
_AROUND = "\"'“”‘’`"
_LINK = re.compile(r"<((?:https?://|mailto:|tel:)[^|>]+)(?:\|[^>]*)?>")
_USER = re.compile(r"<@([UW][A-Z0-9]+)(?:\|([^>]*))?>")
_CHANNEL = re.compile(r"<#[CDG][A-Z0-9]+(?:\|([^>]*))?>")
_SPECIAL = re.compile(r"<!([a-z]+)(?:\^[^|>]*)?(?:\|([^>]*))?>")
_GROUPS = ("subteam", "here", "channel", "everyone")
_SHARE = re.compile(
    r"(?:please\s+)?(?P<name>(?:un)?share)\s+(?:with\s+)?"
    r"(?:<@(?P<user>[UW][A-Z0-9]+)(?:\|[^>]*)?>|every(?:body|one)|all)"
    r"(?:\s+(?:(?:to|can|may)\s+)?(?P<role>[a-z]+))?\s*[.!]?",
    re.IGNORECASE,
)
_LIKE_SHARE = re.compile(
    r"(?:please\s+)?(?:un)?share\s+(?:with\s+)?(?:<@[^>]+>|every(?:body|one))(?:\s+\S+){0,3}",
    re.IGNORECASE,
)
_ROLES: Mapping[str, MemberRole] = {
    **dict.fromkeys(("edit", "editor", "change", "write"), "editor"),
    **dict.fromkeys(("view", "viewer", "look", "read"), "viewer"),
}
_CODE = re.compile(r"\w{3,5}[-–—]\w{3,5}|(?=[A-Za-z]*\d)[A-Za-z\d]{8}", re.ASCII)
"""Like a code of the link page: `link shortener` is something to build."""
_ASIDE = re.compile(r"!aside\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Build:
    """Make an app, or change the thread's."""

    prompt: str
    framework: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Show:
    """Tell about something."""

    topic: Topic


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop what runs."""


@dataclass(frozen=True, slots=True)
class Again:
    """Do once more what did not work."""


@dataclass(frozen=True, slots=True)
class Undo:
    """Go back to the version before."""


@dataclass(frozen=True, slots=True)
class Choose:
    """Use this model or framework from now on; an empty value asks what is used."""

    what: Literal["model", "framework"]
    value: str


@dataclass(frozen=True, slots=True)
class Sharing:
    """Tell who may do what with the thread's app."""


@dataclass(frozen=True, slots=True)
class Share:
    """Somebody may do this with the thread's app. No user: everybody; no role: take it back."""

    user_id: str | None
    role: MemberRole | None


@dataclass(frozen=True, slots=True)
class NewLink:
    """Another preview link for the thread's app; the one that is known opens nothing then."""


@dataclass(frozen=True, slots=True)
class Identify:
    """Be linked to an account, with a code of its page or without; not any more; or see who is."""

    what: Literal["link", "unlink", "links"]
    code: str = ""


@dataclass(frozen=True, slots=True)
class Import:
    """Start from what is at this address."""

    url: str

    @property
    def prompt(self) -> str:
        """What it is called while nobody knows more."""
        return f"Import {self.url}"


@dataclass(frozen=True, slots=True)
class Aside:
    """Meant for people, not for us."""


Intent = (
    Build
    | Show
    | Stop
    | Again
    | Undo
    | Choose
    | Sharing
    | Share
    | NewLink
    | Identify
    | Import
    | Aside
)

_WORDS: Mapping[str, Intent] = {
    **dict.fromkeys(("stop", "cancel", "abort", "stop it", "stop now", "stop please"), Stop()),
    **dict.fromkeys(("please stop", "cancel it", "stop building"), Stop()),
    **dict.fromkeys(("retry", "try again"), Again()),
    **dict.fromkeys(("undo", "undo that"), Undo()),
    **dict.fromkeys(("share", "sharing"), Sharing()),
    **dict.fromkeys(("new link", "renew link", "revoke link"), NewLink()),
    **{topic: Show(topic) for topic in TOPICS},
    "link": Identify("link"),
    "unlink": Identify("unlink"),
}


def parse_command(text: str) -> Intent:
    """What stands behind `/zapdev`. Raises: BadRequest (an option without a value, or unknown)."""
    if (share := _share(text.strip())) is not None:
        return share
    words = unescape(text).strip()
    name, rest = _first_word(words)
    if name == "build" and rest:
        return _build(rest)
    if name == "links" and not rest:
        return Identify("links")
    if name == "link" and _CODE.fullmatch(rest):
        return Identify("link", rest)
    return _known(words) or (_build(words) if rest else Show("help"))


def parse_message(text: str, bot_user_id: str, *, is_direct: bool, in_project: bool) -> Intent:
    """What a message asks for: in a project's thread, in a direct conversation, or by a mention.

    In a direct conversation nobody else can be meant. One word that is no command starts nothing,
    but may well say what to change. Raises: BadRequest.
    """
    named = {found[1] for found in _USER.finditer(text)}
    words = _USER.sub(lambda m: " " if m[1] == bot_user_id else m[0], text).strip()
    if _ASIDE.match(words):
        return Aside()
    is_ours = in_project or is_direct or bot_user_id in named
    share = _share(words) if is_ours else None
    if share is not None:
        return share
    if not is_direct and bot_user_id not in named and (named or _names_a_group(words)):
        return Aside()
    words = unescape(words).strip()
    if not words:
        return Show("help")
    known = _known(words)
    if known is not None:
        return known
    name, rest = _first_word(words)
    if name == "build" and rest:
        words = rest
    return _build(words) if in_project or rest else Show("help")


def _share(words: str) -> Share | None:
    """`share @ann view`; None for words that say something else. Raises: BadRequest (nearly)."""
    found = _SHARE.fullmatch(words)
    if found is not None and found["name"].lower() == "unshare" and found["role"] is None:
        return Share(found["user"], None)
    role = _ROLES.get((found["role"] or "edit").lower()) if found is not None else None
    if found is not None and found["name"].lower() == "share" and role is not None:
        return Share(found["user"], role)
    if _LIKE_SHARE.fullmatch(words):
        raise BadRequest(
            "I did not understand who may do what.",
            hint="Say share @ann, share @ann view, share everybody view, or unshare @ann.",
        )
    return None


def parse_prompt(text: str) -> Build:
    """Words that are meant to be built from; no command is looked for. Raises: BadRequest."""
    return _build(unescape(text).strip())


def _first_word(words: str) -> tuple[str, str]:
    name, rest = [*words.split(maxsplit=1), "", ""][:2]
    return name.lower(), rest


def _names_a_group(text: str) -> bool:
    return any(found[1] in _GROUPS for found in _SPECIAL.finditer(text))


def _known(words: str) -> Intent | None:
    """A command by its name; words that begin like one but go on are no command."""
    name, rest = _first_word(words)
    if name in ("model", "framework") and len(rest.split()) <= 1:
        return Choose("model" if name == "model" else "framework", rest)
    if name == "import" and len(rest.split()) == 1:
        return Import(rest)
    return _WORDS.get(" ".join(words.lower().split()).rstrip(".!"))


def _build(text: str) -> Build:
    options, prompt = _options(text)
    if not prompt:
        raise BadRequest("Say what to build.", hint="For example: /zapdev build a kanban board")
    return Build(prompt, options.get("framework"), options.get("model"))


def _options(text: str) -> tuple[dict[str, str], str]:
    """`--name value` and `--name=value`, taken out; everything else stays as it was typed.

    Slack's apps turn two dashes into a long one while a person types.
    """
    options: dict[str, str] = {}
    kept, at = "", 0
    tokens = list(_TOKEN.finditer(text))
    while tokens:
        token = tokens.pop(0)
        if not _is_option(token[0]):
            continue
        name, _, value = token[0].lstrip(_DASHES).partition("=")
        name = _check_option(name.lower())
        kept += text[at : token.start()]
        at = token.end()
        if not value:
            if not tokens or _is_option(tokens[0][0]):
                raise BadRequest(f"--{name} needs a value, such as --{name} {_EXAMPLES[name]}.")
            following = tokens.pop(0)
            value, at = following[0], following.end()
        options[name] = value.rstrip(".,;").strip(_AROUND)
    return options, (kept + text[at:]).strip()


_EXAMPLES = {"framework": "vue", "model": "openai/gpt-4o"}


def _is_option(token: str) -> bool:
    """Two dashes and a name; a long dash counts only before one of our names, or nearly one."""
    body = token.lstrip(_DASHES)
    dashes = token[: len(token) - len(body)]
    if not body[:1].isalpha():
        return False
    if dashes in ("–", "—"):
        name = body.partition("=")[0].lower()
        return bool(difflib.get_close_matches(name, _OPTIONS, n=1, cutoff=0.75))
    return dashes in ("--", "––", "——")


def _check_option(name: str) -> str:
    """Raises: BadRequest."""
    if name in _OPTIONS:
        return name
    near = difflib.get_close_matches(name, _OPTIONS, n=1)
    hint = f"Did you mean --{near[0]}?" if near else "There are --framework and --model."
    raise BadRequest(f"There is no option --{name[:40]}.", field=name[:40], hint=hint)


def unescape(text: str) -> str:
    """A person's words as they typed them: Slack's links, people, channels and entities undone."""
    text = _LINK.sub(lambda m: m[1].removeprefix("mailto:").removeprefix("tel:"), text)
    text = _USER.sub(lambda m: f"@{m[2] or 'somebody'}", text)
    text = _CHANNEL.sub(lambda m: f"#{m[1] or 'channel'}", text)
    text = _SPECIAL.sub(lambda m: m[2] or f"@{m[1]}", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
