"""Linking a Slack user to an account: the page, Sign in with Slack, and what the page asks for.

A browser that begins gets a secret in a cookie that no script reads and no other site is sent. Only
`POST` changes something, and the one answer of Slack's that belongs to that cookie.
"""

from collections.abc import Mapping
from pathlib import Path

from aiohttp import web
from pydantic import Field

from agents.errors import PermanentError, ProviderError, StoreError, UserError
from agents.logger import create_logger
from bot.render.notice_page import notice_policy, render_notice_page
from bot.services.account_news import BY_CLERK
from bot.services.linking import LINK_PATH, LINK_S, LinkRefused, Standing
from bot.sidecar.answers import Answer, Moment, respond
from bot.sidecar.bodies import Body, read_body
from bot.sidecar.deps import LinkDoor, SidecarDeps
from bot.sidecar.errors import Refused
from bot.sidecar.who import principal_of
from bot.store.identity_port import Link

log = create_logger(__name__)

SIGN_IN_PATH = "/slack/oidc"
REDIRECT_PATH = "/slack/oidc_redirect"
_PAGE = (Path(__file__).parent.parent / "page" / "link.html").read_text()


class LinkAnswer(Answer):
    """One link. `account` is what the account is called."""

    id: str
    person: str
    account: str
    linked_at: Moment


class UnderWay(Answer):
    """`person` is who Slack says it is for, as soon as it does; `agreed`: and they want it."""

    person: str | None
    agreed: bool


class AuditAnswer(Answer):
    """Who did what to whom, by the names that are known here; `action` is a name of ours."""

    actor: str
    action: str
    subject: str
    at: Moment


class StandingAnswer(Answer):
    """How it stands. `mode` is how a person shows who they are in Slack; `moves` is from where to
    where a confirmation would move a link, in words. Only administrators get an `audit`.
    """

    mode: str
    account: str
    in_organisation: bool
    request: UnderWay | None
    moves: str | None
    mine: list[LinkAnswer]
    others: list[LinkAnswer]
    audit: list[AuditAnswer]


class BegunAnswer(Answer):
    """`code` is what is typed in Slack; None where the browser goes to `goTo`."""

    code: str | None
    go_to: str | None
    lasts_s: int = Field(default=int(LINK_S))


class UnlinkBody(Body):
    """`POST /api/link/unlink`."""

    linkId: str  # noqa: N815 - wire name


class Unlinked(Answer):
    """Nothing is left to be said."""


def routes(deps: SidecarDeps) -> list[web.RouteDef]:
    """The table; empty where there are no accounts, or no Slack, to be linked."""
    door = deps.linking
    if door is None:
        return []
    pages = LinkPages(door, deps)
    return [
        web.get(LINK_PATH, pages.show, allow_head=False),
        web.get(SIGN_IN_PATH, pages.go_to_slack, allow_head=False),
        web.get(REDIRECT_PATH, pages.come_back, allow_head=False),
        web.get("/api/link", pages.standing),
        web.post("/api/link/code", pages.begin),
        web.post("/api/link/confirm", pages.confirm),
        web.post("/api/link/unlink", pages.unlink),
    ]


