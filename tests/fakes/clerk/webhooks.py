"""Clerk's messages about what happened, signed as Svix signs them (written after its description)."""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from agents.system import SystemClock


def new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"


def event(kind: str, **data: Any) -> dict[str, Any]:
    """One event in Clerk's envelope."""
    at = int(SystemClock().now().timestamp() * 1_000)
    return {"type": kind, "data": data, "object": "event", "timestamp": at, "instance_id": "ins_1"}


def user_deleted(user_id: str) -> dict[str, Any]:
    return event("user.deleted", id=user_id, object="user", deleted=True)


def session(kind: str, session_id: str) -> dict[str, Any]:
    """`kind`: ended, removed or revoked (or created, which ends nothing)."""
    return event(f"session.{kind}", id=session_id, object="session", user_id="user_x", status=kind)


def membership_deleted(org_id: str, user_id: str) -> dict[str, Any]:
    return event(
        "organizationMembership.deleted",
        id="orgmem_1",
        object="organization_membership",
        organization={"id": org_id, "name": "Acme", "slug": "acme"},
        public_user_data={"user_id": user_id, "identifier": "ann@example.com"},
        role="org:member",
    )


def organisation_deleted(org_id: str) -> dict[str, Any]:
    return event("organization.deleted", id=org_id, object="organization", deleted=True)


@dataclass
class Webhooks:
    """An endpoint of Clerk's dashboard, and its secret."""

    secret: str = field(default_factory=new_secret)

    def headers(
        self, body: bytes, *, message_id: str | None = None, ago_s: float = 0
    ) -> dict[str, str]:
        """What is sent beside this body; an id that is given makes it a repetition."""
        message_id = message_id or f"msg_{secrets.token_hex(13)}"
        at = str(int(SystemClock().now().timestamp() - ago_s))
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        signed = b".".join((message_id.encode(), at.encode(), body))
        digest = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        return {
            "svix-id": message_id,
            "svix-timestamp": at,
            "svix-signature": f"v1,{digest}",
            "Content-Type": "application/json",
            "User-Agent": "Svix-Webhooks/1.62.0",
        }

    async def send(
        self, http: aiohttp.ClientSession, message: dict[str, Any], **how: Any
    ) -> tuple[int, str]:
        """Deliver it to a server; answers the status, and the code of a refusal."""
        body = json.dumps(message).encode()
        headers = self.headers(body, **how)
        async with http.post("/webhooks/clerk", data=body, headers=headers) as answer:
            if answer.status == 204:
                return 204, ""
            return answer.status, str((await answer.json())["error"]["code"])
