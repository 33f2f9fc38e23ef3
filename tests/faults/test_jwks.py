"""Whatever becomes of Clerk's keys, known ones count, and nobody waits for the others."""

from tests.campaigns.__main__ import execute


def test_known_keys_always_work_and_clerk_is_asked_once_in_ten_seconds() -> None:
    """How long the loop stood still is the campaign's to judge, on a machine of its own."""
    result = execute("jwks", seed=3, size=600, store="sqlite")
    assert result["known_key_failures"] == result["unknown_accepted"] == 0
    assert isinstance(result["shortest_gap_s"], float)
    assert result["shortest_gap_s"] >= 10
    assert isinstance(result["rotated_after_s"], float)
    assert 0 < result["rotated_after_s"] <= 10
    assert isinstance(result["known"], int)
    assert result["known"] > 1_500
