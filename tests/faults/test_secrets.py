from tests.campaigns.secrets import ITEM_TYPES, run


async def test_no_planted_secret_leaves_the_process_and_no_task_wears_anothers_tags() -> None:
    figures = await run(seed=3, size=12, store="sqlite")

    assert figures["ok"], figures
    assert figures["leaks"] == figures["wrong_tags"] == 0
    assert figures["canaries"] == 12
    assert set(figures["types"]) >= ITEM_TYPES  # type: ignore[call-overload]
