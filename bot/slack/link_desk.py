"""Linking, as far as it is done in Slack: what `link`, `unlink` and their buttons do.

Each method raises StoreError, and UserError for what a person can mend.
"""

from agents.errors import BadRequest, ProviderError
from agents.logger import create_logger
from bot.render import slack_accounts as words
from bot.render.slack_blocks import SlackMessage
from bot.services.identity import IdentityService
from bot.services.linking import Linking, SlackFacts, SlackPeople
from bot.slack.accounts import Accounts
from bot.slack.intents import Identify
from bot.slack.payloads import Click, Said
from bot.store.identity_port import Identities, Link

log = create_logger(__name__)


class LinkDesk:
    """Answers are for the person alone."""

    def __init__(
        self,
        accounts: Accounts,
        identities: IdentityService,
        store: Identities,
        people: SlackPeople,
    ) -> None:
        self._accounts = accounts
        self._identities = identities
        self._store = store
        self._people = people

    async def answer(self, said: Said, asked: Identify) -> SlackMessage:
        """To what was said in words."""
        match asked.what:
            case "unlink":
                return await self.unlink(said)
            case "links":
                return await self.links(said)
            case _:
                return await (self.code(said, asked.code) if asked.code else self.show(said))

    async def press(self, click: Click) -> SlackMessage:
        """To a button of ours."""
        match click.name:
            case words.AGREE:
                return await self.agree(click)
            case words.NOT_ME:
                return await self.not_me(click)
            case words.UNLINK_OTHER:
                return await self.unlink_other(click)
            case _:
                return await self.unlink(click.said)

    async def show(self, said: Said) -> SlackMessage:
        """Whom the person is linked to, or the way to the page."""
        linking = self._linking()
        link = await self._accounts.link_of(said)
        if link is None:
            return words.render_link_page(linking.page)
        return words.render_linked(link.account.name, link.id)

    async def code(self, said: Said, code: str) -> SlackMessage:
        """Whose code it is, and whether they want it."""
        request = await self._linking().typed(await self._facts(said), code)
        return words.render_code_question(request.account.name, request.hash)

    async def agree(self, click: Click) -> SlackMessage:
        """They do."""
        facts = await self._facts(click.said)
        request = await self._linking().agreed(facts, click.value)
        return words.render_agreed(request.account.name)

    async def unlink(self, said: Said) -> SlackMessage:
        self._linking()
        link = await self._accounts.link_of(said)
        if link is None:
            return words.render_was_not_linked()
        await self._identities.end(link, by=link.person.name)
        return words.render_unlinked()

    async def not_me(self, click: Click) -> SlackMessage:
        """Exactly the link that they were told of; a later one is not meant, but told of."""
        link = await self._accounts.link_of(click.said)
        if link is not None and link.id != click.value:
            return words.render_another_link(link.account.name, link.id)
        if link is not None:
            await self._identities.end(link, by=link.person.name)
        return words.render_not_me()

    async def links(self, said: Said) -> SlackMessage:
        """Everybody who is linked here, for who administers the workspace."""
        await self._check_admin(said)
        found = await self._store.links_of_team(said.team_id)
        return words.render_links([_line(link) for link in found])

    async def unlink_other(self, click: Click) -> SlackMessage:
        """An administrator ends somebody's link."""
        facts = await self._check_admin(click.said)
        for link in await self._store.links_of_team(click.said.team_id):
            if link.id == click.value:
                await self._identities.end(link, by=facts.person.name)
                return words.render_other_unlinked(link.person.user_id)
        raise BadRequest("That link has ended already.")

    async def _check_admin(self, said: Said) -> SlackFacts:
        self._linking()
        facts = await self._facts(said)
        if not facts.is_admin:
            raise BadRequest("Only administrators of this workspace see who is linked.")
        return facts

    async def _facts(self, said: Said) -> SlackFacts:
        try:
            return await self._people.facts(said.team_id, said.user_id)
        except ProviderError as error:
            log.warning("person not looked up", error=str(error))
            raise BadRequest(
                "Slack does not answer just now.", hint="Try again in a minute."
            ) from error

    def _linking(self) -> Linking:
        """Raises: BadRequest where there are no accounts."""
        if self._accounts.linking is None:
            raise BadRequest(
                "There are no accounts to link here.",
                hint="You are known by your Slack user. Just say what to build.",
            )
        return self._accounts.linking


def _line(link: Link) -> words.LinkedPerson:
    return words.LinkedPerson(link.id, link.person.user_id, link.account.name)
