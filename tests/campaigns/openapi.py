"""Campaign `openapi`: schemathesis tries every call of the API as `/openapi.json` describes it.

A sidecar over the store, a worker that finishes every task at once; SIZE cases for each call and
phase, most of them about things that are there. Twice: without accounts, and as somebody who is
signed in, where each call is also made with no token and with a bad one.

`failures`: an answer 5xx, one that is not described, a body that its schema does not fit, a frame
of a stream that is none, a request taken that breaks its own schema, or one answered without a
token. `cases` are the requests that were judged.
"""

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agents.background import Background
from agents.errors import NotFound
from agents.system import RandomIds, SystemClock
from agents.types import OwnerId, ProjectId
from bot.services.downloads import Download, DownloadLinks
from bot.services.previews import PreviewLinks, Waking
from bot.services.principals import NotSignedIn, Principal
from bot.store.port import Project, Store
from tests.contracts.store.adapters import ADAPTERS
from tests.fakes.sidecar import RunningSidecar, running_sidecar
from tests.fakes.worker import ScriptedWorker

DEFAULT_SIZE = 300
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "ignored_auth",
)
TOKEN = "a-session-of-anns"
OWNER = OwnerId("user_ann")
ROOT = Path(__file__).parents[2]
_PAUSE_S, _ANSWERED_S = 0.02, 10


class OnePerson:
    """Implements `SignIn`: knows one token."""

    async def verify(self, token: str) -> Principal:
        if token != TOKEN:
            raise NotSignedIn("token_invalid", "This session is not valid any more.")
        return Principal(OWNER, OWNER)


class Waiting:
    """Plays `bot.services.previews.Previews`: one app, which is waking up."""

    KEY = "the-key"
    only_here = False

    def __init__(self, store: Store) -> None:
        self._store = store

    async def project_of(self, key: str) -> Project:
        if key != self.KEY:
            raise NotFound("no such link")
        return (await self._store.projects(OWNER))[0]

    async def open(self, project: Project) -> Waking:
        return Waking("Building it", 2.0)


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """Both rounds, one after the other; figures as the module docstring says."""
    figures: dict[str, object] = {"calls": 0, "cases": 0, "failures": 0}
    for sign_in in (None, OnePerson()):
        with TemporaryDirectory(prefix="zapdev-openapi-") as folder:
            opened = ADAPTERS[store](Path(folder), SystemClock(), RandomIds())
            async with opened as over, _sidecar(over, sign_in) as (sidecar, known):
                said = await _schemathesis(
                    sidecar.url, known, signed_in=sign_in is not None, seed=seed, size=size
                )
        judged = _judged(said)
        figures |= {"calls": judged["calls"]}
        for name in ("cases", "failures"):
            figures[name] = int(str(figures[name])) + judged[name]
    return {"ok": figures["failures"] == 0 and figures["cases"] != 0, **figures}


@asynccontextmanager
async def _sidecar(
    store: Store, sign_in: OnePerson | None
) -> AsyncIterator[tuple[RunningSidecar, Mapping[str, list[str]]]]:
    """One with a finished app, and what names it; whatever is started then is finished, too."""
    more: dict[str, Any] = {
        "downloads": DownloadLinks(b"secret", SystemClock(), "http://127.0.0.1:1"),
        "links": PreviewLinks(store, "http://127.0.0.1:1"),
        "previews": Waiting(store),
    }
    background = Background()
    async with running_sidecar(store, owner=OWNER, sign_in=sign_in, **more) as sidecar:
        sidecar.http.headers["Authorization"] = f"Bearer {TOKEN}"
        known = await _known(sidecar)
        background.spawn(_finish_all(sidecar.worker), name="worker")
        try:
            yield sidecar, known
        finally:
            await background.stop()


async def _finish_all(worker: ScriptedWorker) -> None:
    while True:
        if await worker.take_any():
            await worker.build(preview_url="http://127.0.0.1:4000/")
        else:
            await asyncio.sleep(_PAUSE_S)


async def _known(sidecar: RunningSidecar) -> dict[str, list[str]]:
    """What names the parts of a finished app, by the parameters that take it."""
    started = await sidecar.built_project()
    project_id, task_id = started["projectId"], started["taskId"]
    [version] = await sidecar.store.fragments(OWNER, ProjectId(project_id))
    wanted = Download(OWNER, ProjectId(project_id), version.id)
    signed = DownloadLinks(b"secret", SystemClock()).sign(wanted)
    return {
        **{name: [project_id] for name in ("project_id", "projectId")},
        **{name: [task_id] for name in ("task_id", "taskId")},
        **{name: [version.id] for name in ("fragment", "fragmentId", "from", "to")},
        "path": sorted(version.files),
        "key": [Waiting.KEY],
        "signed": [signed],
    }


async def _schemathesis(
    url: str, known: Mapping[str, list[str]], *, signed_in: bool, seed: int, size: int
) -> str:
    """What it says of the server at `url`, its own words."""
    command = [*(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json")]
    command += ["--checks", ",".join(CHECKS), "--seed", str(seed), "-n", str(size), "--no-color"]
    command += ["--generation-database", "none", "--request-timeout", str(_ANSWERED_S)]
    if signed_in:
        command += ["--header", f"Authorization: Bearer {TOKEN}"]
    surroundings = {
        "PATH": os.environ["PATH"],  # noqa: TID251 - a program, not the product
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.campaigns._openapi_hooks",
        "KNOWN_IDS": json.dumps(known),
    }
    with TemporaryDirectory(prefix="zapdev-openapi-") as folder:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env=surroundings, stdout=PIPE, stderr=STDOUT
        )
        try:
            said, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    return said.decode()


def _judged(said: str) -> dict[str, int]:
    """The numbers in its summary. What it found fault with, or could not do, is printed."""
    calls = re.search(r"Tested: (\d+)", said)
    cases = re.search(r"(\d+) generated, (\d+) passed", said)
    found = re.search(r"(\d+) found", said)
    errors = re.search(r"(\d+) errors?\b", said)
    if calls is None or cases is None or found is not None or errors is not None:
        print(said, file=sys.stderr)
        return {"calls": 0, "cases": 0, "failures": 1 if found is None else int(found[1])}
    return {"calls": int(calls[1]), "cases": int(cases[1]), "failures": 0}
