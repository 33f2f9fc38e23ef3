from tests.campaigns.week import run


async def test_after_a_week_in_which_nobody_looked_the_link_wakes_the_app_as_it_was() -> None:
    figures = await run(seed=1, size=1, store="sqlite")
    assert figures["wrong"] == []
    assert set(figures["ratio"]) == {"local gone", "e2b asleep", "e2b gone"}  # type: ignore[call-overload]
