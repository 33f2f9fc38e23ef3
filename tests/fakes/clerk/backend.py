"""The parts of Clerk's Backend API that servers ask: who a user is, which sessions they have.

Shapes after Clerk's reference: an object, or `{"errors": [{code, message}]}`. It wants the secret
key, counts what it was asked, and can be away or too busy.
"""

import secrets
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Person:
    """A user; `email` is verified and primary."""

    id: str
    email: str
    first_name: str | None = None
    last_name: str | None = None
    username: str | None = None
    banned: bool = False

    def wire(self) -> dict[str, Any]:
        address = {
            "id": "idn_1",
            "object": "email_address",
            "email_address": self.email,
            "verification": {"status": "verified", "strategy": "email_code"},
        }
        return {
            "id": self.id,
            "object": "user",
            "username": self.username,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "primary_email_address_id": "idn_1",
            "email_addresses": [address],
            "external_accounts": [],
            "banned": self.banned,
            "locked": False,
        }


@dataclass
class Backend:
    """`people` by id. `outage` is a status to answer with; 429 says when to come back."""

    secret_key: str = field(default_factory=lambda: f"sk_test_{secrets.token_hex(20)}")
    people: dict[str, Person] = field(default_factory=dict)
    outage: int | None = None
    asked: list[str] = field(default_factory=list)

    def add(self, *people: Person) -> None:
        self.people |= {person.id: person for person in people}

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/v1/users/{user_id}", self._user)]

    async def _user(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if request.headers.get("Authorization") != f"Bearer {self.secret_key}":
            return _refusal(401, "clerk_key_invalid", "The provided Clerk Secret Key is invalid.")
        if self.outage is not None:
            headers = {"Retry-After": "7"} if self.outage == 429 else {}
            return _refusal(self.outage, "too_many_requests", "Not now.", headers)
        person = self.people.get(request.match_info["user_id"])
        if person is None:
            return _refusal(404, "resource_not_found", "not found")
        return web.json_response(person.wire())


def _refusal(
    status: int, code: str, message: str, headers: dict[str, str] | None = None
) -> web.Response:
    errors = [{"code": code, "message": message, "long_message": message}]
    return web.json_response({"errors": errors}, status=status, headers=headers)
