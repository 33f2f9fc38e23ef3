"""How a Slack person is linked to an account: two proofs meet, then one confirmation.

A session at Clerk begins, from a browser that gets a secret. Slack says who its person is: by Sign
in with Slack in that same browser, or by a code that the page shows and the person types in Slack,
where they are asked whether they want it. Then the page names both, and who began confirms. Nothing
that can be forwarded is worth anything to whom it is forwarded.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from agents.errors import UserError
from agents.ports import Ids
from agents.types import OwnerId
from bot.services.identity import LINKS_TOPIC, IdentityService, IdentityStore
from bot.services.principals import Principal, in_person
from bot.services.sign_outs import marks_of
from bot.store.identity_port import Account, AuditEntry, Link, LinkRefusal, LinkRequest, SlackPerson
from bot.store.port import Waker

LINK_S = 600.0
"""How long a linking may take."""

FRESH_MIN = 10
"""Minutes since somebody has signed in, at most, where Clerk tells."""

GUESSES = 5
"""So many codes one person may type in `LINK_S`."""

LINK_PATH = "/link"

ADMIN = "admin"
"""Clerk's role of an organisation's administrators."""

AUDIT_SHOWN = 20
"""So many entries of the audit are shown."""

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without those that look like others."""
_BETWEEN = " -–—"
_GROUP = 4


class LinkRefused(UserError):
    """There is no link; `key` says why, `str()` says it to people."""

    key = "link_gone"

    def __init__(self, key: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.key = key


class SignInAgain(UserError):
    """The session is too old for what shall be done."""

    key = "sign_in_again"


@dataclass(frozen=True, slots=True)
class SlackFacts:
    """What Slack says of somebody in a workspace that has the app. `name` names both."""

    person: SlackPerson
    name: str
    is_admin: bool = False


class SlackPeople(Protocol):
    """Knows the people of the workspaces that have the app."""

    async def facts(self, team_id: str, user_id: str) -> SlackFacts:
        """Raises: LinkRefused (another workspace; a guest, a bot, somebody deactivated);
        ProviderError (Slack does not answer), StoreError.
        """
        ...


class SlackSignIn(Protocol):
    """Sign in with Slack. `secret` is the browser's; all that is sent is made of it."""

    def address(self, secret: str, redirect_uri: str) -> str:
        """Where the browser is sent."""
        ...

    def is_answer(self, secret: str, state: str) -> bool:
        """Whether what came back belongs to this browser's question."""
        ...

    async def who(self, secret: str, code: str, redirect_uri: str) -> tuple[str, str]:
        """Team and user id. Raises: LinkRefused (no proof of it); ProviderError."""
        ...


class AccountNames(Protocol):
    """Knows what people call an account."""

    async def name(self, user_id: str) -> str:
        """An address, or a name; the id itself where nothing else can be had."""
        ...


@dataclass(frozen=True, slots=True)
class Begun:
    """`secret` is for the browser's cookie alone; `code` for its page, where one is typed."""

    secret: str
    code: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How linking stands for who asks. `others` are those whom an administrator may unlink;
    `moves_from` is the tenant to which the person of `request` is linked until it is confirmed;
    `audit` is what was done of late in an administrator's organisation, the newest first.
    """

    account: Account
    request: LinkRequest | None
    mine: Sequence[Link]
    others: Sequence[Link] = ()
    moves_from: OwnerId | None = None
    audit: Sequence[AuditEntry] = ()


class Linking:
    """The way to a link. Each method raises StoreError besides what it says."""

    def __init__(
        self,
        store: IdentityStore,
        identities: IdentityService,
        names: AccountNames,
        ids: Ids,
        waker: Waker,
        address: str = "",
    ) -> None:
        self._store = store
        self._identities = identities
        self._names = names
        self._ids = ids
        self._waker = waker
        self.address = address
        """Where this server is reached; a server says it once it listens."""

    @property
    def page(self) -> str:
        """Where people are linked."""
        return f"{self.address}{LINK_PATH}"

    # --- from the page -------------------------------------------------------------------

    async def begin(self, principal: Principal, *, with_code: bool) -> Begun:
        """Raises: Impersonated, SignInAgain."""
        check_fresh(in_person(principal))
        secret, code = secrets.token_urlsafe(32), new_code() if with_code else None
        request = LinkRequest(
            hash=hash_of(secret),
            session_id=principal.session_id or "",
            account=await self._account(principal),
            code_hash=None if code is None else hash_of(code),
        )
        await self._store.begin_link(request, keep_s=LINK_S)
        return Begun(secret, None if code is None else f"{code[:_GROUP]}-{code[_GROUP:]}")

    async def standing(self, principal: Principal, secret: str) -> Standing:
        """`secret` is what the browser has, or empty; another account's request is not told of."""
        request = await self._store.link_request(hash_of(secret)) if secret else None
        if request is not None and not _is_of(request, principal):
            request = None
        mine = await self._store.links_of_account(principal.user_id)
        others: Sequence[Link] = ()
        audit: Sequence[AuditEntry] = ()
        if principal.org_id is not None and principal.org_role == ADMIN:
            found = await self._store.links_of_owner(principal.owner)
            others = [link for link in found if link.account.user_id != principal.user_id]
            audit = await self._store.audit(principal.owner, limit=AUDIT_SHOWN)
        old = await self._moving(principal, request)
        moves_from = None if old is None else old.account.owner
        return Standing(await self._account(principal), request, mine, others, moves_from, audit)

    async def confirm(self, principal: Principal, secret: str) -> Link:
        """The link. Raises: LinkRefused, Impersonated, SignInAgain."""
        check_fresh(in_person(principal))
        account, marks = await self._account(principal), marks_of(principal)
        if await self._identities.is_over(account, marks):
            raise _over()
        request = await self._store.link_request(hash_of(secret))
        old = await self._moving(principal, request)
        if old is not None:
            await self._identities.stop(old, by=account.user_id)
        made = await self._store.confirm_link(
            hash_of(secret), principal.session_id or "", account, self._ids.new("link")
        )
        if not isinstance(made, Link):
            raise _over() if await self._identities.is_over(account, marks) else _refused(made)
        if await self._identities.is_over(account, marks):  # while it was made
            await self._identities.end(made, by=account.user_id)
            raise _over()
        if old is not None:  # and what was begun meanwhile
            await self._identities.stop(old, by=account.user_id)
        self._waker.notify(LINKS_TOPIC)
        return made

    async def _moving(self, principal: Principal, request: LinkRequest | None) -> Link | None:
        """The link of the same account to another tenant, which this request would replace."""
        if request is None or not _is_of(request, principal) or request.person is None:
            return None
        there = await self._store.link_of(request.person)
        if there is None or not request.is_agreed or there.account.owner == principal.owner:
            return None
        return there if there.account.user_id == principal.user_id else None

    async def unlink(self, principal: Principal, link_id: str) -> None:
        """One's own link, or, for an organisation's administrator, one of theirs; else nothing.

        Raises: Impersonated.
        """
        standing = await self.standing(in_person(principal), "")
        for link in (*standing.mine, *standing.others):
            if link.id == link_id:
                await self._identities.end(link, by=principal.user_id)

    async def _account(self, principal: Principal) -> Account:
        name = await self._names.name(principal.user_id)
        return Account(principal.user_id, principal.owner, name)

    # --- from Slack ----------------------------------------------------------------------

    async def signed_in(self, secret: str, facts: SlackFacts) -> None:
        """Sign in with Slack has ended in the browser that began. Raises: LinkRefused."""
        request = await self._store.prove_link(
            hash_of(secret), facts.person, facts.name, is_agreed=True
        )
        if request is None:
            raise _refused("gone")

    async def typed(self, facts: SlackFacts, text: str) -> LinkRequest:
        """A code, as somebody typed it: whose it is. Raises: LinkRefused (also of many guesses)."""
        code, request = read_code(text), None
        if await self._has_guessed_too_often(facts.person):
            raise LinkRefused(
                "link_guessed",
                "That were too many codes.",
                hint="Wait ten minutes, then take a new one from the page.",
            )
        if code is not None:
            request = await self._store.prove_link(
                hash_of(code), facts.person, facts.name, is_agreed=False
            )
        if request is None:
            raise LinkRefused(
                "link_gone",
                "That code is not good.",
                hint="It works once, for ten minutes. Take a new one from the page.",
            )
        return request

    async def agreed(self, facts: SlackFacts, request_hash: str) -> LinkRequest:
        """Who typed the code says that they want it. Raises: LinkRefused."""
        there = await self._store.link_request(request_hash)
        if there is None or there.person != facts.person:
            raise _refused("gone")
        proven = await self._store.prove_link(
            request_hash, facts.person, facts.name, is_agreed=True
        )
        if proven is None:
            raise _refused("gone")
        return proven

    async def _has_guessed_too_often(self, person: SlackPerson) -> bool:
        """Each try takes one of a few places, which are free again after a while."""
        for place in range(GUESSES):
            if await self._store.first_time(f"link-code:{person.name}:{place}", keep_s=LINK_S):
                return False
        return True


def hash_of(secret: str) -> str:
    """By which a secret is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_code() -> str:
    """Forty bits, nearly: who may guess five times in ten minutes hits none.

    It has a digit, so that it is no word.
    """
    while True:
        code = "".join(secrets.choice(_LETTERS) for _ in range(2 * _GROUP))
        if any(letter.isdigit() for letter in code):
            return code


def read_code(text: str) -> str | None:
    """A code in whichever way it was typed; None for what cannot be one."""
    code = "".join(letter for letter in text.upper() if letter not in _BETWEEN)
    return code if len(code) == 2 * _GROUP and set(code) <= set(_LETTERS) else None


def check_fresh(principal: Principal) -> None:
    """Raises: SignInAgain."""
    since = principal.signed_in_min
    if since is not None and since > FRESH_MIN:
        raise SignInAgain(
            "You have signed in a while ago.", hint="Sign in again, then link your account."
        )


def _is_of(request: LinkRequest, principal: Principal) -> bool:
    return (request.account.user_id, request.session_id) == (
        principal.user_id,
        principal.session_id or "",
    )


def _over() -> LinkRefused:
    return LinkRefused(
        "link_over",
        "This session, account or membership has ended.",
        hint="Sign in again. Who has left an organisation and come back waits an hour or so.",
    )


def _refused(refusal: LinkRefusal) -> LinkRefused:
    match refusal:
        case "gone":
            return LinkRefused(
                "link_gone",
                "This linking is over.",
                hint="It is good for ten minutes, in one browser and one session. Begin again.",
            )
        case "unproven":
            return LinkRefused(
                "link_unproven", "Slack has not said yet who you are.", hint="Do that first."
            )
        case "taken":
            return LinkRefused(
                "link_taken",
                "This Slack user is linked to another account.",
                hint="Type /zapdev unlink in Slack first, if it is you.",
            )
