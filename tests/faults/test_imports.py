from tests.campaigns.imports import run


async def test_shapes_that_need_no_scaffolder_come_to_what_they_must() -> None:
    figures = await run(seed=1, size=3, store="sqlite")
    assert figures["ok"], figures
    assert figures["right"] == 3
