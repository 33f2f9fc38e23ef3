"""However many start at once, and wherever: nobody gets more than they may, or less."""

import pytest

from tests.campaigns.__main__ import execute


@pytest.mark.parametrize("store", ["sqlite", "convex"])
def test_free_owners_get_five_builds_and_what_comes_back(store: str) -> None:
    result = execute("credits", seed=1, size=20, store=store)
    assert result["ok"] is True, result
    assert result["owners_with_exactly_5"] == result["owners"]
