"""What people do reaches the app, by HTTP and by Socket Mode alike."""

import pytest
from slack_sdk.models.blocks import PlanBlock, TaskCardBlock
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from tests.contracts.slack_host.app import TinyApp, actions, button, modal
from tests.fakes.slack.forms import NotThere
from tests.fakes.slack.replies import NotShown
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.workspace import Workspace


async def test_a_mention_arrives_twice_as_two_different_events(
    slack: FakeSlack, app: TinyApp
) -> None:
    said = await slack.mention("U1", "C1", "a kanban board")

    [mention], [message] = app.events("app_mention"), app.events("message")
    assert mention["ts"] == message["ts"] == said.ts
    assert mention["text"] == message["text"] == "<@UBOTT1> a kanban board"
    assert len({body["event_id"] for body in app.bodies}) == 2
    assert (message["channel_type"], "channel_type" in mention) == ("channel", False)
    assert all(d.is_acked and d.latency_s < 1 for d in slack.deliveries)


async def test_a_direct_message_arrives_once_and_a_mention_in_it_is_none(
    slack: FakeSlack, app: TinyApp
) -> None:
    await slack.dm("U1", "<@UBOTT1> a kanban board")

    [body] = app.bodies
    assert (body["event"]["type"], body["event"]["channel_type"]) == ("message", "im")


