"""Clerk's own verifiers, to compare ours with: `clerk-backend-api`, and `@clerk/backend` in Node.

Both are told the key and the origins, and ask nobody.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clerk_backend_api.security.types import TokenVerificationError, VerifyTokenOptions
from clerk_backend_api.security.verifytoken import verify_token

from tests.fakes.clerk.server import FakeClerk

_PROGRAM = Path(__file__).with_name("oracles.mjs")


def accepted_by_python(clerk: FakeClerk, token: str) -> bool:
    """Whether `clerk-backend-api` takes it for a session token."""
    options = VerifyTokenOptions(jwt_key=clerk.key.pem, authorized_parties=[clerk.origin])
    try:
        verify_token(token, options)
    except TokenVerificationError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class JavaScript:
    """A Node process that answers one token at a time."""

    clerk: FakeClerk
    process: asyncio.subprocess.Process

    async def ask(self, token: str) -> dict[str, Any]:
        """`{ok, reason?, userId?, sessionId?, orgId?, orgRole?, orgPermissions?}`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        question = {"token": token, "key": self.clerk.key.pem, "parties": [self.clerk.origin]}
        self.process.stdin.write(json.dumps(question).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await self.process.stdout.readline())
        return answer


@asynccontextmanager
async def javascript(clerk: FakeClerk) -> AsyncIterator[JavaScript]:
    """`@clerk/backend` while inside."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("node", _PROGRAM, stdin=pipe, stdout=pipe)
    try:
        yield JavaScript(clerk, process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
