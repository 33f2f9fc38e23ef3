"""Messages as the Web API keeps them: where a bot may write, what it may change, what is seen."""

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.contracts.slack_host.app import actions, button
from tests.contracts.slack_host.refusals import error_of, refused
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.workspace import Workspace


async def test_every_state_of_a_message_is_kept_with_its_time(
    client: AsyncWebClient, slack: FakeSlack
) -> None:
    blocks = actions(button())
    posted = await client.chat_postMessage(channel="C1", text="one", blocks=blocks)
    await client.chat_update(channel="C1", ts=posted["ts"], text="two", blocks=blocks)
    await client.chat_update(channel="C1", ts=posted["ts"], text="three")

    [message] = slack.messages("C1")
    assert [state.text for state in message.history] == ["one", "two", "three"]
    assert [len(state.blocks) for state in message.history] == [1, 1, 0]
    assert [state.edited_ts is not None for state in message.history] == [False, False, True]
    times = [state.at for state in message.history]
    assert times == sorted(times)


async def test_what_an_edit_leaves_out_stays(client: AsyncWebClient, slack: FakeSlack) -> None:
    note = {"event_type": "build", "event_payload": {"job": "1"}}
    posted = await client.chat_postMessage(
        channel="C1", text="x", blocks=actions(button()), metadata=note
    )
    edit = {"channel": "C1", "ts": posted["ts"]}
    await client.api_call("chat.update", json={**edit, "metadata": {}})
    [message] = slack.messages("C1")
    assert (message.now.metadata, len(message.blocks)) == (None, 1)

    assert await error_of(client.api_call("chat.update", json=edit)) == "no_text"


async def test_only_one_s_own_messages_can_be_changed(
    client: AsyncWebClient, slack: FakeSlack
) -> None:
    said = await slack.say("U1", "C1", "hello")

    edit = client.chat_update(channel="C1", ts=said.ts, text="x")
    assert await error_of(edit) == "cant_update_message"
    assert await error_of(client.chat_delete(channel="C1", ts=said.ts)) == "cant_delete_message"


async def test_what_is_not_there_cannot_be_changed(
    client: AsyncWebClient, slack: FakeSlack
) -> None:
    posted = await client.chat_postMessage(channel="C1", text="x")
    private = await client.chat_postEphemeral(channel="C1", user="U1", text="psst")
    await slack.delete_message(slack.messages("C1")[0])

    for stamp in (posted["ts"], private["message_ts"], "1.000001"):
        edit = client.chat_update(channel="C1", ts=stamp, text="y")
        assert await error_of(edit) == "message_not_found"
    assert [m.text for m in slack.deleted] == ["x"]


async def test_a_bot_writes_where_it_is_a_member_or_the_channel_is_public(
    client: AsyncWebClient, team: Workspace, slack: FakeSlack
) -> None:
    team.channel("C2", members=["U1"], with_bot=False)
    team.channel("G1", members=["U1"], kind="group", with_bot=False)
    slack.workspace("T2").channel("C3", members=["U3"])

    await client.chat_postMessage(channel="C2", text="public")
    for unseen in ("G1", "C3", "C404"):
        post = client.chat_postMessage(channel=unseen, text="x")
        assert await error_of(post) == "channel_not_found"
    narrow = team.install(["chat:write"])
    other = AsyncWebClient(narrow.token, slack.api_url)
    assert await error_of(other.chat_postMessage(channel="C2", text="x")) == "not_in_channel"


async def test_an_archived_channel_is_closed(client: AsyncWebClient, slack: FakeSlack) -> None:
    posted = await client.chat_postMessage(channel="C1", text="x")
    slack.archive("C1")

    assert await error_of(client.chat_postMessage(channel="C1", text="x")) == "is_archived"
    edit = client.chat_update(channel="C1", ts=posted["ts"], text="y")
    assert await error_of(edit) == "is_inactive"


async def test_replies_stay_in_one_thread(client: AsyncWebClient, slack: FakeSlack) -> None:
    root = await client.chat_postMessage(channel="C1", text="root")
    first = await client.chat_postMessage(channel="C1", text="1", thread_ts=root["ts"])
    await client.chat_postMessage(channel="C1", text="2", thread_ts=first["ts"])
    await slack.delete_message(slack.messages("C1")[0])
    await client.chat_postMessage(channel="C1", text="3", thread_ts=root["ts"])

    seen = slack.messages("C1", thread_ts=root["ts"])
    assert [m.text for m in seen] == ["1", "2", "3"]
    lost = client.chat_postMessage(channel="C1", text="x", thread_ts="1.000001")
    assert await error_of(lost) == "thread_not_found"


async def test_a_thread_and_a_channel_are_read_page_by_page(
    client: AsyncWebClient, slack: FakeSlack
) -> None:
    root = await slack.say("U1", "C1", "root")
    for number in range(4):
        await client.chat_postMessage(channel="C1", text=f"{number}", thread_ts=root.ts)

    texts = []
    async for page in await client.conversations_replies(channel="C1", ts=root.ts, limit=2):
        texts += [m["text"] for m in page["messages"]]
    assert texts == ["root", "0", "1", "2", "3"]
    [top] = (await client.conversations_history(channel="C1"))["messages"]
    assert (top["text"], top["reply_count"]) == ("root", 4)


