"""Tells people of their new link, and begins what they had asked for before.

A link that was made is a row without `told`, so whichever process looks next does it, also after a
crash. What waited is begun by the key under which it was said: twice is once.
"""

from dataclasses import replace

import msgspec

from agents.errors import PermanentError, StoreError, TransientError
from agents.logger import create_logger
from agents.ports import Clock
from bot.feed import Hub, wait_for_bell
from bot.render.slack_accounts import render_welcome
from bot.render.slack_blocks import SlackMessage
from bot.services.identity import LINKS_TOPIC, IdentityService
from bot.slack.accounts import Kept, read_kept
from bot.slack.door import SlackDoor
from bot.slack.payloads import Said
from bot.slack.reception import Reception
from bot.slack.voice import Voice
from bot.store.identity_port import Identities, Link
from bot.store.slack_port import SlackState

log = create_logger(__name__)

LOOK_S = 60.0
"""How often links are looked for that another process has made; it sees to them itself, at once."""

HOLD_S = 60.0
_AWAY_S = 5.0


class Newcomers:
    """Sees to new links, one process each. `store` is the desk's."""

    def __init__(self, reception: Reception, voice: Voice, door: SlackDoor, clock: Clock) -> None:
        self._reception = reception
        self._identities: Identities = reception.desk.store
        self._ends: IdentityService = reception.desk.identities
        self._state: SlackState = reception.desk.store
        self._voice = voice
        self._door = door
        self._clock = clock

    async def run(self, hub: Hub, holder: str) -> None:
        """Until cancelled; `holder` is this process, by a name that no other has."""
        with hub.listen(LINKS_TOPIC) as bell:
            while True:
                bell.clear()
                await wait_for_bell(bell, self._clock, await self.look(holder))

    async def look(self, holder: str) -> float:
        """See to every new link; answers how long to wait for the next look.

        A boundary: a defect must not end it for good.
        """
        wait_s = LOOK_S
        try:
            for link in await self._identities.untold_links():
                if not await self._greet(link, holder):
                    wait_s = _AWAY_S
        except StoreError as error:
            log.warning("store unavailable", action="greet", reason=str(error))
            return _AWAY_S
        except Exception:
            log.exception("new links not seen to")
        return wait_s

    async def _greet(self, link: Link, holder: str) -> bool:
        """False: once more, later. Raises: StoreError."""
        if not await self._state.hold(f"greet:{link.id}", holder, for_s=HOLD_S):
            return True  # another process is at it; it is not let go, as others may have read it
        if await self._ends.is_over(link.account):  # who has made it did not live to see that
            await self._ends.end(link, by=link.account.user_id)
            return True
        goes_on = await self._begin_what_waits(link)
        person = link.person
        message = render_welcome(link.account.name, link.id, goes_on=goes_on)
        try:
            channel = await self._door.direct_channel(person.team_id, person.user_id)
            await self._door.post(person.team_id, channel, message)
        except PermanentError as error:
            log.warning("nobody told of a link", team_id=person.team_id, reason=str(error))
        except TransientError as error:
            log.info("link told of later", team_id=person.team_id, reason=str(error))
            return False
        await self._identities.note_told(link.id)
        return True

    async def _begin_what_waits(self, link: Link) -> bool:
        """Whether anything has begun. Raises: StoreUnavailable."""
        text = await self._identities.waiting(link.person)
        if text is None:
            return False
        has_begun = False
        try:
            kept = read_kept(text)
        except msgspec.DecodeError as error:
            log.warning("what waited is not understood", reason=str(error))
        else:
            has_begun = await self._begin(kept, link)
        await self._identities.drop_waiting(link.person, text)
        return has_begun

    async def _begin(self, kept: Kept, link: Link) -> bool:
        said = replace(kept.said, account=link.account.owner)
        has_begun, answer = await self._reception.resume(said, kept)
        if answer is not None:
            await self._tell(said, answer)
        return has_begun

    async def _tell(self, said: Said, answer: SlackMessage) -> None:
        if said.channel_id:
            await self._voice.whisper(said, answer)
        else:
            await self._voice.write(said, answer)