class LinkPages:
    """The page, and what it asks for.

    Its policy is stricter than the console's: signing in is a page of Clerk's own, so that its script
    writes no styles here and needs no other host; what is left is a worker, for its timer.
    """

    def __init__(self, door: LinkDoor, deps: SidecarDeps) -> None:
        self._door = door
        self._linking = door.linking
        self._public_url = deps.public_url
        self._is_secure = (deps.public_url or "").startswith("https:")
        self._cookie = "__Host-zapdev-link" if self._is_secure else "zapdev-link"
        clerk = deps.clerk.frontend_api if deps.clerk is not None else ""
        self._policy = (
            f"default-src 'none'; script-src 'self' {clerk}; style-src 'self'; "
            f"img-src 'self' data:; connect-src 'self' {clerk}; worker-src 'self' blob:; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )

    # --- pages ---------------------------------------------------------------------------

    async def show(self, request: web.Request) -> web.Response:
        """The same for everybody: who is there is asked by the page."""
        del request
        headers = {"Content-Security-Policy": self._policy}
        return web.Response(text=_PAGE, content_type="text/html", headers=headers)

    async def go_to_slack(self, request: web.Request) -> web.Response:
        """Off to Slack, for the browser that began."""
        secret, openid = request.cookies.get(self._cookie), self._door.openid
        if not secret or openid is None:
            return _notice(400, "This did not begin here", "Begin on the page, in this browser.")
        address = openid.address(secret, self._redirect_uri(request))
        return web.Response(status=302, headers={"Location": address})

    async def come_back(self, request: web.Request) -> web.Response:
        """Back from Slack, with an answer or without one."""
        try:
            await self._prove(request)
        except UserError as error:
            return _notice(400, str(error), error.hint or "")
        except StoreError:
            return _notice(503, "The database does not answer just now", "Begin again in a minute.")
        except PermanentError as error:
            log.warning("sign-in with Slack refused", reason=str(error))
            return _notice(400, "Slack did not accept that", "Begin again.")
        except ProviderError as error:
            log.warning("sign-in with Slack not finished", reason=str(error))
            return _notice(503, "Slack does not answer just now", "Begin again in a minute.")
        return web.Response(status=303, headers={"Location": LINK_PATH})

    async def _prove(self, request: web.Request) -> None:
        """Raises: UserError, StoreError, ProviderError."""
        secret, openid = request.cookies.get(self._cookie, ""), self._door.openid
        if openid is None or not openid.is_answer(secret, request.query.get("state", "")):
            raise LinkRefused(
                "link_not_here",
                "This did not begin here",
                hint="Begin on the page, in this browser.",
            )
        if "code" not in request.query:
            raise LinkRefused(
                "link_denied", "Nothing was linked", hint="Slack says that it was not allowed."
            )
        back = self._redirect_uri(request)
        team_id, user_id = await openid.who(secret, request.query["code"], back)
        facts = await self._door.people.facts(team_id, user_id)
        await self._linking.signed_in(secret, facts)

    def _redirect_uri(self, request: web.Request) -> str:
        """As Slack has to know it. Without a public address the guard has checked the host."""
        return f"{self._public_url or f'http://{request.host}'}{REDIRECT_PATH}"

    # --- what the page asks for ----------------------------------------------------------

    async def standing(self, request: web.Request) -> web.Response:
        """How it stands for who asks."""
        secret = request.cookies.get(self._cookie, "")
        found = await self._linking.standing(principal_of(request), secret)
        return respond(
            self._answer(found, in_organisation=principal_of(request).org_id is not None)
        )

    async def begin(self, request: web.Request) -> web.Response:
        """A new linking in place of an older one."""
        _check_origin(request, self._public_url)
        by_slack = self._door.openid is not None
        begun = await self._linking.begin(principal_of(request), with_code=not by_slack)
        go_to = SIGN_IN_PATH if by_slack else None
        answer = respond(BegunAnswer(code=begun.code, go_to=go_to))
        answer.set_cookie(
            self._cookie,
            begun.secret,
            max_age=int(LINK_S),
            path="/",
            secure=self._is_secure,
            httponly=True,
            samesite="Lax",
        )
        return answer

    async def confirm(self, request: web.Request) -> web.Response:
        """The one thing that links."""
        _check_origin(request, self._public_url)
        secret = request.cookies.get(self._cookie, "")
        link = await self._linking.confirm(principal_of(request), secret)
        answer = respond(_link(link))
        answer.del_cookie(
            self._cookie, path="/", secure=self._is_secure, httponly=True, samesite="Lax"
        )
        return answer

    async def unlink(self, request: web.Request) -> web.Response:
        """One's own link, or as an administrator one of the organisation's."""
        _check_origin(request, self._public_url)
        body = await read_body(request, UnlinkBody)
        await self._linking.unlink(principal_of(request), body.linkId)
        return respond(Unlinked())

    def _answer(self, found: Standing, *, in_organisation: bool) -> StandingAnswer:
        there = found.request
        under_way = None
        if there is not None:
            name = there.person_name if there.person is not None else None
            under_way = UnderWay(person=name, agreed=there.is_agreed)
        return StandingAnswer(
            mode="code" if self._door.openid is None else "slack",
            account=found.account.name,
            in_organisation=in_organisation,
            request=under_way,
            moves=_moves(found),
            mine=[_link(link) for link in found.mine],
            others=[_link(link) for link in found.others],
            audit=_audit(found),
        )


def _link(link: Link) -> LinkAnswer:
    return LinkAnswer(
        id=link.id,
        person=link.person_name,
        account=link.account.name,
        linked_at=link.linked_at,
    )


def _audit(found: Standing) -> list[AuditAnswer]:
    links = [*found.mine, *found.others]
    names = {link.person.name: link.person_name for link in links}
    names |= {link.account.user_id: link.account.name for link in links}
    names |= {found.account.user_id: found.account.name, BY_CLERK: "Clerk"}
    return [
        AuditAnswer(
            actor=_called(entry.actor, names),
            action=entry.action,
            subject=_called(entry.subject, names),
            at=entry.at,
        )
        for entry in found.audit
    ]


def _called(name: str, names: Mapping[str, str]) -> str:
    """Who is not linked any more is told by their ids."""
    if name in names:
        return names[name]
    kind, *ids = name.split(":")
    return f"{ids[-1]} in {ids[-2]}" if kind == "slack" and len(ids) > 1 else name


def _moves(found: Standing) -> str | None:
    if found.moves_from is None:
        return None
    user_id = found.account.user_id
    old, new = (
        "yourself alone" if owner == user_id else f"the organisation {owner}"
        for owner in (found.moves_from, found.account.owner)
    )
    return f"from {old} to {new}"


def _check_origin(request: web.Request, public_url: str | None) -> None:
    """Only our own page links, whichever others may use the API. Raises: Refused."""
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    ours = {f"http://{request.host}", f"https://{request.host}", public_url}
    if origin is None or origin not in ours or site != "same-origin":
        raise Refused(403, "Accounts are linked on this server's own page only.")


def _notice(status: int, title: str, words: str) -> web.Response:
    text = render_notice_page(title, words, link=(LINK_PATH, "Link an account"))
    headers = {"Content-Security-Policy": notice_policy()}
    return web.Response(status=status, text=text, content_type="text/html", headers=headers)
