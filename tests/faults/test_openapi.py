"""The campaign `openapi`, small."""

from tests.campaigns.openapi import run


async def test_no_call_answers_otherwise_than_it_is_described() -> None:
    figures = await run(seed=1, size=5, store="sqlite")

    assert figures["ok"], figures
    assert figures["failures"] == 0
    assert int(str(figures["calls"])) > 20
    assert int(str(figures["cases"])) > 500
