from tests.campaigns.hostile import run


async def test_nothing_that_strangers_put_in_our_way_gets_through() -> None:
    figures = await run(seed=5, size=40, store="sqlite")
    assert figures["ok"], figures
    assert figures["breaches"] == 0
    assert int(str(figures["cases"])) > 800
