"""The app's installations and their tokens: issued, rotated, expired and revoked."""

from dataclasses import dataclass
from typing import Final, Literal

from tests.fakes.slack.world import Installation, User, World

ACCESS_TOKEN_S: Final = 12 * 3_600.0


@dataclass(eq=False)
class Token:
    value: str
    installation: Installation | None
    """None: the app-level token."""
    scopes: list[str]
    user: User | None = None
    """Whose, when it is a person's."""
    expires_at: float | None = None
    error: str | None = None
    """What a call with it gets, once it is dead."""

    @property
    def kind(self) -> Literal["app", "bot", "user"]:
        if self.user is not None:
            return "user"
        return "app" if self.installation is None else "bot"


@dataclass(eq=False)
class Grant:
    """What an OAuth code stands for."""

    installation: Installation | None
    redirect_uri: str | None
    user: User
    scopes: list[str]
    nonce: str | None = None
    challenge: str | None = None
    is_used: bool = False


class Tokens:
    """Every token that was ever issued."""

    def __init__(self, world: World, app_token: str) -> None:
        self._world = world
        self.all: dict[str, Token] = {}
        self.grants: dict[str, Grant] = {}
        self._refresh: dict[str, Installation] = {}
        self._app_token = app_token
        self.all[app_token] = Token(app_token, None, ["connections:write"])

    def issue(self, installation: Installation) -> str:
        """A fresh access token; with rotation also a fresh refresh token."""
        prefix = "xoxe.xoxb-" if installation.rotates else "xoxb-"
        where = installation.enterprise if installation.is_org_wide else installation.teams[0]
        value = f"{prefix}{where}-{self._world.next_id('')}"
        now = self._world.clock.monotonic()
        expires_at = now + ACCESS_TOKEN_S if installation.rotates else None
        self.all[value] = Token(value, installation, installation.scopes, None, expires_at)
        installation.token = value
        if installation.rotates:
            refresh = f"xoxe-1-{self._world.next_id('')}"
            self._refresh[refresh] = installation
            installation.refresh_token = refresh
        return value

    def issue_for(self, user: User, scopes: list[str]) -> str:
        """A person's own token, as Sign in with Slack gives it."""
        value = f"xoxp-{user.id}-{self._world.next_id('')}"
        found = self._world.installation(user.team)
        self.all[value] = Token(value, found, scopes, user)
        return value

    def refresh(self, refresh_token: str) -> Installation | None:
        """Exchange a refresh token, which is good for one exchange; None when it is not."""
        installation = self._refresh.pop(refresh_token, None)
        if installation is None or not installation.is_active:
            return None
        self.issue(installation)
        return installation

    def complaint(self, value: str | None) -> str | None:
        """The error that a call with this token gets, if any."""
        if not value:
            return "not_authed"
        token = self.all.get(value)
        if token is None:
            return "invalid_auth"
        if token.error is not None:
            return token.error
        now = self._world.clock.monotonic()
        if token.expires_at is not None and token.expires_at <= now:
            return "token_expired"
        return None

    def revoke(self, installation: Installation, error: str = "token_revoked") -> None:
        """Every token of an installation is dead."""
        for token in self.all.values():
            if token.installation is installation and token.user is None:
                token.error = token.error or error
        self._refresh = {k: v for k, v in self._refresh.items() if v is not installation}

    def expire(self, installation: Installation) -> None:
        """Let twelve hours be over for the newest access token."""
        self.all[installation.token].expires_at = self._world.clock.monotonic()
