"""Streams outlive a token, and do not outlive a session."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from agents.errors import StoreUnavailable
from agents.system import SystemClock
from bot.config import Settings
from bot.services.sign_outs import (
    Marks,
    SignOuts,
    member_mark,
    organisation_mark,
    session_mark,
    user_mark,
)
from bot.sidecar.sign_in import clerk_sign_in
from bot.sidecar.streaming import STREAMS
from tests.fakes.clerk.server import FakeClerk
from tests.fakes.clerk.tokens import organisation
from tests.fakes.sidecar import Frame, RunningSidecar, frames, read_all, running_sidecar
from tests.fakes.waiting import until

ORG = "org_2aBcDeFgHiJkLmNoPqRsTuVwXyZ"


@asynccontextmanager
async def signed_in(
    clerk: FakeClerk, path: Path, *, marks: Marks | None = None, **changes: Any
) -> AsyncIterator[RunningSidecar]:
    """A sidecar that asks for Clerk's tokens; its database knows who was signed out."""
    settings = Settings(
        clerk_issuer=clerk.issuer, clerk_authorized_parties=frozenset({clerk.origin})
    )
    sign_in = clerk_sign_in(settings, SystemClock())
    async with running_sidecar(path) as beside:
        sign_outs = SignOuts(marks or beside.store, every_s=0.02)
        async with running_sidecar(
            path, sign_in=sign_in, sign_outs=sign_outs, **changes
        ) as sidecar:
            yield sidecar


async def start(sidecar: RunningSidecar, headers: dict[str, str]) -> str:
    accept = {"Accept": "application/json", **headers}
    body = {"prompt": "A kanban board"}
    async with sidecar.http.post("/api/generate", json=body, headers=accept) as answer:
        assert answer.status == 202, await answer.text()
        return str((await answer.json())["taskId"])


def follow(
    sidecar: RunningSidecar, task_id: str, headers: dict[str, str], *, after: int = 0
) -> Any:
    at = {"Last-Event-ID": str(after)} if after else {}
    path = f"/api/stream-progress?taskId={task_id}"
    return sidecar.http.get(path, headers={**headers, **at})


async def ending(answer: aiohttp.ClientResponse) -> Frame:
    async with asyncio.timeout(10):
        return (await read_all(answer))[-1]


async def test_a_stream_ends_after_its_time_and_goes_on_with_a_new_token_without_a_gap(
    clerk: FakeClerk, tmp_path: Path
) -> None:
    async with signed_in(clerk, tmp_path / "z.db", stream_s=0.15) as sidecar:
        task_id = await start(sidecar, clerk.bearer())
        await sidecar.worker.take()
        seen: list[Frame] = []
        asked = 0
        while not seen or seen[-1].type != "complete":
            asked += 1
            after = seen[-1].seq if seen else 0
            async with follow(sidecar, task_id, clerk.bearer(), after=after) as answer:
                async for frame in frames(answer):
                    if frame.type == "reauth":
                        assert frame.data == {"type": "reauth", "code": "stream_expired"}
                    else:
                        seen.append(frame)
            if asked <= 3:
                await sidecar.worker.say(f"piece {asked}")
            elif asked == 4:
                await sidecar.worker.build()
        async with follow(sidecar, task_id, clerk.bearer()) as answer:
            whole = [frame for frame in await read_all(answer) if frame.type != "reauth"]
        assert seen == whole
        assert asked >= 4


async def test_the_end_has_no_id_so_that_the_cursor_stays(clerk: FakeClerk, tmp_path: Path) -> None:
    async with signed_in(clerk, tmp_path / "z.db", stream_s=0.05) as sidecar:
        task_id = await start(sidecar, clerk.bearer())
        async with follow(sidecar, task_id, clerk.bearer()) as answer:
            blocks = (await answer.read()).decode().strip().split("\n\n")
    assert blocks[-1] == 'data: {"type":"reauth","code":"stream_expired"}'
    assert sum("id: " in block for block in blocks) == len(blocks) - 2, (
        "all but the last, and retry"
    )


async def test_without_accounts_a_stream_lasts_as_long_as_its_task(tmp_path: Path) -> None:
    async with running_sidecar(tmp_path / "z.db", stream_s=0.01, heartbeat_s=0.05) as sidecar:
        started = await sidecar.start_task()
        async with follow(sidecar, started["taskId"], {}) as answer:
            async for line in answer.content:
                if line.startswith(b":"):
                    break
            await sidecar.worker.take()
            await sidecar.worker.build()
            assert (await ending(answer)).type == "complete"


async def test_the_streams_of_a_session_that_has_ended_are_closed_in_every_process(
    clerk: FakeClerk, tmp_path: Path
) -> None:
    path = tmp_path / "z.db"
    async with (
        signed_in(clerk, path) as here,
        signed_in(clerk, path) as there,
    ):
        gone, stays = clerk.bearer(sid="sess_gone"), clerk.bearer(sid="sess_stays")
        task_id = await start(here, gone)
        async with (
            follow(here, task_id, gone) as first,
            follow(there, task_id, gone) as second,
            follow(there, task_id, stays) as third,
        ):
            await SignOuts(here.store).note(session_mark("sess_gone"))
            for answer in (first, second):
                assert (await ending(answer)).data == {"type": "reauth", "code": "session_ended"}
            await here.worker.take()
            await here.worker.build()
            assert (await ending(third)).type == "complete"


async def test_whoever_ends_ends_all_that_was_theirs_and_nobody_elses(
    clerk: FakeClerk, tmp_path: Path
) -> None:
    ann, ben = {"sub": "user_ann"}, {"sub": "user_ben"}
    who = {
        "ann": clerk.bearer(**ann),
        "ann in the organisation": clerk.bearer(**ann, **organisation(ORG)),
        "ben": clerk.bearer(**ben),
        "ben in the organisation": clerk.bearer(**ben, **organisation(ORG)),
    }
    ends = {
        user_mark("user_ann"): {"ann", "ann in the organisation"},
        member_mark(ORG, "user_ann"): {"ann in the organisation"},
        organisation_mark(ORG): {"ann in the organisation", "ben in the organisation"},
    }
    async with signed_in(clerk, tmp_path / "z.db") as sidecar:
        watchers = sidecar.runner.app[STREAMS].watchers
        tasks = {name: await start(sidecar, headers) for name, headers in who.items()}
        for mark, theirs in ends.items():
            answers = {n: await follow(sidecar, tasks[n], h) for n, h in who.items()}
            try:
                assert watchers.sign_out({mark}) == len(theirs)
                for name in theirs:
                    assert (await ending(answers[name])).data["code"] == "session_ended"
                assert len(watchers.marks) > 0
            finally:
                for answer in answers.values():
                    answer.close()
                await until(lambda: not watchers.marks)


class Flaky:
    """A store that fails the first time."""

    def __init__(self) -> None:
        self.asked = 0

    async def first_time(self, key: str, *, keep_s: float) -> bool:
        return True

    async def seen(self, keys: Sequence[str]) -> frozenset[str]:
        self.asked += 1
        if self.asked == 1:
            raise StoreUnavailable("away")
        return frozenset(keys)


async def test_a_store_that_was_away_is_asked_again(clerk: FakeClerk, tmp_path: Path) -> None:
    store = Flaky()
    async with signed_in(clerk, tmp_path / "z.db", marks=store) as sidecar:
        task_id = await start(sidecar, clerk.bearer())
        async with follow(sidecar, task_id, clerk.bearer()) as answer:
            assert (await ending(answer)).data["code"] == "session_ended"
    assert store.asked >= 2
