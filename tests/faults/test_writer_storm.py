"""The campaign `writer-storm`, small."""

from tests.campaigns.writer_storm import BOUNDS, run


async def test_each_final_state_arrives_once_where_it_belongs_whatever_slack_does() -> None:
    figures = await run(seed=1, size=6, store="sqlite")

    assert figures["ok"], figures
    assert {figures[bound] for bound in BOUNDS} == {0}
    assert figures["finals"] == figures["expected"] == 6 + 6 * 2
    assert figures["rate_limited_after_warm_up"] == 0