async def test_a_reply_names_its_thread_and_who_began_it(
    slack: FakeSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    root = await slack.say("U1", "C1", "a kanban board")
    await client.chat_postMessage(channel="C1", text="on it", thread_ts=root.ts)
    reply = await slack.say("U1", "C1", "in green", root.ts)

    assert reply.root_ts == root.ts
    event = app.events("message")[-1]
    assert (event["thread_ts"], event["parent_user_id"]) == (root.ts, "U1")
    assert [m.text for m in slack.messages("C1", thread_ts=root.ts)] == [
        "a kanban board",
        "on it",
        "in green",
    ]


async def test_a_person_s_edits_and_deletions_arrive_as_changes(
    slack: FakeSlack, app: TinyApp
) -> None:
    said = await slack.say("U1", "C1", "a kanban bord")
    await slack.edit("U1", said, "a kanban board")
    await slack.delete_message(said)

    _, changed, deleted = app.events("message")
    assert changed["subtype"] == "message_changed"
    assert changed["message"]["text"] == "a kanban board"
    assert changed["previous_message"]["text"] == "a kanban bord"
    assert changed["message"]["edited"]["user"] == "U1"
    assert (deleted["subtype"], deleted["deleted_ts"]) == ("message_deleted", said.ts)
    assert slack.messages("C1") == []


async def test_what_the_bot_does_comes_back_as_events_about_itself(
    slack: FakeSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    posted = await client.chat_postMessage(channel="C1", text="one")
    await client.chat_update(channel="C1", ts=posted["ts"], text="two")
    await client.chat_delete(channel="C1", ts=posted["ts"])
    await slack.settled()

    echoes = [d.event for d in slack.deliveries]
    assert [e.get("subtype") for e in echoes] == [None, "message_changed", "message_deleted"]
    assert echoes[0]["bot_id"] == "BT1"
    assert echoes[1]["previous_message"]["text"] == "one"
    assert app.bodies == []  # Bolt knows itself


async def test_a_command_s_acknowledgement_is_shown_to_who_typed_it(
    slack: FakeSlack, app: TinyApp
) -> None:
    app.answer = "on it"
    delivery = await slack.command("U1", "C1", "/zapdev", "a kanban board")

    assert delivery.is_acked
    assert (app.last["command"], app.last["text"]) == ("/zapdev", "a kanban board")
    assert [(m.text, m.via) for m in slack.ephemeral("U1")] == [("on it", "ack")]
    app.answer = {"text": "all see it", "response_type": "in_channel"}
    await slack.command("U1", "C1", "/zapdev")
    assert [m.text for m in slack.messages("C1")] == ["all see it"]


async def test_a_response_url_takes_five_posts(slack: FakeSlack, app: TinyApp) -> None:
    await slack.command("U1", "C1", "/zapdev")
    hook = AsyncWebhookClient(app.last["response_url"])
    answers = [await hook.send(text=f"{number}") for number in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [404]
    assert "used_url" in answers[-1].body
    assert [m.text for m in slack.ephemeral("U1")] == ["0", "1", "2", "3", "4"]


async def test_a_click_says_what_was_clicked_and_where(
    slack: FakeSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    root = await slack.say("U1", "C1", "a kanban board")
    await client.chat_postMessage(
        channel="C1", text="x", thread_ts=root.ts, blocks=actions(button("cancel", "job-1"))
    )
    [live] = slack.bot_messages("C1")
    delivery = await slack.click("U1", live, "cancel")

    assert delivery.is_acked
    [action] = app.last["actions"]
    assert (action["action_id"], action["block_id"], action["value"]) == ("cancel", "act", "job-1")
    assert app.last["container"]["message_ts"] == app.last["message"]["ts"] == live.ts
    assert app.last["container"]["thread_ts"] == root.ts
    assert app.last["user"]["id"] == "U1"


async def test_an_acknowledgement_that_slack_cannot_show_fails_the_test(
    slack: FakeSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    app.answer = {"text": "x", "blocks": [{"type": "progress_bar"}]}
    with pytest.raises(NotShown, match="progress_bar"):
        await slack.command("U1", "C1", "/zapdev")
    await client.views_open(trigger_id=app.last["trigger_id"], view=modal())
    form = slack.modal("U1")
    assert form is not None
    app.answer = {"response_action": "errors", "errors": {"idea": "an action_id is no block"}}
    with pytest.raises(NotShown, match="idea"):
        await slack.submit("U1", form, {"idea": "x"})
    app.answer = {"response_action": "update", "view": {"type": "modal", "blocks": []}}
    with pytest.raises(NotShown, match="title"):
        await slack.submit("U1", form)


async def test_another_bot_and_a_person_s_file_show_as_such(
    slack: FakeSlack, app: TinyApp, team: Workspace
) -> None:
    team.channel("C2", members=["U1", team.user("UCI", is_bot=True).id])
    team.file("F1", called="idea.txt", content=b"a board", owner="U1")
    await slack.say("UCI", "C2", "build is green")
    await slack.say("U1", "C2", "like this", files=("F1",))

    bot, shared = app.events("message")
    assert (bot["bot_id"], bot["app_id"]) == ("BUCI", "AOTHER")
    assert (shared["subtype"], shared["files"][0]["name"]) == ("file_share", "idea.txt")


async def test_only_what_is_shown_now_can_be_clicked(
    slack: FakeSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    posted = await client.chat_postMessage(channel="C1", text="x", blocks=actions(button("old")))
    await client.chat_update(
        channel="C1", ts=posted["ts"], text="x", blocks=actions(button("new", "1"))
    )
    [live] = slack.messages("C1")

    with pytest.raises(NotThere, match="there is: new"):
        await slack.click("U1", live, "old")
    with pytest.raises(NotThere):
        await slack.click("U1", live, "new", value="2")
    assert (await slack.click("U1", live, "new", value="1")).is_acked
    await slack.delete_message(live)
    with pytest.raises(NotThere):
        await slack.click("U1", live, "new")


async def test_feedback_and_menus_report_what_was_chosen(
    slack: FakeSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    def labelled(text: str, value: str) -> dict[str, object]:
        return {"text": {"type": "plain_text", "text": text}, "value": value}

    feedback = {
        "type": "feedback_buttons",
        "action_id": "feedback",
        "positive_button": labelled("Good", "good"),
        "negative_button": labelled("Bad", "bad"),
    }
    menu = {"type": "static_select", "action_id": "framework", "options": [labelled("Vue", "vue")]}
    blocks = [
        {"type": "context_actions", "elements": [feedback]},
        {"type": "actions", "elements": [menu]},
    ]
    await client.chat_postMessage(channel="C1", text="x", blocks=blocks)
    [live] = slack.messages("C1")

    await slack.click("U1", live, "feedback", value="bad")
    assert app.last["actions"][0]["value"] == "bad"
    await slack.click("U1", live, "framework", value="vue")
    assert app.last["actions"][0]["selected_option"]["value"] == "vue"


async def test_a_modal_is_opened_filled_in_corrected_and_sent(
    slack: FakeSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    await slack.command("U1", "C1", "/zapdev")
    await client.views_open(trigger_id=app.last["trigger_id"], view=modal(private_metadata="C1"))
    form = slack.modal("U1")
    assert form is not None
    with pytest.raises(NotThere, match="must not stay empty"):
        await slack.submit("U1", form)

    app.answer = {"response_action": "errors", "errors": {"what": "Say more"}}
    await slack.submit("U1", form, {"idea": "app"})
    assert (form.is_open, form.errors) == (True, {"what": "Say more"})

    app.answer = ""
    await slack.submit("U1", form, {"idea": "a kanban board"})
    view = app.last["view"]
    assert view["state"]["values"]["what"]["idea"]["value"] == "a kanban board"
    assert (view["private_metadata"], view["callback_id"]) == ("C1", "form")
    assert slack.modal("U1") is None


async def test_a_submission_may_show_the_next_view(
    slack: FakeSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    await slack.shortcut("U1", "new_build")
    await client.views_open(trigger_id=app.last["trigger_id"], view=modal())
    form = slack.modal("U1")
    assert form is not None
    app.answer = {"response_action": "push", "view": modal(callback_id="second")}
    await slack.submit("U1", form, {"idea": "x"})
    second = slack.modal("U1")
    assert second is not None
    assert second.previous_id == form.id

    app.answer = {"response_action": "clear"}
    await slack.submit("U1", second, {"what": "y"})
    assert slack.modal("U1") is None


async def test_closing_a_modal_is_told_when_asked_for(
    slack: FakeSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    for wants in (True, False):
        await slack.shortcut("U1", "new_build")
        view = modal(notify_on_close=wants)
        await client.views_open(trigger_id=app.last["trigger_id"], view=view)
        form = slack.modal("U1")
        assert form is not None
        await slack.close("U1", form)

    kinds = [body["type"] for body in app.bodies]
    assert kinds == ["shortcut", "view_closed", "shortcut"]


async def test_a_message_shortcut_brings_the_message(slack: FakeSlack, app: TinyApp) -> None:
    said = await slack.say("U1", "C1", "a kanban board")
    await slack.message_shortcut("U1", said, "build_from_message")

    assert app.last["type"] == "message_action"
    assert app.last["message"]["text"] == "a kanban board"


async def test_the_home_page_is_told_of_and_shown(
    slack: FakeSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    await slack.open_home("U1")
    assert app.last["event"]["tab"] == "home"
    text = {"type": "mrkdwn", "text": "Your apps"}
    blocks = [{"type": "section", "text": text, "accessory": button("retry")}]
    await client.views_publish(user_id="U1", view={"type": "home", "blocks": blocks})
    await slack.open_home("U1")

    home = slack.home("U1")
    assert home is not None
    assert app.last["event"]["view"]["hash"] == home.hash
    await slack.click("U1", home, "retry")
    assert app.last["container"] == {"type": "view", "view_id": home.id}


async def test_the_native_stop_button_is_there_while_a_session_is_processing(
    slack: FakeSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    root = await slack.say("U1", "C1", "a kanban board")
    place = {"channel_id": "C1", "thread_ts": root.ts}
    with pytest.raises(NotThere):
        await slack.press_native_stop("U1", root)
    await client.agents_sessions_setStatus(**place, status="processing", title="Kanban")
    await slack.press_native_stop("U1", root)

    assert app.last["event"]["type"] == "agent_session_stopped"
    assert app.last["event"]["thread_ts"] == root.ts
    answer = await client.agents_sessions_setStatus(**place, status="active", title="Other")
    assert answer["title"] == "Kanban"  # a title is for a new session only
    session = slack.world.sessions["C1", root.ts]
    assert [status for _, status in session.history] == ["processing", "active"]


async def test_people_cannot_act_where_they_are_not(slack: FakeSlack, team: Workspace) -> None:
    team.user("U2")
    with pytest.raises(NotThere, match="U2 is not in C1"):
        await slack.say("U2", "C1", "hello")
    slack.archive("C1")
    with pytest.raises(NotThere, match="archived"):
        await slack.command("U1", "C1", "/zapdev")


async def test_nothing_comes_from_where_the_bot_is_not_or_is_not_asked_for(
    slack: FakeSlack, app: TinyApp, team: Workspace
) -> None:
    team.channel("C2", members=["U1"], with_bot=False)
    await slack.mention("U1", "C2", "anybody there?")

    assert app.bodies == []
    assert slack.deliveries == []


async def test_an_uninstallation_and_a_revocation_are_told(
    slack: FakeSlack, app: TinyApp, team: Workspace
) -> None:
    slack.uninstall(team)
    await slack.settled()

    kinds = [delivery.type for delivery in slack.deliveries]
    assert kinds == ["app_uninstalled", "tokens_revoked"]
    assert app.events("tokens_revoked")[0]["tokens"]["bot"] == ["UBOTT1"]


async def test_somebody_of_another_company_shows_in_a_shared_channel(
    slack: FakeSlack, app: TinyApp, team: Workspace, client: AsyncWebClient
) -> None:
    slack.workspace("T9", installed=False).user("U9")
    team.channel("C9", members=["U1", "U9"], shared_with=["T9"])
    await slack.say("U9", "C9", "hello")
    await client.chat_postMessage(channel="C9", text="x", blocks=actions(button()))

    body = app.bodies[0]
    assert (body["team_id"], body["is_ext_shared_channel"]) == ("T1", True)
    assert body["event"]["user_team"] == "T9"
    await slack.click("U9", slack.bot_messages("C9")[0], "go")
    assert (app.last["team"]["id"], app.last["user"]["team_id"]) == ("T1", "T9")


async def test_the_sdk_s_own_blocks_are_taken(client: AsyncWebClient, slack: FakeSlack) -> None:
    task = TaskCardBlock(task_id="t1", title="Writing", status="in_progress")
    plan = PlanBlock(block_id="plan", title="Building", tasks=[task])
    await client.chat_postMessage(channel="C1", text="x", blocks=[plan])

    [live] = slack.messages("C1")
    assert live.blocks[0]["tasks"][0]["status"] == "in_progress"
