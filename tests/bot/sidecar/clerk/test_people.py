"""What accounts are called, as Clerk's Backend API says."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from agents.testing import FakeClock
from bot.sidecar.clerk_people import KNOWN_S, ClerkPeople

ADDRESS = {"id": "idn_1", "email_address": "ada@bikes.example"}
ADA = {
    "id": "user_ada",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "primary_email_address_id": "idn_1",
    "email_addresses": [{**ADDRESS, "verification": {"status": "verified"}}],
}


@dataclass
class Backend:
    """A part of Clerk's Backend API."""

    url: str = ""
    user: Any = field(default_factory=lambda: ADA)
    status: int = 200
    asked: list[str] = field(default_factory=list)

    async def show(self, request: web.Request) -> web.Response:
        self.asked.append(request.headers["Authorization"])
        return web.json_response(self.user, status=self.status)


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    made = Backend()
    app = web.Application()
    app.router.add_get("/v1/users/user_ada", made.show)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


async def test_an_account_is_called_by_its_proven_address_and_is_known_for_a_while(
    backend: Backend,
) -> None:
    clock = FakeClock()
    people = ClerkPeople(backend.url, "sk_test_1", clock)
    assert [await people.name("user_ada") for _ in range(3)] == ["ada@bikes.example"] * 3
    assert backend.asked == ["Bearer sk_test_1"]
    await clock.advance(KNOWN_S)
    await people.name("user_ada")
    assert len(backend.asked) == 2


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ({**ADA, "email_addresses": [ADDRESS]}, "the account user_ada, called “Ada Lovelace”"),
        ({**ADA, "email_addresses": []}, "the account user_ada, called “Ada Lovelace”"),
        ({"first_name": "eve@bikes.example"}, "the account user_ada, called “eve@bikes.example”"),
        ({"username": "ada"}, "the account user_ada, called “ada”"),
        ({}, "the account user_ada"),
        ([], "the account user_ada"),
    ],
)
async def test_what_nobody_proved_stands_behind_the_id_and_looks_like_no_address(
    backend: Backend, user: Any, name: str
) -> None:
    backend.user = user
    assert await ClerkPeople(backend.url, "sk_test_1", FakeClock()).name("user_ada") == name


async def test_without_a_key_or_an_answer_the_id_is_the_name(backend: Backend) -> None:
    assert await ClerkPeople(backend.url, None, FakeClock()).name("user_ada") == (
        "the account user_ada"
    )
    assert backend.asked == []
    backend.status = 500
    people = ClerkPeople(backend.url, "sk_test_1", FakeClock())
    assert await people.name("user_ada") == "the account user_ada"
    away = ClerkPeople("http://127.0.0.1:1", "sk_test_1", FakeClock())
    assert await away.name("user_ada") == "the account user_ada"
