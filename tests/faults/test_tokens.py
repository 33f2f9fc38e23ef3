"""No broken token counts, and what counts for us counts for Clerk's own verifiers."""

from tests.campaigns.__main__ import execute


def test_no_broken_token_is_accepted_and_no_right_one_refused() -> None:
    result = execute("tokens", seed=7, size=300, store="sqlite")
    assert result["ok"] is True, result
    assert result["false_accepts"] == result["beyond_clerk"] == result["misread"] == 0
    assert isinstance(result["tried"], int)
    assert result["tried"] > 300
    assert isinstance(result["accepted"], int)
    assert result["accepted"] > 15
