"""What Clerk tells is believed when it is signed, counts once, and ends what it names."""

import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from agents.errors import BadRequest, UserError
from agents.system import RandomIds
from agents.types import OwnerId, TaskKind, TaskStatus
from bot.bootstrap import Services, running
from bot.config import Settings
from bot.services.principals import NotSignedIn
from bot.sidecar.clerk_webhooks import ClerkWebhooks, read_end
from bot.store.identity_port import Account, Link, LinkRequest, SlackPerson
from bot.store.port import NewTask, Store, TaskRow
from tests.fakes.clerk.server import FakeClerk
from tests.fakes.clerk.tokens import organisation
from tests.fakes.clerk.webhooks import (
    Webhooks,
    membership_deleted,
    organisation_deleted,
    session,
    user_deleted,
)
from tests.fakes.sidecar import frames, read_all

ORG = "org_2aBcDeFgHiJkLmNoPqRsTuVwXyZ"
ANN = SlackPerson("T1", "U1")


@dataclass(frozen=True, slots=True)
class Place:
    """A whole sidecar with Clerk's settings, and the endpoint that Clerk sends to."""

    services: Services
    http: aiohttp.ClientSession
    webhooks: Webhooks

    @property
    def store(self) -> Store:
        return self.services.store

    async def tell(self, message: dict[str, Any], **how: Any) -> tuple[int, str]:
        return await self.webhooks.send(self.http, message, **how)

    async def task_of(self, owner: str) -> TaskRow:
        new = NewTask(owner=OwnerId(owner), kind=TaskKind.GENERATE, prompt="A board")
        return await self.store.enqueue(new)

    async def is_stopped(self, task: TaskRow) -> bool:
        return (await self.store.task(task.owner, task.id)).status is TaskStatus.CANCELLED

    async def link(self, person: SlackPerson, account: Account) -> Link:
        name = f"hash of {person.name} {account.owner} {account.name}"
        await self.store.begin_link(LinkRequest(name, "sess_1", account), keep_s=60)
        await self.store.prove_link(name, person, "Ann in Acme", is_agreed=True)
        made = await self.store.confirm_link(name, "sess_1", account, RandomIds().new("link"))
        assert isinstance(made, Link)
        return made


