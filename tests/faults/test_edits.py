from tests.campaigns.edits import BY_HAND, run


async def test_edits_are_applied_right_or_refused_and_can_be_taken_back() -> None:
    figures = await run(seed=1, size=300, store="sqlite")
    assert figures["wrong"] == 0, figures
    assert figures["ok"]
    assert len(BY_HAND) >= 200
