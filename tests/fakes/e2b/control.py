"""The control plane: the routes of E2B's REST API that make, find and end sandboxes."""

from urllib.parse import parse_qs, unquote

from aiohttp import web

from tests.fakes.e2b.cloud import Cloud, Sandbox
from tests.fakes.e2b.faults import DIE, LOSE_FILES, Act
from tests.fakes.e2b.wire import refusal

CLOUD: web.AppKey[Cloud] = web.AppKey("cloud", Cloud)


def routes() -> list[web.RouteDef]:
    return [
        web.post("/v2/sandboxes", create),
        web.get("/v2/sandboxes", listing),
        web.get("/sandboxes", listing),
        web.post("/v2/sandboxes/{id}/connect", connect),
        web.get("/sandboxes/{id}", info),
        web.delete("/sandboxes/{id}", delete),
        web.post("/sandboxes/{id}/timeout", set_timeout),
        web.post("/sandboxes/{id}/pause", pause),
        web.put("/sandboxes/{id}/network", set_network),
    ]


async def begin(
    request: web.Request, stage: str
) -> tuple[Cloud, web.StreamResponse | None, Act | None]:
    """Check the key, and meet what the test has scripted for this stage."""
    cloud = request.app[CLOUD]
    cloud.requests.append(stage)
    if request.headers.get("X-API-KEY") != cloud.key:
        return cloud, refusal(401, "Invalid API key"), None
    await cloud.look_at_the_clock()
    act = cloud.faults.take(stage)
    sandbox = cloud.sandboxes.get(request.match_info.get("id", ""))
    if act is DIE and sandbox is not None:
        await cloud.kill(sandbox)
    return cloud, await cloud.faults.meet(request, act), act


def find(cloud: Cloud, request: web.Request) -> Sandbox | None:
    sandbox = cloud.sandboxes.get(request.match_info["id"])
    return sandbox if sandbox is not None and sandbox.state != "killed" else None


async def create(request: web.Request) -> web.StreamResponse:
    body = await request.json()  # first: what is slow goes on when nobody waits for it any more
    cloud, answer, _ = await begin(request, "create")
    if answer is not None:
        return answer
    key = request.headers.get("Idempotency-Key")
    sandbox = cloud.made_by(key)
    if sandbox is None:
        image = cloud.images.get(body["templateID"])
        if image is None:
            return refusal(404, f"template '{body['templateID']}' not found")
        if (wrong := _wrong_timeout(cloud, body.get("timeout", 300))) is not None:
            return wrong
        if (reason := cloud.refused_creation()) is not None:
            return refusal(429, reason, retry_after_s=None if "maximum" in reason else 1)
        sandbox = await cloud.create(body, image)
        cloud.remember(key, sandbox)
    if cloud.faults.take("created") is not None:  # it exists, but nobody hears of it
        assert request.transport is not None
        request.transport.abort()
    return web.json_response(sandbox.shown(), status=201)


async def connect(request: web.Request) -> web.StreamResponse:
    """Resume what is paused; of what runs, only lengthen the life."""
    cloud, answer, act = await begin(request, "connect")
    if answer is not None:
        return answer
    timeout = (await request.json()).get("timeout", 300)
    sandbox = find(cloud, request)
    if sandbox is None:
        return refusal(404, "sandbox not found")
    if (wrong := _wrong_timeout(cloud, timeout)) is not None:
        return wrong
    ends_at = cloud.now() + timeout
    if sandbox.state == "paused":
        if len(cloud.running) >= cloud.limits.concurrent:
            return refusal(429, "you have reached the maximum number of concurrent E2B sandboxes")
        sandbox.ends_at = ends_at
        await cloud.resume(sandbox, empty=act is LOSE_FILES)
    sandbox.ends_at = max(sandbox.ends_at, ends_at)
    return web.json_response(sandbox.shown())


async def info(request: web.Request) -> web.StreamResponse:
    cloud, answer, _ = await begin(request, "info")
    sandbox = find(cloud, request)
    if answer is None and sandbox is None:
        return refusal(404, "sandbox not found")
    return answer or web.json_response(sandbox.shown() if sandbox else None)


async def delete(request: web.Request) -> web.StreamResponse:
    cloud, answer, _ = await begin(request, "kill")
    if answer is not None:
        return answer
    sandbox = find(cloud, request)
    if sandbox is None:
        return refusal(404, "sandbox not found")
    await cloud.kill(sandbox)
    return web.Response(status=204)


async def set_timeout(request: web.Request) -> web.StreamResponse:
    cloud, answer, _ = await begin(request, "timeout")
    if answer is not None:
        return answer
    timeout = (await request.json())["timeout"]
    sandbox = find(cloud, request)
    if sandbox is None or sandbox.state != "running":
        return refusal(404, "sandbox not found")
    if (wrong := _wrong_timeout(cloud, timeout)) is not None:
        return wrong
    sandbox.ends_at = cloud.now() + timeout
    return web.Response(status=204)


async def pause(request: web.Request) -> web.StreamResponse:
    cloud, answer, _ = await begin(request, "pause")
    if answer is not None:
        return answer
    sandbox = find(cloud, request)
    if sandbox is None:
        return refusal(404, "sandbox not found")
    if sandbox.state == "paused":
        return refusal(409, "sandbox is already paused")
    await cloud.pause(sandbox)
    return web.Response(status=204)


async def set_network(request: web.Request) -> web.StreamResponse:
    """Replace the rules for what leaves the sandbox; they are kept, and bind nothing here."""
    cloud, answer, _ = await begin(request, "network")
    if answer is not None:
        return answer
    sandbox = find(cloud, request)
    if sandbox is None or sandbox.state != "running":
        return refusal(404, "sandbox not found")
    sandbox.network = await request.json()
    sandbox.networks.append(sandbox.network)
    return web.Response(status=204)


async def listing(request: web.Request) -> web.StreamResponse:
    cloud, answer, _ = await begin(request, "list")
    if answer is not None:
        return answer
    # The SDK quotes names and values before it encodes the query.
    asked = parse_qs(request.query.get("metadata", ""))
    wanted = {unquote(name): unquote(values[0]) for name, values in asked.items()}
    states = set(request.query.get("state", "running,paused").split(","))
    found = [
        sandbox.shown()
        for sandbox in cloud.sandboxes.values()
        if sandbox.state in states and wanted.items() <= sandbox.metadata.items()
    ]
    return web.json_response(found)


def _wrong_timeout(cloud: Cloud, seconds: int) -> web.Response | None:
    if seconds > cloud.limits.longest_s:
        hours = cloud.limits.longest_s // 3600
        return refusal(400, f"Timeout cannot be greater than {hours} hours")
    return None
