"""Uploads, by the three steps that `files_upload_v2` takes."""

import pytest
from slack_sdk.errors import SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient

from tests.contracts.slack_host.refusals import error_of, refused
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.workspace import Workspace


async def test_a_file_is_uploaded_and_shared_in_a_thread(
    client: AsyncWebClient, slack: FakeSlack
) -> None:
    root = await slack.say("U1", "C1", "send me the code")
    answer = await client.files_upload_v2(
        channel="C1",
        thread_ts=root.ts,
        filename="app.zip",
        content=b"PK...",
        title="Your app",
        initial_comment="Here it is",
    )

    [file] = slack.files
    assert (file.name, file.title, file.content) == ("app.zip", "Your app", b"PK...")
    assert "shares" not in answer["files"][0]
    message = slack.messages("C1", thread_ts=root.ts)[-1]
    assert (message.text, message.subtype, message.files) == ("Here it is", "file_share", [file])


async def test_a_file_is_shared_only_where_the_bot_is(
    client: AsyncWebClient, team: Workspace, slack: FakeSlack
) -> None:
    team.channel("C2", members=["U1"], with_bot=False)
    upload = client.files_upload_v2(channel="C2", filename="a.txt", content="x")

    assert await error_of(upload) == "not_in_channel"
    assert slack.files == []


async def test_where_a_file_is_shared_is_told_later_and_with_a_scope(
    client: AsyncWebClient, team: Workspace, slack: FakeSlack
) -> None:
    await client.files_upload_v2(channel="C1", filename="a.txt", content="x")
    [file] = slack.files
    assert (await refused(client.files_info(file=file.id)))["needed"] == "files:read"
    client.token = team.install(["files:read"]).token

    shares = (await client.files_info(file=file.id))["file"]["shares"]
    assert shares["public"]["C1"][0]["ts"] == slack.messages("C1")[-1].ts


async def test_other_bytes_than_announced_are_refused(
    client: AsyncWebClient, slack: FakeSlack
) -> None:
    slack.fail("files.completeUploadExternal", "file_not_found")
    upload = client.files_upload_v2(channel="C1", filename="a.txt", content="x")
    assert await error_of(upload) == "file_not_found"
    with pytest.raises(SlackRequestError):
        await client.files_upload_v2(channel="C1", filename="a.txt")
