"""`zapdev templates`: the prepared starting points, here or at E2B."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from agents.errors import UserError
from agents.templates import get_template
from agents.types import Framework
from bot.bootstrap import running
from bot.cli.shell import Outcome, say
from bot.config import Settings


async def list_templates(settings: Settings) -> Outcome:
    """Print each framework with its stack and port and, where apps run at E2B, what is there.

    Raises: ProviderError.
    """
    there = await _states(settings) if settings.sandbox_kind == "e2b" else None
    titles = ["Framework", "Port", *(["At E2B"] if there is not None else []), "Made of"]
    table = Table(*titles, box=None, pad_edge=False)
    for framework in Framework:
        template = get_template(framework)
        state = [there[framework]] if there is not None else []
        table.add_row(framework, str(template.port), *state, template.stack)
    Console(markup=False, highlight=False).print(table)
    return Outcome.DONE


async def prepare_templates(settings: Settings, frameworks: Sequence[Framework]) -> Outcome:
    """Install their packages, or have them built at E2B, one after the other; the log says more.

    Raises: SandboxUnavailable, ProviderError, PackagesUnavailable.
    """
    async with running(settings, roles=frozenset()) as services:
        for framework in dict.fromkeys(frameworks):
            await services.sandboxes.prepare(framework)
            say(f"{framework}: ready")
    return Outcome.DONE


async def build_templates(settings: Settings, frameworks: Sequence[Framework]) -> Outcome:
    """Have them built at E2B; what is current there is left alone. Raises: as above, UserError."""
    if settings.sandbox_kind != "e2b":
        raise UserError(
            "Templates are built at E2B, and apps run on this machine.",
            hint="Set E2B_API_KEY, or type: zapdev templates prepare",
        )
    return await prepare_templates(settings, frameworks)


async def _states(settings: Settings) -> Mapping[Framework, str]:
    from agents.sandbox.e2b import E2BSandboxProvider  # noqa: PLC0415 - the SDK takes a second

    async with running(settings, roles=frozenset()) as services:
        provider = services.sandboxes
        if not isinstance(provider, E2BSandboxProvider):
            return dict.fromkeys(Framework, "")
        return {framework: await provider.template_state(framework) for framework in Framework}