async def test_a_channel_is_read_backwards_or_forwards_from_a_message(
    client: AsyncWebClient, slack: FakeSlack
) -> None:
    said = [await slack.say("U1", "C1", f"{number}") for number in range(5)]
    newest = await client.conversations_history(channel="C1", limit=2)
    later = await client.conversations_history(channel="C1", oldest=said[1].ts, limit=2)
    between = await client.conversations_history(
        channel="C1", oldest=said[1].ts, latest=said[3].ts, inclusive=True
    )

    assert [m["text"] for m in newest["messages"]] == ["4", "3"]
    assert [m["text"] for m in later["messages"]] == ["3", "2"]
    assert [m["text"] for m in between["messages"]] == ["3", "2", "1"]


async def test_a_message_is_found_again_by_its_metadata(
    client: AsyncWebClient, slack: FakeSlack
) -> None:
    root = await slack.say("U1", "C1", "root")
    note = {"event_type": "build", "event_payload": {"job": "1"}}
    posted = await client.chat_postMessage(channel="C1", text="x", thread_ts=root.ts, metadata=note)
    plain, full = [
        await client.conversations_replies(
            channel="C1", ts=root.ts, oldest=root.ts, include_all_metadata=with_metadata
        )
        for with_metadata in (False, True)
    ]

    assert "metadata" not in plain["messages"][-1]
    assert [m["ts"] for m in full["messages"]] == [root.ts, posted["ts"]]
    assert full["messages"][-1]["metadata"] == note


async def test_an_ephemeral_message_is_seen_by_one_member(
    client: AsyncWebClient, team: Workspace, slack: FakeSlack
) -> None:
    team.user("U2")
    await client.chat_postEphemeral(channel="C1", user="U1", text="psst")

    assert [m.text for m in slack.ephemeral("U1")] == ["psst"]
    assert slack.messages("C1") == slack.ephemeral("U2") == []
    outside = client.chat_postEphemeral(channel="C1", user="U2", text="x")
    assert await error_of(outside) == "user_not_in_channel"


async def test_direct_messages_are_opened_once(
    client: AsyncWebClient, team: Workspace, slack: FakeSlack
) -> None:
    opened = await client.conversations_open(users="U1")
    again = await client.conversations_open(users=["U1"])

    name = opened["channel"]["id"]
    assert name == again["channel"]["id"] == team.dm("U1").id
    await client.chat_postMessage(channel="U1", text="by the person's id")
    assert [m.text for m in slack.messages(name)] == ["by the person's id"]
    assert await error_of(client.conversations_open(users="U404")) == "user_not_found"


async def test_links_and_reactions(client: AsyncWebClient, slack: FakeSlack) -> None:
    said = await slack.say("U1", "C1", "hello")
    link = await client.chat_getPermalink(channel="C1", message_ts=said.ts)
    assert link["permalink"].endswith(f"/archives/C1/p{said.ts.replace('.', '')}")

    react = {"channel": "C1", "timestamp": said.ts, "name": "eyes"}
    await client.reactions_add(**react)
    assert said.reactions == {"eyes": {"UBOTT1"}}
    assert await error_of(client.reactions_add(**react)) == "already_reacted"
    await client.reactions_remove(**react)
    assert await error_of(client.reactions_remove(**react)) == "no_reaction"


async def test_who_somebody_is_depends_on_the_scopes(
    client: AsyncWebClient, team: Workspace, slack: FakeSlack
) -> None:
    user = (await client.users_info(user="U1"))["user"]
    assert (user["profile"]["email"], user["is_bot"]) == ("u1@t1.example", False)

    client.token = team.install(["users:read"]).token
    assert "email" not in (await client.users_info(user="U1"))["user"]["profile"]
    client.token = team.install(["chat:write"]).token
    answer = await refused(client.users_info(user="U1"))
    assert (answer["error"], answer["needed"]) == ("missing_scope", "users:read")
    assert answer["provided"] == "chat:write"


async def test_scopes_go_by_the_kind_of_conversation(
    client: AsyncWebClient, team: Workspace
) -> None:
    team.channel("G1", members=["U1"], kind="group")
    client.token = team.install(["channels:history"]).token

    await client.conversations_history(channel="C1")
    answer = await refused(client.conversations_history(channel="G1"))
    assert answer["needed"] == "groups:history"
    answer = await refused(client.conversations_info(channel="C1"))
    assert answer["needed"] == "channels:read"


@pytest.mark.parametrize("by", ["params", "data", "json"])
async def test_arguments_come_by_query_by_form_and_as_json(
    client: AsyncWebClient, slack: FakeSlack, by: str
) -> None:
    blocks = '[{"type": "divider"}]'
    arguments = {"channel": "C1", "text": "x", "blocks": blocks}
    await client.api_call("chat.postMessage", **{by: arguments})  # type: ignore[arg-type]

    assert slack.messages("C1")[0].blocks[0]["type"] == "divider"
    assert slack.calls[-1].args == arguments


async def test_an_unknown_method_is_named_so(client: AsyncWebClient, slack: FakeSlack) -> None:
    assert await error_of(client.api_call("chat.postMesage")) == "unknown_method"
    assert slack.calls[-1].error == "unknown_method"


async def test_a_session_belongs_to_an_agent_and_to_a_thread(
    client: AsyncWebClient, slack: FakeSlack
) -> None:
    root = await slack.say("U1", "C1", "hello")
    place = {"channel_id": "C1", "thread_ts": root.ts}
    long = client.agents_sessions_setStatus(**place, status="active", title="x" * 201)
    assert await error_of(long) == "invalid_arguments"
    await client.agents_sessions_setStatus(**place, status="active")
    await client.agents_sessions_rename(**place, title="Kanban")
    assert slack.world.sessions["C1", root.ts].title == "Kanban"
    slack.world.is_agent = False
    call = client.agents_sessions_setStatus(**place, status="active")
    assert await error_of(call) == "not_authorized"
