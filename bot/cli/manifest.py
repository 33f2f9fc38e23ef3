"""`zapdev manifest`: what Slack has to be told to make our app there."""

import sys

from agents.errors import UserError
from bot.cli.shell import Outcome, say
from bot.slack.manifest import EXAMPLE_URL, make_manifest, read_url, to_yaml


async def print_manifest(url: str | None, *, socket: bool) -> Outcome:
    """The manifest on stdout, and beside it what to do with it.

    Raises: UserError for an address that cannot be one, or that Socket Mode has no use for.
    """
    if socket and url is not None:
        raise UserError(
            "Socket Mode has no address.", field="url", hint="Give either --socket or --url."
        )
    address = EXAMPLE_URL if url is None else read_url(url)
    sys.stdout.write(to_yaml(make_manifest(address, socket=socket)))
    sys.stdout.flush()
    say("Paste it at https://api.slack.com/apps: Create New App, From a manifest, YAML.")
    if socket:
        say("Then set SLACK_BOT_TOKEN and SLACK_APP_TOKEN in .env (see the README).")
    elif url is None:
        say(f"First put your server's address for {EXAMPLE_URL}, or give it: --url https://…")
    else:
        say("Then set SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET in .env.")
    return Outcome.DONE
