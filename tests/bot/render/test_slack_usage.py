"""Use and limits, in words for people."""

from datetime import UTC, datetime

import pytest

from agents.errors import CreditsUsedUp, TooFast, TooManyTasks
from bot.render.slack_usage import (
    SHOW_STATUS,
    SHOW_USAGE,
    AppUse,
    HomeUsage,
    Standing,
    Use,
    render_quota,
    render_usage,
    usage_line,
)

BACK = datetime(2026, 3, 15, 14, 5, tzinfo=UTC)
STANDING = Standing("free", 5, 2, BACK)


def texts(blocks: list[dict[str, object]]) -> list[str]:
    return [str(block["text"]["text"]) for block in blocks if block["type"] == "section"]  # type: ignore[index]


def test_usage_tells_credits_the_day_the_month_and_the_dearest_apps() -> None:
    usage = HomeUsage(
        day=Use(2, 12_345, 0.41),
        month=Use(12, 1_240_000, 3.4),
        apps=[AppUse("Bike <shop>", Use(5, 950, 1.2)), AppUse("Bakery", Use(1))],
        standing=STANDING,
    )
    message = render_usage(usage)
    back = f"<!date^{int(BACK.timestamp())}^{{date_short_pretty}} {{time}}|2026-03-15 14:05 UTC>"
    assert texts(message.blocks) == [
        f"*Your credits*\n2 of 5 credits left on the plan “free”, the next is back {back}",
        "*The last 24 hours*\n2 builds · 12.3k tokens · $0.41",
        "*This month*\n12 builds · 1.2M tokens · $3.40",
        "*Most of it*\n• Bike &lt;shop&gt;: 5 builds · 950 tokens · $1.20\n• Bakery: 1 build",
    ]
    assert message.text.endswith(
        "2 builds in the last 24 hours · $0.41 · this month 12 builds, $3.40"
    )


def test_a_month_that_was_not_added_up_whole_says_so() -> None:
    message = render_usage(HomeUsage(Use(2), Use(10_000), is_at_least=True))
    assert "*This month, at least*\n10000 builds" in texts(message.blocks)
    assert message.text.endswith("this month at least 10000 builds")


def test_usage_of_nobody_in_particular_tells_no_credits() -> None:
    usage = HomeUsage(Use(1, 10, 0.5), Use(1, 10, 0.5))
    assert render_usage(usage).text == "1 build in the last 24 hours · $0.50"
    assert "credit" not in str(render_usage(usage).blocks)


def test_who_has_used_nothing_is_told_so_and_what_they_have() -> None:
    message = render_usage(HomeUsage(standing=Standing("pro", 100, 100)))
    assert texts(message.blocks) == [
        "*Your credits*\n100 of 100 credits left on the plan “pro”",
        "*Nothing used this month.*",
    ]
    assert "Build something" in str(message.blocks)


def test_the_line_of_the_home_tab_says_what_differs() -> None:
    assert " · ".join(usage_line(HomeUsage())) == "0 builds in the last 24 hours"
    assert "this month 3 builds" in list(usage_line(HomeUsage(month=Use(3))))


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (CreditsUsedUp("None left.", hint="Tomorrow."), SHOW_USAGE),
        (TooManyTasks("Ten are under way.", hint="Stop one."), SHOW_STATUS),
        (TooFast("Slowly.", hint="Try again in 1 minute."), None),
    ],
)
def test_a_limit_is_told_with_what_to_do_about_it(error: CreditsUsedUp, action: str | None) -> None:
    message = render_quota(error)
    assert str(error) in message.text
    assert str(error.hint) in message.text
    pressed = [e["action_id"] for b in message.blocks for e in b.get("elements", [])]
    assert pressed == ([] if action is None else [action])
