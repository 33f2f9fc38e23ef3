"""Linking, as far as it is done in Slack: words, buttons, and ends that Slack tells of."""

import pytest

from agents.types import OwnerId, TaskStatus
from bot.render import slack_accounts as words
from bot.services.sign_outs import SignOuts, user_mark
from tests.bot.slack.test_accounts import (
    ADA,
    BEN,
    SHORT_WALL,
    accounts_bot,
    command,
    direct,
)
from tests.fakes.slack.world import Message
from tests.fakes.slack_bot import Bot

bot = accounts_bot
"""With accounts, as there."""


# --- link, unlink ------------------------------------------------------------------------


async def test_link_and_unlink_say_how_it_stands(bot: Bot) -> None:
    [told] = await command(bot, "link")
    assert told == "Link your account: open the page and sign in there. [Link account]"
    assert await command(bot, "unlink") == ["You are not linked to an account."]
    await bot.link("U1", ADA)
    assert await command(bot, "link") == ["You are linked to ada@bikes.example. [Unlink]"]
    await bot.slack.mention("U1", "C1", "a shop")
    [told] = await command(bot, "unlink")
    assert "not linked to an account any more" in told
    [row] = await bot.tasks_of("org_bikes")
    assert row.status is TaskStatus.CANCELLED
    assert await command(bot, "list") == [SHORT_WALL]


async def pressed(bot: Bot, user: str, action_id: str, message: Message | None = None) -> None:
    await bot.slack.click(user, message or bot.slack.ephemeral(user)[-1], action_id)
    await bot.settled()


async def test_a_code_is_confirmed_by_who_typed_it_and_names_the_account(bot: Bot) -> None:
    assert bot.linking is not None
    begun = await bot.linking.begin(ADA, with_code=True)
    [told] = await command(bot, f"link {begun.code}")
    assert told == "Link your Slack user to ada@bikes.example? [Yes, that is me]"
    await pressed(bot, "U1", words.AGREE)
    assert bot.whispers()[-1] == "Good. Now confirm it on the page."
    link = await bot.linking.confirm(ADA, begun.secret)
    assert (link.person.user_id, link.person_name) == ("U1", "u1 in T1")


async def test_a_code_that_is_none_is_refused_and_guessing_ends(bot: Bot) -> None:
    for _ in range(5):
        [told] = await command(bot, "link ABCD-EFG2")
        assert "That code is not good." in told
    [told] = await command(bot, "link ABCD-EFG2")
    assert "too many codes" in told


@pytest.mark.parametrize("kind", ["is_guest", "has_left", "is_bot"])
async def test_guests_and_bots_type_no_code(bot: Bot, kind: str) -> None:
    assert bot.linking is not None
    setattr(bot.slack.world.users["U1"], kind, True)
    begun = await bot.linking.begin(ADA, with_code=True)
    [told] = await command(bot, f"link {begun.code}")
    assert "Guests and bots cannot be linked." in told
    standing = await bot.linking.standing(ADA, begun.secret)
    assert standing.request is not None
    assert standing.request.person is None


async def test_it_was_not_me_ends_the_link_and_what_runs(bot: Bot) -> None:
    await bot.link("U1", ADA)
    await bot.slack.mention("U1", "C1", "a shop")
    await bot.settled()
    [message] = bot.slack.bot_messages(bot.team.dm("U1").id)
    await pressed(bot, "U1", words.NOT_ME, message)
    [row] = await bot.tasks_of("org_bikes")
    assert row.status is TaskStatus.CANCELLED
    assert direct(bot) == ["The link is ended, and what it had started is stopped."]
    assert await command(bot, "list") == [SHORT_WALL]
    ended, made = await bot.store.audit(OwnerId("org_bikes"))
    assert (made.action, ended.action, ended.actor) == ("link.made", "link.ended", "slack:-:T1:U1")


