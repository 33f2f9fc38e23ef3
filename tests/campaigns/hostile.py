"""Campaign `hostile`: what strangers put in our way when we fetch and read what is theirs.

Addresses: every private range in every spelling, as text and as what a name leads to, and as the
target of a redirect, with a server on loopback that must never be reached. Archives: those that
somebody made to do harm, and SIZE mangled ones; nothing but an app's files may come out.
Repositories: texts that give orders, imported by the whole pipeline and followed up; they may stand
in files, and in what is marked as data, and nowhere else: no command, no prompt, no summary.
Designs: the same, with all that a file of Figma, its images or whoever answers in its place can do;
and SIZE / 4 mangled ones.
"""

import io
import ipaddress
import json
import random
import time
from collections.abc import Mapping

from agents import events as e
from agents.addresses import is_public
from agents.errors import ImportDenied, ZapdevError
from agents.imports.archive import unpack
from agents.imports.fetch import Destinations, GuardedClient, origin_of
from agents.paths import safe_path
from agents.pipeline import Built, run_pipeline
from agents.run import Job
from agents.sources import Source
from agents.testing import ScriptedLLM
from agents.types import TaskKind
from tests.agents.imports.hostile import CASES, mangled
from tests.agents.imports.test_fetch import Rebinding, inside
from tests.agents.test_addresses import HIDING, PRIVATE_V4, PRIVATE_V6, WAYS, some_of
from tests.campaigns._design_judge import judged, mangled_design, without_data
from tests.campaigns._hostile_designs import DESIGNS, SILENT
from tests.campaigns._hostile_repositories import MARK, REPOSITORIES, Repository
from tests.fakes.pipelines import SUMMARY, TASK, Stage, job, say

DEFAULT_SIZE = 2_000
PUBLIC = Destinations(frozenset({"api.github.com", "codeload.github.com"}))
SLOWEST_S = 30.0
_HOOKLESS = "--ignore-scripts --ignore-pnpmfile"


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """Try everything; `breaches` names what got through. `store` does not matter here."""
    del store
    chance = random.Random(seed)  # noqa: S311 - a seeded campaign
    addresses, let_through = _addresses()
    redirects, reached = await _redirects(addresses)
    archives, harmed, slowest_s = _archives(chance, size)
    policies = [breach for repository in REPOSITORIES for breach in await _obeyed(repository)]
    designs, overstepped, slowest_design_s = await _designs(chance, size)
    breaches = [*let_through, *reached, *harmed, *policies, *overstepped]
    return {
        "ok": not breaches and slowest_s <= SLOWEST_S,
        "cases": len(addresses) + redirects + archives + len(REPOSITORIES) + designs,
        "breaches": len(breaches),
        "what": breaches[:10],
        "addresses": len(addresses),
        "redirects": redirects,
        "archives": archives,
        "slowest_archive_s": slowest_s,
        "repositories": len(REPOSITORIES),
        "designs": designs,
        "slowest_design_s": slowest_design_s,
    }


# --- addresses ---------------------------------------------------------------------------


def _addresses() -> tuple[list[str], list[str]]:
    """Private addresses in every spelling, and those that were taken for public ones."""
    v4 = [ip for network in PRIVATE_V4 for ip in some_of(ipaddress.IPv4Network(network))]
    spelled = [
        write(ipaddress.IPv4Address(str(ip)))
        for ip in v4
        for write in [*WAYS.values(), *HIDING.values()]
    ]
    spelled += [str(ip) for n in PRIVATE_V6 for ip in some_of(ipaddress.IPv6Network(n))]
    spelled = sorted(set(spelled))
    return spelled, [f"address {text}" for text in spelled if is_public(text)]


async def _redirects(addresses: list[str]) -> tuple[int, list[str]]:
    """Each address as the target of a redirect, and as what a listed name leads to.

    No traffic leaves loopback: an address that is not ours is refused before a socket is made.
    """
    reached = []
    for address in addresses:
        plain = address.partition("%")[0]
        host = f"[{plain}]" if ":" in plain else plain
        async with inside(go=f"https://{host}/x") as server:
            trusted = Destinations(PUBLIC.hosts, frozenset({origin_of(server.url)}))
            answered = await _get(trusted, f"{server.url}/go", None)
            if answered or len(server.seen) != 1:
                reached.append(f"redirect to {address}")
            resolver = Rebinding(plain, server.port)
            if await _get(PUBLIC, "https://api.github.com/x", resolver) or len(server.seen) != 1:
                reached.append(f"a name that leads to {address}")
    return 2 * len(addresses), reached


