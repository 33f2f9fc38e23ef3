"""Pictures of messages: every kind of block is drawn, and nothing that was said runs as HTML."""

from slack_sdk.web.async_client import AsyncWebClient

from tests.contracts.slack_host.app import Json, actions, button, modal
from tests.fakes.slack import picture
from tests.fakes.slack.mrkdwn import markdown, mrkdwn
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.workspace import Workspace


def rich(text: str) -> Json:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [section]}


def live(status: str = "in_progress") -> list[Json]:
    task = {"type": "task_card", "task_id": "t1", "title": "Writing", "status": status}
    return [
        {"type": "header", "text": {"type": "plain_text", "text": "Kanban <script>"}},
        {"type": "plan", "title": "Building", "tasks": [{**task, "details": rich("3 files")}]},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "*2m13s*"}]},
        {"type": "section", "text": {"type": "mrkdwn", "text": "see <https://x.test|it>"}},
        {"type": "divider"},
        {"type": "markdown", "text": "## Notes\n- one"},
        rich("said"),
        {"type": "image", "image_url": "https://x.test/a.png", "alt_text": "a shot"},
        *actions(button("open", style="primary"), button("cancel", style="danger")),
    ]


async def test_a_message_is_drawn_in_light_and_in_dark(
    client: AsyncWebClient, slack: FakeSlack
) -> None:
    await client.chat_postMessage(channel="C1", text="x", blocks=live())
    html = picture.page(*slack.messages("C1"))

    for piece in (
        "Kanban &lt;script&gt;",
        '<div class="plan-title">Building</div>',
        'class="icon in_progress"',
        "3 files",
        "<b>2m13s</b>",
        '<a href="https://x.test">it</a>',
        "<h4>Notes</h4><ul><li>one</li></ul>",
        'alt="a shot"',
        '<button class="primary">',
        '<button class="danger">',
    ):
        assert html.count(piece) == 2, piece
    assert "unknown" not in html.partition("<body>")[2]


async def test_a_history_shows_every_state_side_by_side(
    client: AsyncWebClient, slack: FakeSlack
) -> None:
    posted = await client.chat_postMessage(channel="C1", text="x", blocks=live("pending"))
    for status in ("in_progress", "complete"):
        blocks = live(status)
        await client.chat_update(channel="C1", ts=posted["ts"], text="x", blocks=blocks)
    html = picture.history(slack.messages("C1")[0])

    assert [html.count(f'class="icon {s}"') for s in ("pending", "in_progress", "complete")] == [
        1,
        1,
        1,
    ]


async def test_a_modal_is_drawn_with_its_fields_and_errors(
    client: AsyncWebClient, slack: FakeSlack, team: Workspace
) -> None:
    trigger = slack.world.new_trigger(team.user("U1"), "T1")
    await client.views_open(trigger_id=trigger, view=modal())
    form = slack.modal("U1")
    assert form is not None
    form.errors = {"what": "Say more"}
    html = picture.page(form, themes=("dark",))

    assert '<label>What shall I build?</label><div class="field">' in html
    assert "Say more" in html


def test_text_is_styled_and_never_becomes_markup() -> None:
    assert mrkdwn("*a* _b_ ~c~ `<d>`") == "<b>a</b> <i>b</i> <s>c</s> <code>&lt;d&gt;</code>"
    assert mrkdwn("&lt;b&gt; snake_case_name 2*3*4") == "&lt;b&gt; snake_case_name 2*3*4"
    assert mrkdwn("<@U1>") == '<span class="mention">@U1</span>'
    assert markdown("**a** [b](https://x.test)<i>") == (
        '<p><b>a</b> <a href="https://x.test">b</a>&lt;i&gt;</p>'
    )