async def test_it_was_not_me_of_an_old_link_leaves_the_new_one(bot: Bot) -> None:
    await bot.link("U1", ADA)
    [old] = bot.slack.bot_messages(bot.team.dm("U1").id)
    await command(bot, "unlink")
    await bot.link("U1", ADA)
    await pressed(bot, "U1", words.NOT_ME, old)
    assert await command(bot, "link") == ["You are linked to ada@bikes.example. [Unlink]"]
    assert direct(bot)[0] == "You are linked again: to ada@bikes.example. [Unlink]"
    [told, _] = bot.slack.bot_messages(bot.team.dm("U1").id)
    await pressed(bot, "U1", words.UNLINK, told)
    assert await command(bot, "unlink") == ["You are not linked to an account."]


async def test_an_administrator_sees_who_is_linked_and_can_end_it(bot: Bot) -> None:
    await bot.link("U2", BEN)
    [told] = await command(bot, "links")
    assert "Only administrators" in told
    bot.slack.world.users["U1"].is_admin = True
    [told] = await command(bot, "links")
    assert told == "1 person is linked in this workspace."
    [message] = bot.slack.ephemeral("U1")[-1:]
    assert "<@U2> is ben@" in str(message.blocks)
    await pressed(bot, "U1", f"{words.UNLINK_OTHER}:0", message)
    assert "<@U2> is not linked any more" in bot.whispers()[-1]
    assert await command(bot, "list", "U2") == [SHORT_WALL]


async def test_who_is_no_administrator_any_more_ends_nobodys_link(bot: Bot) -> None:
    await bot.link("U2", BEN)
    bot.slack.world.users["U1"].is_admin = True
    await command(bot, "links")
    listed = bot.slack.ephemeral("U1")[-1]
    bot.slack.world.users["U1"].is_admin = False
    await pressed(bot, "U1", f"{words.UNLINK_OTHER}:0", listed)
    [told] = await command(bot, "list", "U2")
    assert told.startswith("You have no app yet.")


# --- ends that Slack tells of ------------------------------------------------------------


async def test_who_is_deactivated_is_linked_no_more(bot: Bot) -> None:
    await bot.link("U1", ADA)
    await bot.link("U2", BEN)
    bot.slack.deactivate("U1")
    await bot.settled()
    assert [link.person.user_id for link in await bot.store.links_of_team("T1")] == ["U2"]


@pytest.mark.parametrize("kind", ["is_restricted", "is_ultra_restricted", "is_stranger", "is_bot"])
async def test_who_is_a_guest_now_is_linked_no_more(bot: Bot, kind: str) -> None:
    await bot.link("U1", ADA)
    await bot.link("U2", BEN)
    changed = {"id": "U1", "team_id": "T1", "name": "ann", "deleted": False, kind: True}
    event = {"type": "user_change", "user": changed, "event_ts": "1.1"}
    await bot.slack.deliver_event("T1", event)
    assert [link.person.user_id for link in await bot.store.links_of_team("T1")] == ["U2"]


async def test_a_person_who_only_changed_stays_linked(bot: Bot) -> None:
    await bot.link("U1", ADA)
    changed = {"id": "U1", "team_id": "T1", "name": "ann", "deleted": False}
    event = {"type": "user_change", "user": changed, "event_ts": "1.1"}
    await bot.slack.deliver_event("T1", event)
    assert len(await bot.store.links_of_team("T1")) == 1


async def test_a_workspace_without_the_app_has_no_links(bot: Bot) -> None:
    await bot.link("U1", ADA)
    bot.slack.uninstall("T1")
    await bot.settled()
    assert [*await bot.store.links_of_team("T1")] == []


async def test_a_link_whose_account_ended_while_it_was_made_ends_and_begins_nothing(
    bot: Bot,
) -> None:
    await bot.slack.mention("U1", "C1", "a shop")
    await bot.settled()
    await bot.link("U1", ADA, is_told=False)
    await SignOuts(bot.store).note(user_mark("user_ada"))  # whoever made the link has died of it
    await bot.greet()
    assert [*await bot.store.links_of_team("T1")] == []
    assert (direct(bot), await bot.tasks_of("org_bikes")) == ([], [])