async def _get(destinations: Destinations, url: str, resolver: Rebinding | None) -> bool:
    """Whether anything but a refusal came of it."""
    async with GuardedClient(destinations, resolver=resolver) as client:
        try:
            await client.get(url, headers={})
        except ImportDenied:
            return False
    return True


# --- archives ----------------------------------------------------------------------------


def _archives(chance: random.Random, size: int) -> tuple[int, list[str], float]:
    """How many were read, what harmful came of which, and the longest time of one."""
    harmed: list[str] = []
    slowest_s = 0.0
    made = [(case.name, case.make(), case.refused) for case in CASES]
    made += [("mangled", mangled(chance.getrandbits(32)), False) for _ in range(size)]
    for name, data, refused in made:
        began = time.monotonic()
        try:
            found = unpack(io.BytesIO(data), "", time.monotonic)
        except ImportDenied:
            found = None
        slowest_s = max(slowest_s, time.monotonic() - began)
        if refused and found is not None:
            harmed.append(f"archive {name} was taken")
        if found is not None:
            harmed += [f"archive {name}: {path!r}" for path in found.files if not _is_safe(path)]
    return len(made), harmed, round(slowest_s, 1)


def _is_safe(path: str) -> bool:
    if path.rpartition("/")[2] == ".npmrc":
        path = f"{path}-settings"
    try:
        return safe_path(path) == path
    except ZapdevError:
        return False


# --- repositories ------------------------------------------------------------------------


class _One:
    """Implements `agents.sources.Sources` for one repository."""

    def __init__(self, repository: Repository) -> None:
        self._files = repository.files

    async def fetch(self, reference: str) -> Source:
        return Source(
            origin="github.com/acme/shop",
            ref="main",
            commit="0" * 40,
            path="",
            files=self._files,
            manifests={"package.json": self._files["package.json"]},
        )


async def _obeyed(repository: Repository) -> list[str]:
    """Where an order of this repository stands that it must not; nothing when it is only data."""
    where = f"{repository.place}: {repository.order!r}"
    stage = Stage(ScriptedLLM())
    importing = Job(TASK, TaskKind.IMPORT, "Import acme/shop")
    outcome = await run_pipeline(stage.run(importing, sources=_One(repository)))
    if not isinstance(outcome, Built):
        return [f"{where}: not built"]
    llm = ScriptedLLM(say("<task_summary>Yes.</task_summary>"), by_purpose={"summarize": [SUMMARY]})
    later = Stage(llm, blobs=stage.blobs)
    await run_pipeline(
        later.run(job("Is it a shop?", framework=outcome.framework, base=outcome.files))
    )
    sandboxes = [*stage.provider.sandboxes.values(), *later.provider.sandboxes.values()]
    commands = [c for s in sandboxes for c in [*s.commands, *(line for line, _ in s.served)]]
    told = [outcome.summary.title, outcome.summary.summary, *outcome.summary.suggestions]
    notices = [v.message for v in stage.journal.events if isinstance(v, e.NoticeGiven)]
    prompts = [m.content for r in llm.requests for m in r.messages]
    tools = json.dumps([[t.name for t in r.tools] for r in llm.requests])
    return [
        *(f"{where}: a command says it" for c in commands if MARK in c),
        *(f"{where}: its hooks run" for c in commands if "pnpm@" in c and _HOOKLESS not in c),
        *(f"{where}: told as ours" for text in [*told, *notices] if MARK in text),
        *(f"{where}: in a prompt" for text in prompts if MARK in without_data(text)),
        *([f"{where}: other tools"] if "fetch" in tools else []),
    ]


# --- designs -----------------------------------------------------------------------------


async def _designs(chance: random.Random, size: int) -> tuple[int, list[str], float]:
    """How many were imported or read, what they did that they must not, the longest time of one.

    The one that waits for a minute is left out of a small campaign.
    """
    cases = [*DESIGNS, SILENT] if size >= DEFAULT_SIZE else list(DESIGNS)
    verdicts = [await judged(design) for design in cases]
    overstepped = [breach for breaches, _ in verdicts for breach in breaches]
    read = size // 4
    overstepped += [b for _ in range(read) for b in mangled_design(chance.getrandbits(32))]
    return len(cases) + read, overstepped, round(max(took_s for _, took_s in verdicts), 1)
