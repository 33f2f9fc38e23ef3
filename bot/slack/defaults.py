"""What a person wants unless they say otherwise: kept in the store, and changed in words or a form."""

from collections.abc import Sequence
from dataclasses import replace

from agents.errors import BadRequest
from agents.models import ModelCatalog
from agents.types import Framework, OwnerId
from bot.render import slack_replies as replies
from bot.render.slack_blocks import SlackMessage
from bot.render.slack_home import HomeSettings, render_defaults
from bot.render.slack_plan import FRAMEWORKS
from bot.slack.intents import Choose
from bot.store.people_port import People, Preferences

_ANY = ("any", "auto", "none")
"""Words for leaving the framework to us."""


class Defaults:
    """Each method raises StoreError, and BadRequest for what a person can mend."""

    def __init__(self, people: People, models: ModelCatalog, *, offline: bool) -> None:
        self._people = people
        self._catalog = models
        self._offline = offline

    @property
    def models(self) -> Sequence[str]:
        """The models that there are to choose from."""
        return tuple(self._catalog.models)

    async def of(self, owner: OwnerId) -> HomeSettings:
        """What this person's builds use that name nothing else."""
        kept = await self.kept(owner)
        return HomeSettings(
            model=kept.model or self._catalog.default.key,
            framework=kept.framework,
            others=kept.others,
            offline_model=self._offline,
        )

    async def kept(self, owner: OwnerId) -> Preferences:
        """What this person has chosen."""
        return await self._people.preferences(owner)

    async def show(self, owner: OwnerId) -> SlackMessage:
        return render_defaults(await self.of(owner))

    async def keep(self, owner: OwnerId, wanted: Preferences) -> None:
        """All of them. Raises: BadRequest (a model that there is not)."""
        known = wanted.model in (None, *self._catalog.models)
        if not known and wanted.model != (await self.kept(owner)).model:
            raise BadRequest(
                f"There is no model called “{str(wanted.model)[:60]}”.",
                field="model",
                hint=f"There are: {', '.join(self.models)}.",
            )
        await self._people.save_preferences(owner, wanted)

    async def choose(self, owner: OwnerId, choose: Choose) -> SlackMessage:
        """`model …` or `framework …`; without a value, what there is and what is used."""
        known = self.models if choose.what == "model" else list(Framework)
        if not choose.value:
            used = await self.of(owner)
            now = used.model if choose.what == "model" else used.framework or "chosen for each app"
            example = f"{choose.what} {known[-1]}"
            return replies.render_choices(choose.what, now, known, example)
        kept = await self.kept(owner)
        if choose.what == "model":
            await self.keep(owner, replace(kept, model=choose.value))
            return replies.render_saved("Your model", choose.value)
        framework = _framework(choose.value)
        await self.keep(owner, replace(kept, framework=framework))
        words = "chosen for each app" if framework is None else FRAMEWORKS[framework]
        return replies.render_saved("Your framework", words)


def _framework(name: str) -> Framework | None:
    """Raises: BadRequest."""
    name = name.lower()
    if name in _ANY:
        return None
    if name not in list(Framework):
        raise BadRequest(
            f"There is no framework called “{name[:40]}”.",
            field="framework",
            hint=f"There are: {', '.join(Framework)}; any leaves it to me.",
        )
    return Framework(name)
