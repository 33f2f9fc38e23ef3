"""What a person has used and what is left to them, as Slack shows it. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from agents.errors import CreditsUsedUp, QuotaExceeded, TooManyTasks
from bot.render.slack import money
from bot.render.slack_blocks import Block, SlackMessage, section
from bot.render.slack_replies import BUILD_SOMETHING, NextStep, render_notice, render_refused
from bot.render.slack_text import escape_line, notification

SHOW_USAGE = "zd_usage"
SHOW_STATUS = "zd_status"


@dataclass(frozen=True, slots=True)
class Standing:
    """Credits of any 24 hours; at `next_back_at` the oldest of the used ones is back."""

    plan: str
    allowance: int
    left: int
    next_back_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """What tasks have used together."""

    builds: int = 0
    tokens: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class AppUse:
    """One app's share."""

    title: str
    use: Use


@dataclass(frozen=True, slots=True)
class HomeUsage:
    """The last 24 hours, this month, and its dearest apps. No `standing` where nobody is metered.

    With `is_at_least` there were more tasks than were added up.
    """

    day: Use = Use()
    month: Use = Use()
    apps: Sequence[AppUse] = ()
    standing: Standing | None = None
    is_at_least: bool = False


def render_usage(usage: HomeUsage) -> SlackMessage:
    """The answer to `usage`."""
    words = " · ".join(usage_line(usage))
    blocks: list[Block] = []
    if usage.standing is not None:
        blocks.append(section(f"*Your credits*\n{_credits(usage.standing)}"))
    if usage.month == Use() and usage.day == Use():
        empty = render_notice("*Nothing used this month.*", BUILD_SOMETHING, text=words)
        return SlackMessage(empty.text, [*blocks, *empty.blocks])
    blocks.append(section(f"*The last 24 hours*\n{_use(usage.day)}"))
    month = "This month, at least" if usage.is_at_least else "This month"
    blocks.append(section(f"*{month}*\n{_use(usage.month)}"))
    if usage.apps:
        lines = [f"• {escape_line(a.title, 200) or 'An app'}: {_use(a.use)}" for a in usage.apps]
        blocks.append(section("\n".join(["*Most of it*", *lines])))
    return SlackMessage(words, blocks)


def usage_line(usage: HomeUsage) -> Iterator[str]:
    """The same in a few words, for one line."""
    if usage.standing is not None:
        yield _credits(usage.standing)
    yield f"{_builds(usage.day.builds)} in the last 24 hours"
    if cost := money(usage.day.cost_usd):
        yield cost
    if usage.month != usage.day:
        costs = money(usage.month.cost_usd)
        least = "at least " if usage.is_at_least else ""
        yield f"this month {least}{_builds(usage.month.builds)}{f', {costs}' if costs else ''}"


def render_quota(error: QuotaExceeded) -> SlackMessage:
    """Why nothing more is started just now, and what to do about it."""
    step = None
    if isinstance(error, CreditsUsedUp):
        step = NextStep("Show my usage", SHOW_USAGE)
    elif isinstance(error, TooManyTasks):
        step = NextStep("Show what is being built", SHOW_STATUS)
    return render_refused(str(error), error.hint, step)


def _credits(standing: Standing) -> str:
    plan = notification(standing.plan, 100)
    words = f"{standing.left} of {_count(standing.allowance, 'credit')} left on the plan “{plan}”"
    if standing.next_back_at is None:
        return words
    at = standing.next_back_at
    shown = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{words}, the next is back <!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{shown}>"


def _use(use: Use) -> str:
    parts = [_builds(use.builds)]
    if use.tokens:
        parts.append(f"{_tokens(use.tokens)} tokens")
    if cost := money(use.cost_usd):
        parts.append(cost)
    return " · ".join(parts)


def _tokens(count: int) -> str:
    """To three figures: 950, 12.3k, 1.2M."""
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if count >= size:
            return f"{count / size:.1f}{unit}"
    return str(count)


def _builds(count: int) -> str:
    return _count(count, "build")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
