"""Modals and the home page, by the rules of `views.*`."""

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from agents.testing import FakeClock
from tests.contracts.slack_host.app import Json, modal
from tests.contracts.slack_host.refusals import error_of, refused
from tests.fakes.slack.forms import fill
from tests.fakes.slack.limits import validate_view
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.workspace import Workspace


def trigger(slack: FakeSlack) -> str:
    return slack.world.new_trigger(slack.world.users["U1"], "T1")


async def test_a_trigger_is_good_once_and_for_three_seconds() -> None:
    clock = FakeClock()
    async with FakeSlack(clock=clock) as slack:
        client = AsyncWebClient(slack.workspace("T1").token, slack.api_url)
        slack.workspace("T1").user("U1")
        used, late = trigger(slack), trigger(slack)
        await client.views_open(trigger_id=used, view=modal())
        again = client.views_open(trigger_id=used, view=modal())
        assert await error_of(again) == "exchanged_trigger_id"
        await clock.advance(3.1)
        assert await error_of(client.views_open(trigger_id=late, view=modal())) == (
            "expired_trigger_id"
        )
        assert await error_of(client.views_open(trigger_id="1.2.3", view=modal())) == (
            "invalid_trigger_id"
        )


async def test_three_views_can_lie_on_each_other(client: AsyncWebClient, slack: FakeSlack) -> None:
    await client.views_open(trigger_id=trigger(slack), view=modal())
    user = slack.world.users["U1"]
    for _ in range(2):
        top = slack.modal("U1")
        pushed = slack.world.new_trigger(user, "T1", top)
        await client.views_push(trigger_id=pushed, view=modal())
    pushed = slack.world.new_trigger(user, "T1", slack.modal("U1"))

    push = client.views_push(trigger_id=pushed, view=modal())
    assert await error_of(push) == "push_limit_reached"
    outside = client.views_push(trigger_id=trigger(slack), view=modal())
    assert await error_of(outside) == "not_found"


async def test_an_update_may_insist_on_what_it_has_seen(
    client: AsyncWebClient, slack: FakeSlack
) -> None:
    opened = (await client.views_open(trigger_id=trigger(slack), view=modal()))["view"]
    await client.views_update(view_id=opened["id"], hash=opened["hash"], view=modal())
    late = client.views_update(view_id=opened["id"], hash=opened["hash"], view=modal())

    assert await error_of(late) == "hash_conflict"
    gone = client.views_update(view_id="V404", view=modal())
    assert await error_of(gone) == "not_found"
    form = slack.modal("U1")
    assert form is not None
    assert len(form.history) == 2


async def test_a_view_is_found_by_the_app_s_own_id(
    client: AsyncWebClient, slack: FakeSlack
) -> None:
    await client.views_open(trigger_id=trigger(slack), view=modal(external_id="mine"))
    await client.views_update(external_id="mine", view=modal(external_id="mine"))

    second = client.views_open(trigger_id=trigger(slack), view=modal(external_id="mine"))
    assert await error_of(second) == "duplicate_external_id"


def titled(length: int, name: str = "title") -> Json:
    return modal(**{name: {"type": "plain_text", "text": "x" * length}})


@pytest.mark.parametrize(
    ("kept", "broken", "where"),
    [
        (titled(24), titled(25), "/view/title/text"),
        (titled(24, "submit"), titled(25, "submit"), "/view/submit/text"),
        (titled(24, "close"), titled(25, "close"), "/view/close/text"),
        (
            modal(private_metadata="x" * 3_000),
            modal(private_metadata="x" * 3_001),
            "/view/private_metadata",
        ),
        (
            modal(blocks=[{"type": "divider"}] * 100),
            modal(blocks=[{"type": "divider"}] * 101),
            "/view/blocks",
        ),
        (modal(), modal(submit=None), "/view"),
        (
            {"type": "home", "blocks": [{"type": "divider"}]},
            {"type": "home", "blocks": [{"type": "plan", "title": "x"}]},
            "/view/blocks/0/type",
        ),
    ],
)
def test_each_limit_of_a_view_holds_at_its_edge(kept: Json, broken: Json, where: str) -> None:
    assert validate_view(kept) == []
    [complaint] = validate_view(broken)
    assert complaint.endswith(f"[json-pointer:{where}]")


async def test_a_view_that_breaks_a_limit_is_refused_and_keeps_its_trigger(
    client: AsyncWebClient, slack: FakeSlack
) -> None:
    good = trigger(slack)
    answer = await refused(client.views_open(trigger_id=good, view=titled(25)))
    assert answer["error"] == "invalid_arguments"
    assert "/view/title/text" in answer["response_metadata"]["messages"][0]
    text = {"type": "mrkdwn", "text": "ä" * 1_400}
    large = modal(blocks=[{"type": "section", "text": text}] * 99)
    assert await error_of(client.views_open(trigger_id=good, view=large)) == "view_too_large"
    await client.views_open(trigger_id=good, view=modal())


async def test_what_nobody_touched_is_sent_as_it_was_offered(
    client: AsyncWebClient, slack: FakeSlack, team: Workspace
) -> None:
    option = {"text": {"type": "plain_text", "text": "Vue"}, "value": "vue"}
    menu = {"type": "static_select", "action_id": "framework", "options": [option]}
    label = {"type": "plain_text", "text": "Framework"}
    chosen = {"type": "input", "label": label, "element": {**menu, "initial_option": option}}
    free = {
        "type": "input",
        "label": label,
        "optional": True,
        "element": {"type": "plain_text_input", "action_id": "notes"},
    }
    await client.views_open(trigger_id=trigger(slack), view=modal(blocks=[chosen, free]))
    form = slack.modal("U1")
    assert form is not None

    first, second = fill(form, {})["values"].values()
    assert first["framework"]["selected_option"] == option
    assert second["notes"] == {"type": "plain_text_input", "value": None}
