"""The payloads that a real Slack sends to an app, whole."""

from dataclasses import dataclass
from typing import Any

from tests.fakes.slack.messages import as_json
from tests.fakes.slack.web_views import shown
from tests.fakes.slack.world import Channel, Json, Message, Team, User, View, World

TOKEN = "verification-token"
"""The old verification token, which nobody should trust."""


@dataclass(frozen=True)
class Payloads:
    """Builders over what is in the world; none of them changes what people see."""

    world: World

    # --- events -------------------------------------------------------------------------------

    def event(self, team: str, event: Json, *, event_id: str | None = None) -> Json:
        """The envelope of an event, with an id of its own unless one is given."""
        where = self.world.teams[team]
        installation = where.installation
        channel = self.world.channels.get(str(event.get("channel")))
        is_org_wide = installation is not None and installation.is_org_wide
        authorization = {
            "enterprise_id": where.enterprise,
            "team_id": None if is_org_wide else team,
            "user_id": None if installation is None else installation.bot_user,
            "is_bot": True,
            "is_enterprise_install": is_org_wide,
        }
        return {
            "token": TOKEN,
            "team_id": team,
            "enterprise_id": where.enterprise,
            "api_app_id": self.world.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": event_id or self.world.next_id("Ev"),
            "event_time": int(float(event.get("event_ts") or self.world.next_ts())),
            "authorizations": [authorization],
            "is_ext_shared_channel": channel is not None and bool(channel.shared_with),
            "event_context": self.world.next_id("4-"),
        }

    def app_home_opened(self, user: User, tab: str = "home") -> Json:
        team = self.world.teams[user.team]
        bot = team.installation.bot_user if team.installation is not None else ""
        event: Json = {
            "type": "app_home_opened",
            "user": user.id,
            "channel": self.world.direct_channel(user, bot).id,
            "tab": tab,
            "event_ts": self.world.next_ts(),
        }
        home = self.world.homes.get((user.team, user.id))
        if home is not None and tab == "home":
            event["view"] = shown(self.world, home)
        return event

    def agent_session_stopped(self, user: User, channel: Channel, thread_ts: str) -> Json:
        return {
            "type": "agent_session_stopped",
            "channel": channel.id,
            "thread_ts": thread_ts,
            "user": user.id,
            "streaming_message_ts": [],
            "event_ts": self.world.next_ts(),
        }

    def url_verification(self, challenge: str) -> Json:
        return {"token": TOKEN, "challenge": challenge, "type": "url_verification"}

    def app_rate_limited(self, team: str) -> Json:
        return {
            "token": TOKEN,
            "type": "app_rate_limited",
            "team_id": team,
            "minute_rate_limited": int(self.world.clock.now().timestamp()) // 60 * 60,
            "api_app_id": self.world.app_id,
        }

    # --- commands and shortcuts ---------------------------------------------------------------

    def command(self, user: User, channel: Channel, command: str, text: str) -> Json:
        team = self.world.teams[user.team]
        names = {"im": "directmessage", "group": "privategroup"}
        payload = {
            "token": TOKEN,
            "team_id": team.id,
            "team_domain": team.domain,
            "channel_id": channel.id,
            "channel_name": names.get(channel.kind, channel.name),
            "user_id": user.id,
            "user_name": user.name,
            "command": command,
            "text": text,
            "api_app_id": self.world.app_id,
            "is_enterprise_install": _word(self._is_org_wide(team)),
            "response_url": self.world.new_response_url(channel, user.id),
            "trigger_id": self.world.new_trigger(user, team.id),
        }
        if team.enterprise is not None:
            payload |= {"enterprise_id": team.enterprise, "enterprise_name": team.enterprise}
        return payload

    def shortcut(self, user: User, callback_id: str) -> Json:
        return {
            "type": "shortcut",
            "action_ts": self.world.next_ts(),
            "callback_id": callback_id,
            "trigger_id": self.world.new_trigger(user, user.team),
            **self._who(user, user.team),
        }

    def message_shortcut(self, user: User, message: Message, callback_id: str) -> Json:
        return {
            "type": "message_action",
            "action_ts": self.world.next_ts(),
            "callback_id": callback_id,
            "trigger_id": self.world.new_trigger(user, message.channel.team),
            "response_url": self.world.new_response_url(message.channel, user.id, message),
            "message_ts": message.ts,
            "channel": _channel(message.channel),
            "message": as_json(self.world, message),
            **self._who(user, message.channel.team),
        }

    # --- buttons and modals -------------------------------------------------------------------

    def block_actions(self, user: User, message: Message, action: Json) -> Json:
        container: Json = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": message.channel.id,
            "is_ephemeral": message.ephemeral_to is not None,
        }
        if message.thread_ts is not None:
            container["thread_ts"] = message.thread_ts
        return {
            "type": "block_actions",
            "container": container,
            "trigger_id": self.world.new_trigger(user, message.channel.team),
            "channel": _channel(message.channel),
            "message": as_json(self.world, message),
            "state": {"values": {}},
            "response_url": self.world.new_response_url(message.channel, user.id, message),
            "actions": [{**action, "action_ts": self.world.next_ts()}],
            **self._who(user, message.channel.team),
        }

    def view_actions(self, user: User, view: View, action: Json) -> Json:
        """`block_actions` of a button in a modal or in the App Home."""
        return {
            "type": "block_actions",
            "container": {"type": "view", "view_id": view.id},
            "trigger_id": self.world.new_trigger(user, view.team, view),
            "view": shown(self.world, view),
            "actions": [{**action, "action_ts": self.world.next_ts()}],
            **self._who(user, view.team),
        }

    def view_submission(self, user: User, view: View) -> Json:
        return {
            "type": "view_submission",
            "trigger_id": self.world.new_trigger(user, view.team, view),
            "view": shown(self.world, view),
            "response_urls": [],
            **self._who(user, view.team),
        }

    def view_closed(self, user: User, view: View, *, is_cleared: bool = False) -> Json:
        return {
            "type": "view_closed",
            "view": shown(self.world, view),
            "is_cleared": is_cleared,
            **self._who(user, view.team),
        }

    # --- parts --------------------------------------------------------------------------------

    def _who(self, user: User, where: str) -> Json:
        """The person, and the workspace whose installation it concerns."""
        team = self.world.teams[where]
        who = {
            "id": user.id,
            "username": user.name,
            "name": user.name,
            "team_id": user.team,
        }
        org = None
        if team.enterprise is not None:
            org = {"id": team.enterprise, "name": team.enterprise}
        is_org_wide = self._is_org_wide(team)
        return {
            "user": who,
            "api_app_id": self.world.app_id,
            "token": TOKEN,
            "team": None if is_org_wide else {"id": team.id, "domain": team.domain},
            "enterprise": org,
            "is_enterprise_install": is_org_wide,
        }

    def _is_org_wide(self, team: Team) -> bool:
        return team.installation is not None and team.installation.is_org_wide


def _channel(channel: Channel) -> Json:
    return {"id": channel.id, "name": channel.name}


def _word(value: Any) -> str:
    """As a form says it."""
    return "true" if value else "false"
