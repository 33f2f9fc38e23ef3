from tests.campaigns.gate import run


async def test_the_gate_tells_apps_that_work_from_those_that_do_not_and_has_them_fixed() -> None:
    figures = await run(seed=1, size=12, store="sqlite")
    assert figures["ok"], figures
