"""`views.*`: modals and the App Home."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

from tests.fakes.slack import limits
from tests.fakes.slack.messages import invalid, with_ids
from tests.fakes.slack.rates import TIER_4
from tests.fakes.slack.web_request import Method, Refused, Request
from tests.fakes.slack.world import Json, Trigger, User, View, World

STACK_MAX: Final = 3


def checked(world: World, view: Any) -> Json:
    """A view's body as it is kept. Raises: Refused."""
    if not isinstance(view, dict):
        raise Refused("invalid_arguments")
    if limits.view_bytes(view) > limits.VIEW_BYTES:
        raise Refused("view_too_large")
    if complaints := limits.validate_view(view):
        raise invalid("invalid_arguments", complaints)
    body = deepcopy(view)
    body["blocks"] = with_ids(world, view.get("blocks", []))
    return body


def shown(world: World, view: View) -> Json:
    """A view as it stands in replies and payloads."""
    body = view.body
    installation = world.installation(view.team)
    return {
        "title": None,
        "submit": None,
        "close": None,
        "private_metadata": "",
        "callback_id": "",
        "external_id": "",
        "clear_on_close": False,
        "notify_on_close": False,
        **deepcopy(body),
        "id": view.id,
        "team_id": view.team,
        "state": deepcopy(view.state) or {"values": {}},
        "hash": view.hash,
        "previous_view_id": view.previous_id,
        "root_view_id": view.root_id,
        "app_id": world.app_id,
        "app_installed_team_id": view.team,
        "bot_id": installation.bot_id if installation is not None else None,
    }


def create(world: World, user: User, team: str, body: Json, below: View | None = None) -> View:
    """Put a view on the screen of a person, on top of another one or by itself."""
    name = world.next_id("V")
    root = name if below is None else below.root_id
    previous = None if below is None else below.id
    view = View(name, team, user.id, body, world.next_id("h."), root, previous)
    view.history.append(body)
    world.views[name] = view
    return view


def replace(world: World, view: View, body: Json) -> None:
    """Show something else in it; what a person wrote into inputs that stay is kept."""
    view.body, view.hash = body, world.next_id("h.")
    view.errors = {}
    view.history.append(body)


def stack(world: World, view: View) -> list[View]:
    """The open modals over the same root, the top one last."""
    return [v for v in world.views.values() if v.root_id == view.root_id and v.is_open]


def _trigger(request: Request) -> Trigger:
    """The trigger, which is used up by this. Raises: Refused."""
    name = request.required("trigger_id")
    trigger = request.world.triggers.get(name)
    if trigger is None or trigger.team not in request.installation.teams:
        raise Refused("invalid_trigger_id")
    if trigger.is_used:
        raise Refused("exchanged_trigger_id")
    if trigger.expires_at < request.world.clock.monotonic():
        raise Refused("expired_trigger_id")
    return trigger


def _unique_external_id(request: Request, body: Json, but: View | None = None) -> None:
    name = body.get("external_id")
    for view in request.world.views.values():
        if name and view is not but and view.is_open and view.body.get("external_id") == name:
            raise Refused("duplicate_external_id")


def open_view(request: Request) -> Json:
    return _opened(request, is_push=False)


def push_view(request: Request) -> Json:
    return _opened(request, is_push=True)


def _opened(request: Request, *, is_push: bool) -> Json:
    trigger = _trigger(request)
    body = checked(request.world, request.structure("view"))
    if body["type"] != "modal":
        raise Refused("invalid_arguments")
    _unique_external_id(request, body)
    below = None
    if is_push:
        below = trigger.view
        if below is None or not below.is_open:
            raise Refused("not_found")
        if len(stack(request.world, below)) >= STACK_MAX:
            raise Refused("push_limit_reached")
    trigger.is_used = True
    user = request.world.users[trigger.user]
    view = create(request.world, user, trigger.team, body, below)
    return {"view": shown(request.world, view)}


def update_view(request: Request) -> Json:
    view = _wanted(request)
    body = checked(request.world, request.structure("view"))
    _need_hash(request, view)
    _unique_external_id(request, body, view)
    replace(request.world, view, body)
    return {"view": shown(request.world, view)}


def _wanted(request: Request) -> View:
    name, external = request.text("view_id"), request.text("external_id")
    for view in request.world.views.values():
        named = view.id == name or (external and view.body.get("external_id") == external)
        if named and view.is_open and view.team in request.installation.teams:
            return view
    raise Refused("not_found")


def _need_hash(request: Request, view: View) -> None:
    if request.text("hash") not in (None, view.hash):
        raise Refused("hash_conflict")


def publish_view(request: Request) -> Json:
    user = request.user("user_id")
    body = checked(request.world, request.structure("view"))
    if body["type"] != "home":
        raise Refused("invalid_arguments")
    key = (user.team, user.id)
    view = request.world.homes.get(key)
    if view is None:
        view = request.world.homes[key] = create(request.world, user, user.team, body)
    else:
        _need_hash(request, view)
        replace(request.world, view, body)
    return {"view": shown(request.world, view)}


METHODS: Final[Mapping[str, Method]] = {
    "views.open": Method(open_view, TIER_4),
    "views.push": Method(push_view, TIER_4),
    "views.update": Method(update_view, TIER_4),
    "views.publish": Method(publish_view, TIER_4),
}
