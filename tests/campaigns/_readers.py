"""The people of a campaign: each asks for one app and follows its task by Server-Sent Events.

A connection that ends is taken up again behind the last frame seen; every few readers close theirs
in the middle, and go on at the other server.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from random import Random

import aiohttp

from tests.fakes.server import Frame, frames

PAUSE_S = 0.25
SILENCE_S = 60.0
ASKS_TWICE, LEAVES_ONCE = 10, 4
"""Every so many readers."""


@dataclass(slots=True)
class Followed:
    """One task as its reader knows it. `other_ids`: what a repeated request was answered."""

    number: int
    prompt: str
    task_id: str = ""
    project_id: str = ""
    other_ids: set[str] = field(default_factory=set)
    frames: list[Frame] = field(default_factory=list)
    connections: int = 0
    leaves_at: int = 0
    """Closes the connection at this frame, once; 0 for never."""

    @property
    def is_open(self) -> bool:
        """Whether it was accepted, and its reader has not seen its end."""
        return bool(self.task_id) and not self.has_ended

    @property
    def has_ended(self) -> bool:
        return bool(self.frames) and self.frames[-1].is_terminal

    @property
    def last_seq(self) -> int:
        return self.frames[-1].seq if self.frames else 0


class Readers:
    """Follows every task once, `at_once` of them per server; they are numbered from `first`."""

    def __init__(
        self,
        prompts: Sequence[str],
        urls: Sequence[str],
        rng: Random,
        *,
        at_once: int,
        first: int = 0,
    ) -> None:
        self.tasks = [Followed(number, prompt) for number, prompt in enumerate(prompts, first)]
        self.refused: list[str] = []
        self._urls = list(urls)
        self._at_once = at_once
        for task in self.tasks[::LEAVES_ONCE]:
            task.leaves_at = rng.randrange(3, 30)

    @property
    def ended(self) -> int:
        """How many readers have seen the end of their task."""
        return sum(task.has_ended for task in self.tasks)

    async def run(self) -> None:
        """Return when every task has ended for its reader."""
        timeout = aiohttp.ClientTimeout(total=None, sock_read=SILENCE_S)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as http:
            count = len(self._urls)
            await asyncio.gather(
                *(
                    self._in_turn(http, self.tasks[at::count], self._urls[at:] + self._urls[:at])
                    for at in range(count)
                )
            )

    async def _in_turn(
        self, http: aiohttp.ClientSession, tasks: Sequence[Followed], urls: Sequence[str]
    ) -> None:
        waiting = iter(tasks)

        async def one_after_another() -> None:
            for task in waiting:
                await self._ask(http, task, urls)
                await self._follow(http, task, urls)

        await asyncio.gather(*(one_after_another() for _ in range(self._at_once)))

    async def _ask(self, http: aiohttp.ClientSession, task: Followed, urls: Sequence[str]) -> None:
        """Some ask again, elsewhere, as if the answer had been lost: it has to be the same one."""
        started = await self._post(http, task, urls[0])
        task.task_id, task.project_id = started["taskId"], started["projectId"]
        if task.number % ASKS_TWICE == 0:
            task.other_ids.add((await self._post(http, task, urls[-1]))["taskId"])

    async def _post(self, http: aiohttp.ClientSession, task: Followed, url: str) -> dict[str, str]:
        headers = {"Accept": "application/json", "Idempotency-Key": f"reader-{task.number}"}
        body = {"prompt": task.prompt}
        while True:
            async with http.post(f"{url}/api/generate", json=body, headers=headers) as answer:
                if answer.status == 202:
                    started: dict[str, str] = await answer.json()
                    return started
                self.refused.append(f"{answer.status} {(await answer.text())[:200]}")
            await asyncio.sleep(PAUSE_S)

    async def _follow(
        self, http: aiohttp.ClientSession, task: Followed, urls: Sequence[str]
    ) -> None:
        for url in cycle(urls):
            task.connections += 1
            headers = {"Last-Event-ID": str(task.last_seq)} if task.frames else {}
            address = f"{url}/api/stream-progress?taskId={task.task_id}"
            async with http.get(address, headers=headers) as answer:
                if answer.status == 204:
                    return
                if answer.status == 200:
                    await _read(answer, task)
                else:
                    self.refused.append(f"{answer.status} {(await answer.text())[:200]}")
            if task.has_ended:
                return
            await asyncio.sleep(PAUSE_S)


async def _read(answer: aiohttp.ClientResponse, task: Followed) -> None:
    """Until the stream ends, or its reader leaves."""
    async for frame in frames(answer):
        task.frames.append(frame)
        if task.leaves_at and len(task.frames) >= task.leaves_at:
            task.leaves_at = 0
            return
