"""What a stand-in for Clerk serves to browsers: its script, and sign-in by name alone.

    async with serving_clerk() as clerk:
        clerk.browsers.people["ann"] = Person("user_ann", "Ann Example", {"org_1": "Acme"})
        clerk.browsers.end_all()    # everybody was signed out elsewhere

A token's authorised party is the origin of the page that asked, as it is at Clerk.
"""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from tests.fakes.clerk.tokens import LIFE_S, organisation

SCRIPT = Path(__file__).with_name("clerk.browser.js")


class Issuer(Protocol):
    """Who signs the tokens."""

    def mint(self, **claims: Any) -> str: ...


@dataclass(frozen=True)
class Person:
    """Somebody with an account; `organisations` are those they are a member of, id -> name."""

    id: str
    name: str
    organisations: dict[str, str] = field(default_factory=dict)


@dataclass
class Session:
    person: Person
    organisation: str | None = None


@dataclass
class BrowserSide:
    """The part of an instance that its browser script talks to. `asked` counts token requests.

    The next `withheld` of these get no token; `withheld_at` is when they came, in the loop's time.
    """

    issuer: Issuer
    people: dict[str, Person] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    life_s: int = LIFE_S
    asked: int = 0
    withheld: int = 0
    withheld_at: list[float] = field(default_factory=list)

    def routes(self) -> list[web.RouteDef]:
        one = "/v1/client/sessions/{session}"
        return [
            web.get("/npm/@clerk/clerk-js@5/dist/clerk.browser.js", self._script),
            web.post("/v1/client/sign_ins", self._sign_in),
            web.post(one, self._show),
            web.post(f"{one}/tokens", self._token),
            web.post(f"{one}/touch", self._touch),
            web.post(f"{one}/end", self._end),
        ]

    def end_all(self) -> None:
        """Everybody is signed out, without their browsers' doing."""
        self.sessions.clear()

    async def _script(self, request: web.Request) -> web.Response:
        body = SCRIPT.read_bytes()
        return _open(web.Response(body=body, content_type="text/javascript"))

    async def _sign_in(self, request: web.Request) -> web.Response:
        person = self.people[(await request.json())["identifier"]]
        session = f"sess_{len(self.sessions) + 1}_{person.id}"
        self.sessions[session] = Session(person)
        return _open(web.json_response({"session": session}))

    async def _show(self, request: web.Request) -> web.Response:
        session = self._found(request)
        person, active = session.person, session.organisation
        user = {
            "id": person.id,
            "fullName": person.name,
            "organizationMemberships": [
                {"organization": {"id": key, "name": name}}
                for key, name in person.organisations.items()
            ],
        }
        shown = {"id": active, "name": person.organisations[active]} if active else None
        return _open(web.json_response({"user": user, "organization": shown}))

    async def _token(self, request: web.Request) -> web.Response:
        self.asked += 1
        session = self._found(request)
        if self.withheld:
            self.withheld -= 1
            self.withheld_at.append(asyncio.get_running_loop().time())
            return _open(web.json_response({"jwt": None}))
        member = organisation(session.organisation) if session.organisation else {}
        jwt = self.issuer.mint(
            sub=session.person.id,
            sid=request.match_info["session"],
            azp=request.headers["Origin"],
            life_s=self.life_s,
            **member,
        )
        return _open(web.json_response({"jwt": jwt, "life_s": self.life_s}))

    async def _touch(self, request: web.Request) -> web.Response:
        self._found(request).organisation = (await request.json())["organization"]
        return _open(web.json_response({}))

    async def _end(self, request: web.Request) -> web.Response:
        self.sessions.pop(request.match_info["session"], None)
        return _open(web.json_response({}))

    def _found(self, request: web.Request) -> Session:
        session = self.sessions.get(request.match_info["session"])
        if session is None:
            raise web.HTTPUnauthorized(headers={"Access-Control-Allow-Origin": "*"})
        return session


def _open(answer: web.Response) -> web.Response:
    answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer
