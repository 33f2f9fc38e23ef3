"""`zapdev templates`: the prepared starting points."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from agents.templates import get_template
from agents.types import Framework
from bot.bootstrap import running
from bot.cli.shell import Outcome, say
from bot.config import Settings


def list_templates() -> None:
    """Print each framework with its stack and port."""
    table = Table("Framework", "Port", "Made of", box=None, pad_edge=False)
    for framework in Framework:
        template = get_template(framework)
        table.add_row(framework, str(template.port), template.stack)
    Console(markup=False, highlight=False).print(table)


async def prepare_templates(settings: Settings, frameworks: Sequence[Framework]) -> Outcome:
    """Install their packages, one after the other; the log says what npm is at.

    Raises: SandboxUnavailable, ProviderUnavailable, ProviderTimeout.
    """
    async with running(settings, roles=frozenset()) as services:
        for framework in dict.fromkeys(frameworks):
            await services.sandboxes.prepare(framework)
            say(f"{framework}: ready")
    return Outcome.DONE