@asynccontextmanager
async def place(
    clerk: FakeClerk, folder: Path, webhooks: Webhooks, **values: Any
) -> AsyncIterator[Place]:
    settings = Settings(
        clerk_issuer=clerk.issuer,
        clerk_authorized_parties=frozenset({clerk.origin}),
        clerk_webhook_secret=SecretStr(webhooks.secret),
        data_dir=folder,
        roles=frozenset({"sidecar"}),
        public_url="https://zapdev.example.com",
        **values,
    )
    async with running(settings, roles=settings.roles) as services:
        runner = web.AppRunner(services.sidecar(), access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            async with aiohttp.ClientSession(url) as http:
                yield Place(services, http, webhooks)
        finally:
            await runner.cleanup()


@pytest.fixture
async def here(clerk: FakeClerk, tmp_path: Path) -> AsyncIterator[Place]:
    async with place(clerk, tmp_path, Webhooks()) as made:
        yield made


# --- who is believed -----------------------------------------------------------------------

Change = Callable[[dict[str, str]], dict[str, str]]

NOT_CLERKS: dict[str, Change] = {
    "no headers": lambda _: {"Content-Type": "application/json"},
    "no id": lambda given: {n: v for n, v in given.items() if n != "svix-id"},
    "another id": lambda given: {**given, "svix-id": "msg_other"},
    "another time": lambda given: {
        **given,
        "svix-timestamp": str(int(given["svix-timestamp"]) + 1),
    },
    "a time that is none": lambda given: {**given, "svix-timestamp": "nan"},
    "no signature": lambda given: {**given, "svix-signature": ""},
    "a signature without a version": lambda given: {**given, "svix-signature": "abc"},
    "a signature that is none": lambda given: {**given, "svix-signature": "v1,é"},
    "an empty signature": lambda given: {**given, "svix-signature": "v1,"},
    "another version": lambda given: {
        **given,
        "svix-signature": given["svix-signature"].replace("v1", "v2"),
    },
}


@pytest.mark.parametrize("how", NOT_CLERKS)
async def test_what_is_not_signed_by_clerk_changes_nothing(here: Place, how: str) -> None:
    task = await here.task_of("user_ann")
    body = json.dumps(user_deleted("user_ann")).encode()
    headers = NOT_CLERKS[how](here.webhooks.headers(body))
    async with here.http.post("/webhooks/clerk", data=body, headers=headers) as answer:
        assert answer.status == 401
        assert (await answer.json())["error"]["code"] == "webhook_signature_invalid"
    assert not await here.is_stopped(task)


async def test_another_body_or_an_old_message_is_not_believed(here: Place) -> None:
    body = json.dumps(user_deleted("user_ann")).encode()
    headers = here.webhooks.headers(body)
    other = body.replace(b"user_ann", b"user_ben")
    async with here.http.post("/webhooks/clerk", data=other, headers=headers) as answer:
        assert answer.status == 401
    for ago_s in (301, -310):
        assert (await here.tell(user_deleted("user_ann"), ago_s=ago_s))[0] == 401
    assert await here.tell(user_deleted("user_ann"), ago_s=290) == (204, "")


async def test_while_a_secret_changes_both_signatures_are_sent_and_one_suffices(
    here: Place,
) -> None:
    body = json.dumps(user_deleted("user_ann")).encode()
    headers = here.webhooks.headers(body, message_id="msg_1")
    old = Webhooks().headers(body, message_id="msg_1")["svix-signature"]
    headers["svix-signature"] = f"{old} {headers['svix-signature']}"
    async with here.http.post("/webhooks/clerk", data=body, headers=headers) as answer:
        assert answer.status == 204


async def test_it_passes_the_door_at_our_public_name_and_a_browser_does_not(here: Place) -> None:
    body = json.dumps(user_deleted("user_ann")).encode()
    headers = {**here.webhooks.headers(body), "Host": "zapdev.example.com"}
    async with here.http.post("/webhooks/clerk", data=body, headers=headers) as answer:
        assert answer.status == 204
    for more in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        async with here.http.post(
            "/webhooks/clerk", data=body, headers={**headers, **more}
        ) as answer:
            assert answer.status == 403


async def test_a_body_beyond_a_mebibyte_is_refused(here: Place) -> None:
    body = b" " * (1024 * 1024 + 1)
    headers = here.webhooks.headers(body)
    async with here.http.post("/webhooks/clerk", data=io.BytesIO(body), headers=headers) as answer:
        assert answer.status == 413


# --- what it ends --------------------------------------------------------------------------


async def test_a_deleted_account_loses_its_links_its_tasks_and_its_streams(
    here: Place, clerk: FakeClerk
) -> None:
    theirs, others = await here.task_of("user_ann"), await here.task_of("user_ben")
    await here.link(ANN, Account("user_ann", OwnerId("user_ann"), "Ann"))
    await here.link(SlackPerson("T1", "U2"), Account("user_ben", OwnerId("user_ben"), "Ben"))
    path = f"/api/stream-progress?taskId={others.id}"
    async with here.http.get(path, headers=clerk.bearer(sub="user_ben")) as watched:
        stream = frames(watched)
        assert (await anext(stream)).type == "task"
        assert await here.tell(user_deleted("user_ann")) == (204, "")
        assert await here.is_stopped(theirs)
        assert not await here.is_stopped(others)
        assert await here.store.link_of(ANN) is None
        assert await here.store.link_of(SlackPerson("T1", "U2")) is not None
        assert await here.tell(user_deleted("user_ben")) == (204, "")
        assert (await read_all(watched))[-1].type in ("reauth", "cancelled")


@pytest.mark.parametrize("kind", ["ended", "removed", "revoked"])
async def test_a_session_that_is_over_ends_its_streams_and_no_task(
    here: Place, clerk: FakeClerk, kind: str
) -> None:
    task = await here.task_of("user_ann")
    path = f"/api/stream-progress?taskId={task.id}"
    headers = clerk.bearer(sub="user_ann", sid="sess_1")
    async with here.http.get(path, headers=headers) as watched:
        assert await here.tell(session("created", "sess_1")) == (204, "")
        assert await here.tell(session(kind, "sess_1")) == (204, "")
        assert (await read_all(watched))[-1].data == {"type": "reauth", "code": "session_ended"}
    assert not await here.is_stopped(task)


async def test_who_left_an_organisation_is_linked_to_it_no_more_and_its_work_goes_on(
    here: Place, clerk: FakeClerk
) -> None:
    task = await here.task_of(ORG)
    own = SlackPerson("T2", "U9")
    await here.link(ANN, Account("user_ann", OwnerId(ORG), "Ann"))
    await here.link(own, Account("user_ann", OwnerId("user_ann"), "Ann"))
    path = f"/api/stream-progress?taskId={task.id}"
    headers = clerk.bearer(sub="user_ann", **organisation(ORG))
    async with here.http.get(path, headers=headers) as watched:
        assert await here.tell(membership_deleted(ORG, "user_ann")) == (204, "")
        assert (await read_all(watched))[-1].type == "reauth"
    assert await here.store.link_of(ANN) is None
    assert await here.store.link_of(own) is not None
    assert not await here.is_stopped(task)


async def test_a_deleted_organisation_loses_all_that_was_its(here: Place) -> None:
    task = await here.task_of(ORG)
    await here.link(ANN, Account("user_ann", OwnerId(ORG), "Ann"))
    assert await here.tell(organisation_deleted(ORG)) == (204, "")
    assert await here.store.link_of(ANN) is None
    assert await here.is_stopped(task)


async def test_a_message_that_comes_again_does_nothing_again(here: Place) -> None:
    account = Account("user_ann", OwnerId(ORG), "Ann")
    await here.link(ANN, account)
    left = membership_deleted(ORG, "user_ann")
    assert await here.tell(left, message_id="msg_1") == (204, "")
    await here.link(ANN, account)  # they came back
    assert await here.tell(left, message_id="msg_1") == (204, "")
    assert await here.store.link_of(ANN) is not None
    assert await here.tell(left, message_id="msg_2") == (204, "")
    assert await here.store.link_of(ANN) is None


async def test_what_failed_is_carried_out_when_it_is_told_again(
    here: Place, clerk: FakeClerk, tmp_path: Path
) -> None:
    task = await here.task_of("user_ann")
    async with place(clerk, tmp_path, here.webhooks) as broken:
        await broken.store.close()
        status, code = await broken.tell(user_deleted("user_ann"), message_id="msg_1")
        assert (status, code) == (503, "store_unavailable")
    assert not await here.is_stopped(task)
    assert (await here.tell(user_deleted("user_ann"), message_id="msg_1"))[0] == 204
    assert await here.is_stopped(task)


async def test_another_process_hears_of_it(here: Place, clerk: FakeClerk, tmp_path: Path) -> None:
    task = await here.task_of("user_ann")
    async with place(clerk, tmp_path, here.webhooks) as there:
        path = f"/api/stream-progress?taskId={task.id}"
        headers = clerk.bearer(sub="user_ann", sid="sess_1")
        async with there.http.get(path, headers=headers) as watched:
            assert await here.tell(session("revoked", "sess_1")) == (204, "")
            assert (await read_all(watched))[-1].data["code"] == "session_ended"


# --- shapes --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["user.deleted", "session.revoked", "organization.deleted"])
async def test_an_end_of_nobody_is_told_to_clerk_as_an_error(here: Place, kind: str) -> None:
    message = {"type": kind, "data": {"id": "nobody"}}
    assert await here.tell(message) == (400, "bad_request")
    assert await here.tell({"data": {}}) == (400, "bad_request")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(
    st.sampled_from(
        ["user.deleted", "session.ended", "organizationMembership.deleted", "user.updated"]
    )
    | st.text(),
    st.dictionaries(
        st.sampled_from(["id", "organization", "public_user_data", "user_id"]) | st.text(), JSON
    ),
)
def test_no_data_is_worse_than_not_understood(kind: str, data: dict[str, Any]) -> None:
    with suppress(BadRequest):
        assert read_end(kind, data) is None


@given(
    st.binary(),
    st.dictionaries(st.sampled_from(["svix-id", "svix-timestamp", "svix-signature"]), st.text()),
)
async def test_no_message_is_worse_than_not_signed(body: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(NotSignedIn):
        await ClerkWebhooks(Webhooks().secret, None).take(headers, body)  # type: ignore[arg-type]


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_x", "whsec_!!!!"])
def test_a_secret_that_is_none_is_named(secret: str) -> None:
    with pytest.raises(UserError) as refused:
        ClerkWebhooks(secret, None)  # type: ignore[arg-type]
    assert refused.value.field == "CLERK_WEBHOOK_SECRET"


async def test_without_a_secret_there_is_nothing_to_tell_it_to(
    clerk: FakeClerk, tmp_path: Path
) -> None:
    settings = Settings(clerk_issuer=clerk.issuer, data_dir=tmp_path, roles=frozenset({"sidecar"}))
    async with running(settings, roles=settings.roles) as services:
        paths = {r.resource.canonical for r in services.sidecar().router.routes() if r.resource}
    assert not {path for path in paths if path.startswith("/webhooks")}
