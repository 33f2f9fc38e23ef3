"""Convex dead, hanging, refusing and slow while an app is being built: nothing is lost or doubled."""

from tests.campaigns import outage
from tests.campaigns.__main__ import execute
from tests.campaigns.takeover import BOUNDS, SEEN


def test_apps_go_on_after_convex_was_away() -> None:
    """What the clock says is the campaign's to judge, at full size; here it is what was done."""
    result = execute("outage", seed=1, size=1, store="convex")
    rounds = result["rounds"]
    assert isinstance(rounds, dict)
    assert set(rounds) == set(outage.TROUBLES)
    assert all(figures["answers"] for figures in rounds.values())
    wrong = {name: result[name] for name in (*BOUNDS, *SEEN, "unclear", "complaints")}
    assert wrong == dict.fromkeys(wrong, 0)
    assert result["restarted"] == 0, "the task went on where it was"
