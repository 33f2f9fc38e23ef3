"""Sign-in with Clerk, put together from the settings."""

from typing import TYPE_CHECKING

from agents.errors import UserError
from agents.ports import Clock
from bot.config import Settings
from bot.services.account_news import AccountNews
from bot.services.identity import IdentityService
from bot.services.link_checks import LinkChecks
from bot.services.sign_outs import SignOuts
from bot.services.tasks import TaskService
from bot.setting_values import is_everywhere, publishable_key_of
from bot.sidecar.clerk_people import ClerkPeople
from bot.sidecar.clerk_webhooks import ClerkWebhooks
from bot.sidecar.deps import ClerkPage
from bot.store.port import Store

if TYPE_CHECKING:
    from bot.sidecar.clerk import ClerkSignIn, Keys

SIGN_OUTS_S = {"sqlite": 5.0, "convex": 10.0}
"""How often it is looked whose session has ended, while streams are open."""


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


def sign_outs_by(settings: Settings, store: Store) -> SignOuts | None:
    """Whose sessions have ended; None where nobody signs in."""
    if settings.sign_in_url is None:
        return None
    return SignOuts(store, every_s=SIGN_OUTS_S[settings.store_kind])


def clerk_webhooks(
    settings: Settings, store: Store, tasks: TaskService, sign_outs: SignOuts | None
) -> ClerkWebhooks | None:
    """What takes Clerk's messages; None where it sends none. Raises: UserError (the secret)."""
    secret = settings.clerk_webhook_secret
    if sign_outs is None or secret is None:
        return None
    news = AccountNews(store, sign_outs, IdentityService(store, tasks), tasks)
    return ClerkWebhooks(secret.get_secret_value(), news)


def clerk_people(settings: Settings, clock: Clock) -> ClerkPeople | None:
    """What people's accounts are called; None where Clerk is not configured."""
    if settings.sign_in_url is None:
        return None
    secret = settings.clerk_secret_key
    plain = None if secret is None else secret.get_secret_value()
    return ClerkPeople(settings.clerk_api_url, plain, clock)


def link_checks(
    settings: Settings, store: Store, tasks: TaskService, clock: Clock
) -> LinkChecks | None:
    """What looks after links every day; None where Clerk cannot be asked."""
    sign_outs, people = sign_outs_by(settings, store), clerk_people(settings, clock)
    if sign_outs is None or people is None or settings.clerk_secret_key is None:
        return None
    news = AccountNews(store, sign_outs, IdentityService(store, tasks), tasks)
    return LinkChecks(store, people, news, clock)
