"""Setting up a world: workspaces, people, channels and installations of the app."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.fakes.slack.tokens import Grant, Tokens
from tests.fakes.slack.world import (
    BOT_SCOPES,
    Channel,
    ChannelKind,
    File,
    Installation,
    Team,
    User,
    World,
)


@dataclass(frozen=True)
class Workspace:
    """A workspace under construction, and a handle on it later."""

    world: World
    tokens: Tokens
    team: Team

    @property
    def id(self) -> str:
        return self.team.id

    @property
    def installation(self) -> Installation:
        if self.team.installation is None:
            raise LookupError(f"The app is not installed in {self.id}.")
        return self.team.installation

    @property
    def token(self) -> str:
        """The bot's newest access token."""
        return self.installation.token

    @property
    def bot_user(self) -> str:
        return self.installation.bot_user

    def user(
        self,
        name: str,
        *,
        called: str | None = None,
        email: str | None = "",
        is_admin: bool = False,
        is_bot: bool = False,
    ) -> User:
        """A person by id, made when there is none. `email` None: one whose address is hidden."""
        found = self.world.users.get(name)
        if found is not None:
            if found.team != self.id:
                raise ValueError(f"{name} is somebody of {found.team} already.")
            return found
        address = f"{name.lower()}@{self.team.domain}.example" if email == "" else email
        user = User(name, self.id, called or name.lower(), address, is_bot, is_admin)
        self.world.users[name] = user
        return user

    def channel(
        self,
        name: str,
        *,
        members: Iterable[str] = (),
        kind: ChannelKind = "channel",
        with_bot: bool = True,
        called: str | None = None,
        shared_with: Iterable[str] = (),
    ) -> Channel:
        """A conversation by id. Members nobody has heard of become people of this workspace."""
        if name in self.world.channels:
            raise ValueError(f"There is a {name} already.")
        people = [m if m in self.world.users else self.user(m).id for m in members]
        bot = [self.bot_user] if with_bot and self.team.installation is not None else []
        channel = Channel(name, self.id, called or name.lower(), kind, {*people, *bot})
        channel.shared_with = set(shared_with)
        self.world.channels[name] = channel
        return channel

    def dm(self, name: str) -> Channel:
        """The direct messages of a person and the bot."""
        return self.world.direct_channel(self.user(name), self.bot_user)

    def file(self, name: str, *, called: str, content: bytes, owner: str) -> File:
        """What a person has uploaded, for `say(..., files=[…])`."""
        file = File(name, self.id, called, len(content), self.user(owner).id, called, content)
        file.is_complete = True
        self.world.files[name] = file
        return file

    def install(self, scopes: Sequence[str] = BOT_SCOPES, *, rotates: bool = False) -> Installation:
        """Install our app, or again with other scopes."""
        installation = self._prepare(scopes, rotates=rotates)
        self.tokens.issue(installation)
        return installation

    def _prepare(self, scopes: Sequence[str], *, rotates: bool) -> Installation:
        bot = self.user(f"UBOT{self.id}", called="zapdev", email=None, is_bot=True)
        installation = Installation([self.id], bot.id, f"B{self.id}", list(scopes))
        installation.enterprise, installation.rotates = self.team.enterprise, rotates
        self.team.installation = installation
        return installation

    def oauth_code(
        self,
        user: str,
        *,
        redirect_uri: str | None = None,
        scopes: Sequence[str] = BOT_SCOPES,
        rotates: bool = False,
    ) -> str:
        """What comes back to the redirect address when a person allows the installation."""
        if self.team.installation is None:
            self._prepare(scopes, rotates=rotates).is_active = False
        code = self.world.next_id("code-")
        person = self.user(user)
        self.tokens.grants[code] = Grant(self.team.installation, redirect_uri, person, list(scopes))
        return code

    def openid_code(
        self,
        user: str,
        *,
        redirect_uri: str | None = None,
        nonce: str | None = None,
        challenge: str | None = None,
    ) -> str:
        """The same for Sign in with Slack; `challenge` is PKCE's (S256)."""
        code = self.world.next_id("code-")
        scopes = ["openid", "email", "profile"]
        grant = Grant(self.team.installation, redirect_uri, self.user(user), scopes, nonce)
        grant.challenge = challenge
        self.tokens.grants[code] = grant
        return code


class Builders:
    """A mix-in of `FakeSlack`."""

    world: World
    tokens: Tokens

    def workspace(
        self,
        name: str = "T1",
        *,
        called: str | None = None,
        enterprise: str | None = None,
        installed: bool = True,
        scopes: Sequence[str] = BOT_SCOPES,
        rotates: bool = False,
    ) -> Workspace:
        """A workspace by id, with our app in it unless told otherwise."""
        if name in self.world.teams:
            return Workspace(self.world, self.tokens, self.world.teams[name])
        team = Team(name, called or name, name.lower(), enterprise)
        self.world.teams[name] = team
        workspace = Workspace(self.world, self.tokens, team)
        if installed:
            workspace.install(scopes, rotates=rotates)
        return workspace

    def install_org_wide(
        self, enterprise: str, *teams: str, scopes: Sequence[str] = BOT_SCOPES
    ) -> Installation:
        """One installation with one token for several workspaces of an organisation."""
        spaces = [self.workspace(name, enterprise=enterprise, installed=False) for name in teams]
        bot = spaces[0].user(f"UBOT{enterprise}", called="zapdev", email=None, is_bot=True)
        installation = Installation(list(teams), bot.id, f"B{enterprise}", list(scopes))
        installation.enterprise, installation.is_org_wide = enterprise, True
        for space in spaces:
            space.team.installation = installation
        self.tokens.issue(installation)
        return installation
