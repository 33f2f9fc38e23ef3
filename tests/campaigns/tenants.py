"""Campaign `tenants`: SIZE tenants on one store, each at every door with everybody else's ids.

A tenant is a Clerk organisation, or a user without one; some are the same user in another
organisation, and their tokens are of both versions. Each has an app with a word of its own in it, a
task that runs and one that waits. They come with real tokens to one sidecar whose doors the router
tells, and ask for each other's apps, tasks and versions, and for a stranger's version or task beside
a project of their own, and for each other's links of Slack users. Each door is also tried with no token and with three bad ones. With
STORE=convex every function of the deployment is tried as well, by its own tests.

`leaks`: an answer that is not the one for what was never there, or holds a word or an id of another
tenant. `changed`: tenants who have anything else afterwards than before. `let_in`: doors that a bad
token opened. `closed`: doors that do not open for their own tenant, without which all this says
nothing.
"""

import asyncio
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from agents.system import RandomIds, SystemClock
from agents.types import OwnerId
from bot.config import Settings
from bot.services.previews import PreviewLinks
from bot.sidecar.sign_in import clerk_sign_in
from tests.bot.sidecar.test_tenants import KEYED, MISSING, Answer, Door, Names
from tests.bot.sidecar.test_tenants import doors as all_doors
from tests.campaigns._tenant_links import PATHS, link_door, link_up, try_links
from tests.contracts.store.adapters import ADAPTERS
from tests.fakes.clerk.server import FakeClerk, serving_clerk
from tests.fakes.clerk.tokens import organisation
from tests.fakes.server import ROOT
from tests.fakes.sidecar import RunningSidecar, running_sidecar

DEFAULT_SIZE = 12
BOUNDS = ("leaks", "changed", "let_in", "closed")
AT_ONCE = 8
_LIFE_S = 3_000
_READS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Tenant:
    """Somebody at the door, and what is theirs: the app and its tasks."""

    owner: OwnerId
    word: str
    door: RunningSidecar
    names: tuple[Names, ...]

    @property
    def marks(self) -> set[str]:
        """What nobody else may ever read."""
        ids = {(n.project_id, n.task_id, n.fragment_id) for n in self.names}
        return {self.word, *(mark for each in ids for mark in each)}


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """Play it; the figures are named in the campaign's module docstring. Nothing is random."""
    clock = SystemClock()
    began = clock.monotonic()
    figures = await play(size=size, store=store)
    functions = await _try_functions() if store == "convex" else {}
    ok = not any(figures[bound] for bound in BOUNDS) and functions.get("functions_failed", 0) == 0
    took_s = round(clock.monotonic() - began, 1)
    return {"ok": ok, "tenants": size, **figures, **functions, "runtime_s": took_s}


async def play(*, size: int, store: str) -> dict[str, int]:
    """The tenants at the doors."""
    clock, figures = SystemClock(), dict.fromkeys(("requests", *BOUNDS), 0)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="zapdev-tenants-")))
        database = await stack.enter_async_context(ADAPTERS[store](folder, clock, RandomIds()))
        clerk = await stack.enter_async_context(serving_clerk())
        settings = Settings.model_validate(
            {"clerk_issuer": clerk.issuer, "clerk_authorized_parties": {clerk.origin}}
        )
        links, linking = PreviewLinks(database, "http://127.0.0.1:1"), link_door(database)
        sign_in = clerk_sign_in(settings, clock)
        assert sign_in is not None
        sidecar = await stack.enter_async_context(
            running_sidecar(database, sign_in=sign_in, links=links, linking=linking)
        )
        tenants = [await _move_in(sidecar, clerk, number, stack) for number in range(size)]
        before = [await _belongings(tenant) for tenant in tenants]
        for tenant in tenants:
            await _try_all(tenant, tenants, figures)
        await _try_bad_tokens(sidecar, clerk, tenants, figures, stack)
        figures["changed"] = sum(
            [was != await _belongings(t) for was, t in zip(before, tenants, strict=True)]
        )
        for tenant in tenants:
            await _open_own(tenant, figures)
        people = [
            await link_up(linking, t.door, await sign_in.verify(clerk.mint(**_claims(n))), n)
            for n, t in enumerate(tenants)
        ]
        for name, count in (await try_links(people, database)).items():
            figures[name] += count
    return figures


def doors(sidecar: RunningSidecar) -> Iterator[Door]:
    """All but those of linking, which are tried by what they are about."""
    return (door for door in all_doors(sidecar) if not door.template.startswith(PATHS))


def _claims(number: int) -> dict[str, Any]:
    """Every third is a user alone, the two behind it are that user in organisations."""
    version, user = 1 + number % 2, {"sub": f"user_{number // 3}", "life_s": _LIFE_S}
    if number % 3 == 0:
        return {"version": version, **user}
    return {"version": version, **user, **organisation(f"org_{number}", version=version)}


