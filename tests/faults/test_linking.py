"""Of any number who confirm at once one links, and no attack links anybody."""

import pytest

from tests.campaigns.__main__ import execute


@pytest.mark.parametrize("store", ["sqlite", "convex"])
def test_one_confirmation_links_and_every_attack_is_refused(store: str) -> None:
    result = execute("linking", seed=1, size=20, store=store)
    assert result["ok"] is True, result
    assert (result["links"], result["begun"], result["attacks"]) == (1, 1, 11)
    assert result["refused"] == result["expected"]
