from tests.campaigns.llm_faults import run


async def test_no_fault_of_a_model_ends_in_a_wrong_success_a_crash_or_a_storm() -> None:
    figures = await run(seed=7, size=64, store="sqlite")
    assert figures["ok"], figures
    assert figures["calls"] == 64
    assert figures["max_requests_per_call"] in {3, 4}
    assert figures["wrong_successes"] == figures["crashes"] == 0
