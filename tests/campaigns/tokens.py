"""Campaign `tokens`: a table of tokens and `size` broken ones against our verifier, beside Clerk's.

`false_accepts`: broken tokens that were accepted. `false_refusals`: right ones that were not.
`wrong_codes`: refusals of the table under another code than promised. `beyond_clerk`: what we
accept and one of Clerk's own verifiers (`clerk-backend-api`, `@clerk/backend`) does not.
`misread`: accepted, but read otherwise than by `@clerk/backend`. `looser_clerk`: tokens of the
table that one of Clerk's accepts and we refuse.
"""

import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

from agents.system import SystemClock
from bot.services.principals import NotSignedIn, Principal
from bot.sidecar.clerk import ClerkSignIn, Rules
from bot.sidecar.clerk_keys import JwksCache
from tests.fakes.clerk.oracles import JavaScript, accepted_by_python, javascript
from tests.fakes.clerk.server import FakeClerk, serving_clerk
from tests.fakes.clerk.token_cases import CASES, Broken

DEFAULT_SIZE = 10_000
GOOD_ONES = 20
"""One right token among so many broken ones."""


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """`store` does not matter here."""
    del store
    async with serving_clerk() as clerk, javascript(clerk) as node:
        keys = JwksCache(clerk.jwks_url, SystemClock())
        rules = Rules(clerk.issuer, frozenset({clerk.origin}))
        trial = _Trial(clerk, node, ClerkSignIn(rules, keys, SystemClock()))
        try:
            await trial.table()
            await trial.broken(Broken(clerk, random.Random(seed)), size)  # noqa: S311 - seeded
        finally:
            await keys.close()
    return trial.figures()


class _Trial:
    def __init__(self, clerk: FakeClerk, node: JavaScript, sign_in: ClerkSignIn) -> None:
        self._clerk = clerk
        self._node = node
        self._sign_in = sign_in
        self._count: Counter[str] = Counter()
        self._codes: Counter[str] = Counter()
        self._examples: list[str] = []

    async def table(self) -> None:
        """Each case of the table, at all three."""
        for case in CASES:
            token = case.make(self._clerk)
            verdict = await self._verdict(token)
            code = None if isinstance(verdict, Principal) else verdict
            if code != case.refusal:
                self._wrong("wrong_codes", f"{case.name}: {code}")
            if case.refusal is None:
                await self._compare(case.name, token, verdict)
                continue
            self._count["tried"] += 1
            theirs = accepted_by_python(self._clerk, token) or (await self._node.ask(token))["ok"]
            self._count["looser_clerk"] += theirs
            if code is None:
                self._wrong("false_accepts", case.name)

    async def broken(self, source: Broken, size: int) -> None:
        """So many broken ones, and right ones among them."""
        for number in range(size):
            how, token = source.draw()
            self._count["tried"] += 1
            verdict = await self._verdict(token)
            if isinstance(verdict, Principal):
                self._wrong("false_accepts", how)
            else:
                self._codes[verdict] += 1
            if number % GOOD_ONES == 0:
                good = source.good()
                await self._compare("a right one", good, await self._verdict(good))

    async def _verdict(self, token: str) -> Principal | str:
        try:
            return await self._sign_in.verify(token)
        except NotSignedIn as refusal:
            return refusal.code

    async def _compare(self, name: str, token: str, verdict: Principal | str) -> None:
        if isinstance(verdict, str):
            self._wrong("false_refusals", f"{name}: {verdict}")
            return
        self._count["accepted"] += 1
        js = await self._node.ask(token)
        if not (js["ok"] and accepted_by_python(self._clerk, token)):
            self._wrong("beyond_clerk", name)
        elif not _read_alike(verdict, js):
            self._wrong("misread", f"{name}: {js}")

    def _wrong(self, figure: str, example: str) -> None:
        self._count[figure] += 1
        self._examples.append(f"{figure}: {example}")

    def figures(self) -> Mapping[str, object]:
        bad = ("false_accepts", "false_refusals", "wrong_codes", "beyond_clerk", "misread")
        return {
            "ok": not any(self._count[name] for name in bad),
            **{name: self._count[name] for name in bad},
            "tried": self._count["tried"],
            "accepted": self._count["accepted"],
            "table": len(CASES),
            "looser_clerk": self._count["looser_clerk"],
            "refused_as": dict(self._codes.most_common()),
            "examples": self._examples[:10],
        }


def _read_alike(ours: Principal, theirs: Mapping[str, Any]) -> bool:
    """Whether both see the same person, session, organisation, role and permissions."""
    permissions = {name.removeprefix("org:") for name in theirs.get("orgPermissions") or ()}
    role = theirs.get("orgRole")
    return (
        (ours.user_id, ours.session_id, ours.org_id)
        == (theirs["userId"], theirs["sessionId"], theirs.get("orgId"))
        and ours.org_role == (role.removeprefix("org:") if role else None)
        and ours.permissions == permissions
    )
