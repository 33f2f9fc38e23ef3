"""What goes wrong, by script: a mix-in of `FakeSlack`."""

from collections.abc import Mapping
from typing import Any

from tests.fakes.slack import web_access
from tests.fakes.slack.faults import Fault, Faults, Hold
from tests.fakes.slack.rates import RateLimits
from tests.fakes.slack.tokens import Tokens
from tests.fakes.slack.workspace import Workspace
from tests.fakes.slack.world import Channel, Installation, World

Where = str | Workspace


class Scripts:
    """Scripts are taken in the order they were written. `times` None: until `clear_faults`."""

    world: World
    tokens: Tokens
    faults: Faults
    rates: RateLimits

    # --- of the Web API -----------------------------------------------------------------------

    def fail(
        self,
        method: str,
        error: str = "",
        *,
        times: int | None = 1,
        status: int = 200,
        retry_after: float | None = None,
        team: str | None = None,
        channel: str | None = None,
        **extra: Any,
    ) -> None:
        """Calls are refused, and nothing takes place. `ratelimited` comes as a 429.

        Without an error, the answer is a page of HTML under `status`.
        """
        if not error and status < 300:
            raise ValueError("Say which error, or which status.")
        more: Mapping[str, Any] = extra
        fault = Fault("error", method, times, team, channel, error, status, retry_after, more)
        self.faults.add(fault)

    def delay(
        self,
        method: str,
        seconds: float,
        *,
        times: int | None = 1,
        team: str | None = None,
        channel: str | None = None,
    ) -> None:
        """Calls take longer, by the clock, before anything happens."""
        self.faults.add(Fault("delay", method, times, team, channel, seconds=seconds))

    def hold(self, method: str, *, times: int | None = 1, channel: str | None = None) -> Hold:
        """Calls wait, before anything happens, until the test releases them."""
        hold = Hold()
        self.faults.add(Fault("hold", method, times, channel=channel, hold=hold))
        return hold

    def cut(self, method: str, *, times: int | None = 1, channel: str | None = None) -> None:
        """The connection breaks, and nothing takes place."""
        self.faults.add(Fault("cut", method, times, channel=channel))

    def lose_answer(
        self, method: str, *, times: int | None = 1, channel: str | None = None
    ) -> None:
        """It takes place, but the connection breaks before the answer."""
        self.faults.add(Fault("lost", method, times, channel=channel))

    def clear_faults(self) -> None:
        self.faults.clear()

    def limit(self, method: str, per_minute: int) -> None:
        """Another rate limit for a method."""
        self.rates.limit(method, per_minute)

    # --- of the world -------------------------------------------------------------------------

    def archive(self, channel: str | Channel) -> None:
        found = channel if isinstance(channel, Channel) else self.world.channels[channel]
        found.is_archived = True

    def kick_bot(self, channel: str | Channel) -> None:
        """The bot is no member there any more."""
        found = channel if isinstance(channel, Channel) else self.world.channels[channel]
        installation = self.world.installation(found.team)
        if installation is not None:
            found.members.discard(installation.bot_user)

    def revoke(self, team: Where, *, tells: bool = True) -> None:
        """The bot's tokens are revoked; `tokens_revoked` comes too unless told otherwise."""
        installation = self._installation(team)
        self.tokens.revoke(installation)
        if tells:
            for name in installation.teams:
                event = web_access.tokens_revoked(self.world, installation)
                self.world.publish(name, event)

    def uninstall(self, team: Where) -> None:
        """Somebody removes the app: `app_uninstalled` and `tokens_revoked` come."""
        web_access.uninstalled(self.world, self.tokens, self._installation(team))

    def deactivate(self, user: str) -> None:
        """Somebody is not in their workspace any more: `user_change` comes."""
        person = self.world.users[user]
        person.has_left = True
        changed = {"id": person.id, "team_id": person.team, "name": person.name, "deleted": True}
        event = {"type": "user_change", "user": changed, "event_ts": self.world.next_ts()}
        self.world.publish(person.team, event)

    def expire_token(self, team: Where) -> None:
        """Twelve hours are over for the newest access token."""
        self.tokens.expire(self._installation(team))

    def _installation(self, team: Where) -> Installation:
        found = self.world.installation(team if isinstance(team, str) else team.id)
        if found is None:
            raise LookupError(f"The app is not installed in {team}.")
        return found
