"""Sign-in with Clerk, put together from the settings."""

from typing import TYPE_CHECKING

from agents.errors import UserError
from agents.ports import Clock
from bot.config import Settings
from bot.setting_values import is_everywhere, publishable_key_of
from bot.sidecar.deps import ClerkPage

if TYPE_CHECKING:
    from bot.sidecar.clerk import ClerkSignIn, Keys


def clerk_sign_in(settings: Settings, clock: Clock) -> "ClerkSignIn | None":
    """None where Clerk is not configured.

    Raises: UserError (CLERK_JWT_KEY is no key; nothing says from which pages tokens may come).
    """
    issuer = settings.sign_in_url
    if issuer is None:
        return None
    named = settings.public_url or settings.clerk_authorized_parties
    if is_everywhere(settings.host) and not named:
        raise UserError(
            "Nothing says from which pages people may sign in.",
            field="CLERK_AUTHORIZED_PARTIES",
            hint="Set ZAPDEV_PUBLIC_URL to this server's address, or CLERK_AUTHORIZED_PARTIES.",
        )
    from bot.sidecar.clerk import ClerkSignIn, Rules  # noqa: PLC0415 - cryptography takes its time
    from bot.sidecar.clerk_keys import JwksCache, StaticKey  # noqa: PLC0415

    keys: Keys
    if settings.clerk_jwt_key is not None:
        keys = StaticKey(settings.clerk_jwt_key)
    else:
        keys = JwksCache(settings.clerk_jwks_url or f"{issuer}/.well-known/jwks.json", clock)
    return ClerkSignIn(Rules(issuer, settings.authorized_parties), keys, clock)


def clerk_page(settings: Settings) -> ClerkPage | None:
    """What our page needs to sign people in; None where Clerk is not configured."""
    issuer = settings.sign_in_url
    if issuer is None:
        return None
    return ClerkPage(settings.clerk_publishable_key or publishable_key_of(issuer), issuer)
