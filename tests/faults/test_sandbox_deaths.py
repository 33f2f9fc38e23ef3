from tests.campaigns.sandbox_deaths import WITHIN_S, run


async def test_an_app_survives_the_deaths_of_its_sandboxes_and_none_is_left_behind() -> None:
    figures = await run(seed=2, size=2, store="sqlite")
    assert figures["stuck"] == []
    assert figures["orphans"] == 0
    assert float(str(figures["slowest_s"])) <= WITHIN_S
    assert figures["ok"]
