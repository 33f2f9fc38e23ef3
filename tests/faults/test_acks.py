"""The campaign `acks`, small and by Socket Mode only: what was done, and that Slack repeated nothing.

How long acknowledgements take is the campaign's own matter: a test beside others cannot say it.
"""

from collections.abc import Mapping
from typing import Any

from tests.campaigns.acks import play

KINDS = {
    *("/zapdev", "message", "app_mention", "app_home_opened"),
    *("block_actions", "shortcut", "view_submission", "own message"),
}


async def test_everything_done_in_slack_is_acknowledged_while_apps_are_really_built() -> None:
    figures: Mapping[str, Any] = await play(["socket"], seed=1, size=2, store="sqlite")

    assert (figures["built"], figures["failed"], figures["complaints"]) == (2, 0, 0), figures
    assert (figures["unacknowledged"], figures["repeated"]) == (0, 0), figures
    assert figures["running_min"] >= 1, figures
    for played in figures["rounds"].values():
        assert set(played["kinds"]) >= KINDS, played
