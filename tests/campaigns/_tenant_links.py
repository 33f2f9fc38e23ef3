"""Links of Slack users, for the campaign `tenants`: nobody sees or ends another's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents.errors import NotFound
from agents.system import RandomIds
from bot.feed import Hub
from bot.services.identity import IdentityService
from bot.services.linking import Linking, SlackFacts
from bot.services.principals import Principal
from bot.services.tasks import TaskService
from bot.sidecar.deps import LinkDoor
from bot.store.identity_port import Link, SlackPerson
from bot.store.port import Store
from tests.fakes.sidecar import RunningSidecar
from tests.fakes.slack_bot import AddressBook

PATHS = ("/link", "/slack/oidc", "/api/link")
"""Where the routes begin that are tried here, and nowhere else."""


class Nobody:
    """Implements `SlackPeople`: a workspace without anybody."""

    async def facts(self, team_id: str, user_id: str) -> SlackFacts:
        raise NotFound("nobody")


def link_door(store: Store) -> LinkDoor:
    hub = Hub()
    identities = IdentityService(store, TaskService(store, hub))
    return LinkDoor(Linking(store, identities, AddressBook(), RandomIds(), hub), Nobody())


@dataclass(frozen=True, slots=True)
class Linked:
    """Somebody at the door, and the link that is theirs."""

    door: RunningSidecar
    link: Link

    @property
    def user_id(self) -> str:
        return self.link.account.user_id

    async def ask(self, tail: str = "", body: Mapping[str, str] | None = None) -> tuple[int, str]:
        """As our own page asks."""
        method = "GET" if body is None else "POST"
        headers = {"Origin": self.door.url, "Sec-Fetch-Site": "same-origin"}
        async with self.door.http.request(
            method, f"/api/link{tail}", json=body, headers=headers
        ) as answer:
            return answer.status, await answer.text()


async def link_up(door: LinkDoor, at: RunningSidecar, principal: Principal, number: int) -> Linked:
    begun = await door.linking.begin(principal, with_code=False)
    facts = SlackFacts(SlackPerson("T1", f"U{number:04}"), f"Gwenhwyfar-{number:04}-9125")
    await door.linking.signed_in(begun.secret, facts)
    return Linked(at, await door.linking.confirm(principal, begun.secret))


async def try_links(everybody: Sequence[Linked], store: Store) -> dict[str, int]:
    """Each with every other person's: what they are told, and what they can end."""
    requests = leaks = closed = 0
    for one in everybody:
        status, told = await one.ask()
        requests += 1
        closed += status != 200 or one.link.id not in told
        nobodys = await one.ask("/unlink", {"linkId": "link_none"})
        for other in (each for each in everybody if each.user_id != one.user_id):
            leaks += other.link.id in told or other.link.person_name in told
            leaks += await one.ask("/unlink", {"linkId": other.link.id}) != nobodys
            requests += 1
    still_there = [await store.link_of(each.link.person) == each.link for each in everybody]
    changed = still_there.count(False)
    for one in everybody:
        await one.ask("/unlink", {"linkId": one.link.id})
        closed += await store.link_of(one.link.person) is not None
    return {"requests": requests, "leaks": leaks, "changed": changed, "closed": closed}
