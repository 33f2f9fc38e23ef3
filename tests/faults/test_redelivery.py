"""Whatever Slack repeats, at however many processes: each thing that was done counts once."""

import pytest

from tests.campaigns.__main__ import execute


@pytest.mark.parametrize("store", ["sqlite", "convex"])
def test_every_event_counts_once(store: str) -> None:
    result = execute("redelivery", seed=1, size=40, store=store)
    assert result["ok"] is True, result
    assert (result["effects"], result["expected"]) == (40, 40)
