"""`zapdev doctor`: the findings as a table, or as JSON."""

import sys
from json import dumps

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.cli.shell import Outcome
from bot.config import Settings
from bot.doctor import Finding, examine

_SIGNS = {True: ("ok", "green"), False: ("fails", "bold red"), None: ("off", "dim")}


async def show_examination(settings: Settings, *, json: bool) -> Outcome:
    """Print every finding; something configured that fails makes the command fail."""
    findings = await examine(settings)
    if json:
        sys.stdout.writelines(dumps(_facts(finding)) + "\n" for finding in findings)
    else:
        Console(markup=False, highlight=False).print(_table(findings))
    return Outcome.FAILED if any(f.ok is False for f in findings) else Outcome.DONE


def _table(findings: list[Finding]) -> Table:
    table = Table("", "What", "Found", "Next step", box=None, pad_edge=False)
    for finding in findings:
        table.add_row(Text(*_SIGNS[finding.ok]), finding.name, finding.detail, finding.next_step)
    return table


def _facts(finding: Finding) -> dict[str, str | bool | None]:
    return {
        "name": finding.name,
        "ok": finding.ok,
        "detail": finding.detail,
        "nextStep": finding.next_step,
    }
