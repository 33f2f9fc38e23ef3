"""`zapdev convex`: the key that lets our processes into a Convex deployment."""

import sys
from pathlib import Path

from agents.errors import UserError
from bot.cli.shell import Outcome, say
from bot.config import Settings, read_variable
from bot.store.convex_token import ServiceKey, auth_setting

VARIABLE = "CONVEX_SERVICE_KEY"


def print_key() -> None:
    """A new private key as a line for `.env`."""
    sys.stdout.write(f"{VARIABLE}={ServiceKey.generate().export()}\n")
    say("This is a secret: append it to .env (zapdev convex key >> .env), and nowhere else.")
    say("Then tell the deployment: zapdev convex auth | npx convex env set ZAPDEV_AUTH")


async def print_auth(settings: Settings, also: Path | None) -> Outcome:
    """What the deployment's `ZAPDEV_AUTH` has to be; it holds no secret.

    Raises: UserError when there is no key, or a file without one.
    """
    if settings.convex_service_key is None:
        raise UserError(
            f"{VARIABLE} is not set.", field=VARIABLE, hint="Make one: zapdev convex key >> .env"
        )
    keys = [ServiceKey.parse(settings.convex_service_key.get_secret_value())]
    if also is not None:
        keys.append(_read_key(also))
    clerk, jwks = settings.sign_in_url, settings.clerk_jwks_url
    sys.stdout.write(auth_setting(keys, clerk=clerk, clerk_jwks=jwks) + "\n")
    return Outcome.DONE


def _read_key(file: Path) -> ServiceKey:
    try:
        text = read_variable(file, VARIABLE)
    except (OSError, UnicodeDecodeError):
        text = None
    if text is None:
        raise UserError(f"{file} holds no {VARIABLE}=….", hint="`zapdev convex key` makes one.")
    return ServiceKey.parse(text)
