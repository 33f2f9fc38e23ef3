"""What an owner has used, and what is left to them."""

from typing import Any

from aiohttp import web

from bot.services.metering import Credits
from bot.sidecar.answers import CreditsAnswer, ProjectUse, TallyAnswer, UsageAnswer, respond
from bot.sidecar.deps import DEPS
from bot.sidecar.errors import in_time
from bot.sidecar.who import owner_of, principal_of
from bot.store.usage_port import Tally


def routes() -> list[web.RouteDef]:
    """The table."""
    return [web.get("/api/usage", in_time(show))]


async def show(request: web.Request) -> web.Response:
    """Credits that are left, and the use of the last day and of this month."""
    tasks, plan = request.app[DEPS].tasks, principal_of(request).plan
    report = await tasks.usage(owner_of(request), plan)
    if report is None:
        raise web.HTTPNotFound
    spent = report.spent
    return respond(
        UsageAnswer(
            credits=_credits(report.credits),
            day=TallyAnswer(**_tally(spent.day)),
            month=TallyAnswer(**_tally(spent.since)),
            month_began=report.month,
            projects=[
                ProjectUse(project_id=each.project_id, title=each.title, **_tally(each.tally))
                for each in spent.projects
            ],
            at_least=spent.is_at_least,
        )
    )


def _credits(standing: Credits | None) -> CreditsAnswer | None:
    if standing is None:
        return None
    return CreditsAnswer(
        plan=standing.plan,
        allowance=standing.allowance,
        used=standing.used,
        left=standing.left,
        next_back_at=standing.next_back_at,
    )


def _tally(tally: Tally) -> dict[str, Any]:
    return {"builds": tally.builds, **tally.usage.model_dump()}