async def _move_in(
    sidecar: RunningSidecar, clerk: FakeClerk, number: int, stack: AsyncExitStack
) -> Tenant:
    claims = _claims(number)
    http = await _session(sidecar, clerk.bearer(**claims), stack)
    owner = OwnerId(claims["sub"] if number % 3 == 0 else f"org_{number}")
    door, word = replace(sidecar, http=http), f"Annwyn-{number:04}-7411"
    started = await door.start_task(f"A board for {word}")
    await door.worker.take()
    files = {"package.json": b"{}\n", "src/secret.ts": f"// {word}\n".encode()}
    fragment_id = await door.worker.build(files, preview_url="http://127.0.0.1:4000/")
    names = Names(started["projectId"], started["taskId"], fragment_id)
    more = []
    for _ in range(2):
        asked = await door.start_task(word, projectId=names.project_id)
        more.append(replace(names, task_id=asked["taskId"]))
    await door.worker.take()
    return Tenant(owner, word, door, (names, *more))


async def _session(
    sidecar: RunningSidecar, headers: Mapping[str, str], stack: AsyncExitStack
) -> aiohttp.ClientSession:
    session = aiohttp.ClientSession(sidecar.url, headers=headers)
    return await stack.enter_async_context(session)


async def _belongings(tenant: Tenant) -> list[Any]:
    store, held = tenant.door.store, []
    for project in await store.projects(tenant.owner):
        tasks = await store.tasks(tenant.owner, project.id)
        versions = await store.fragments(tenant.owner, project.id)
        messages = await store.messages(tenant.owner, project.id)
        held.append((project, tasks, versions, messages))
    assert len(held) == 1, "a tenant has one app"
    return held


async def _try_all(tenant: Tenant, tenants: Sequence[Tenant], figures: dict[str, int]) -> None:
    """Each door, with what is each other's; and those that name nothing."""
    others = [other for other in tenants if other is not tenant]
    told = [door for door in doors(tenant.door) if door.names_something]
    nobodys = {door: await door.knock(tenant.door, MISSING) for door in told}
    knocks = [(door, names, o) for door in told for o in others for names in _foreign(tenant, o)]
    quiet = [d for d in doors(tenant.door) if not d.names_something and not _is_keyed(d)]
    turn = asyncio.Semaphore(AT_ONCE)

    async def knock(door: Door, names: Names, other: Tenant) -> None:
        async with turn:
            answer = await door.knock(tenant.door, names)
        figures["requests"] += 1
        same = (answer.status, answer.text) == (404, nobodys[door].text)
        figures["leaks"] += not same or _tells(answer, [other])

    await asyncio.gather(*(knock(*each) for each in knocks))
    for door in quiet:
        figures["requests"] += 1
        figures["leaks"] += _tells(await door.knock(tenant.door, others[0].names[0]), others)


def _foreign(tenant: Tenant, other: Tenant) -> Iterator[Names]:
    """All that is another's; and their version beside a project of one's own."""
    yield from other.names
    yield replace(other.names[0], project_id=MISSING.project_id)
    yield replace(other.names[0], fragment_id=tenant.names[0].fragment_id)


def _is_keyed(door: Door) -> bool:
    return any(key in door.template for key in KEYED)


def _tells(answer: Answer, others: Sequence[Tenant]) -> bool:
    said = answer.text + answer.headers
    return any(mark in said for other in others for mark in other.marks)


async def _try_bad_tokens(
    sidecar: RunningSidecar,
    clerk: FakeClerk,
    tenants: Sequence[Tenant],
    figures: dict[str, int],
    stack: AsyncExitStack,
) -> None:
    """No token, one that has run out, one of another issuer, one that is not signed by Clerk."""
    claims = _claims(0)
    stranger = FakeClerk(issuer=clerk.issuer)
    bad: list[Mapping[str, str]] = [
        {},
        clerk.bearer(**claims | {"life_s": -60}),
        clerk.bearer(**claims, iss="https://clerk.elsewhere.example"),
        stranger.bearer(**claims),
    ]
    for headers in bad:
        at = replace(sidecar, http=await _session(sidecar, headers, stack))
        for door in (d for d in doors(sidecar) if d.template.startswith("/api/")):
            if door.template == "/api/info":
                continue
            answer = await door.knock(at, tenants[0].names[0])
            figures["requests"] += 1
            figures["let_in"] += answer.status != 401 or _tells(answer, tenants)


async def _open_own(tenant: Tenant, figures: dict[str, int]) -> None:
    """What reads opens for whose it is."""
    for door in doors(tenant.door):
        if door.names_something and door.method in _READS and "stream" not in door.template:
            answer = await door.knock(tenant.door, tenant.names[0])
            figures["requests"] += 1
            figures["closed"] += answer.status != 200


async def _try_functions() -> dict[str, int]:
    """The deployment's own tests of who may call what."""
    process = await asyncio.create_subprocess_exec(
        *("npx", "vitest", "run", "--config", "convex/vitest.config.ts", "--reporter", "json"),
        "access.test.ts",
        cwd=ROOT,
        env={**os.environ},  # noqa: TID251 - a program, not the product
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said, _ = await process.communicate()
    found = json.loads(said[said.index(b"{") :])
    failed = int(found["numFailedTests"]) + (0 if found["success"] else 1)
    return {"functions_tried": int(found["numPassedTests"]), "functions_failed": failed}
