"""Building templates at a stand-in E2B: steps run here, in a folder, and become an image.

`/home/user` and `/tmp` in a step are folders of the build's own. Read in `e2b.template_async`.
"""

import asyncio
import re
import secrets
import tarfile
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from agents.background import Background
from agents.system import SystemClock
from tests.fakes.e2b.cloud import Image, copy_folder, plain_image
from tests.fakes.e2b.control import CLOUD, begin
from tests.fakes.e2b.wire import refusal


@dataclass
class Build:
    """One build of a template."""

    name: str
    tags: list[str]
    folder: Path
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "waiting"
    lines: list[str] = field(default_factory=list)


@dataclass
class Yard:
    """What the account has built, and is building."""

    builds: dict[str, Build] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    background: Background = field(default_factory=Background)


YARD: web.AppKey[Yard] = web.AppKey("yard", Yard)


def routes() -> list[web.RouteDef]:
    return [
        web.post("/v3/templates", request_build),
        web.get("/templates/{id}/tags", list_tags),
        web.get("/templates/{id}/files/{hash}", ask_upload),
        web.put("/uploads/{hash}", upload),
        web.post("/v2/templates/{id}/builds/{build}", start_build),
        web.get("/templates/{id}/builds/{build}/status", show_status),
    ]


async def request_build(request: web.Request) -> web.StreamResponse:
    cloud, answer, _ = await begin(request, "template")
    if answer is not None:
        return answer
    yard, body = request.app[YARD], await request.json()
    template_id = yard.names.setdefault(body["name"], secrets.token_hex(10))
    tags = ["default", *body.get("tags", [])]
    folder = cloud.root / "builds" / secrets.token_hex(4)
    build = Build(body["name"], tags, folder)
    yard.builds[build.id] = build
    shown: dict[str, Any] = {"templateID": template_id, "buildID": build.id, "tags": tags}
    shown |= {"public": False, "names": [body["name"]], "aliases": [body["name"]]}
    return web.json_response(shown, status=202)


async def list_tags(request: web.Request) -> web.StreamResponse:
    _, answer, _ = await begin(request, "tags")
    tags = request.app[YARD].tags.get(request.match_info["id"])
    if answer is None and tags is None:
        return refusal(404, "template not found")
    now = SystemClock().now().isoformat()
    found = [{"tag": t, "buildID": b, "createdAt": now} for t, b in (tags or {}).items()]
    return answer or web.json_response(found)


async def ask_upload(request: web.Request) -> web.StreamResponse:
    digest = request.match_info["hash"]
    present = digest in request.app[YARD].uploads
    url = f"{request.app[CLOUD].url}/uploads/{digest}"
    return web.json_response({"present": present, "url": url}, status=201)


async def upload(request: web.Request) -> web.StreamResponse:
    request.app[YARD].uploads[request.match_info["hash"]] = await request.read()
    return web.Response()


async def start_build(request: web.Request) -> web.StreamResponse:
    yard = request.app[YARD]
    build = yard.builds[request.match_info["build"]]
    steps = (await request.json())["steps"]
    build.status = "building"
    yard.background.spawn(_run(request, build, steps), name="template build")
    return web.Response(status=202)


async def show_status(request: web.Request) -> web.StreamResponse:
    build = request.app[YARD].builds[request.match_info["build"]]
    skipped = int(request.query.get("logsOffset", 0))
    now = SystemClock().now().isoformat()
    lines = build.lines[skipped : skipped + 100]
    shown: dict[str, Any] = {
        "logs": lines,
        "logEntries": [{"timestamp": now, "message": m, "level": "info"} for m in lines],
        "templateID": request.match_info["id"],
        "buildID": build.id,
        "status": build.status,
    }
    if build.status == "error":
        shown["reason"] = {"message": build.lines[-1]}
    return web.json_response(shown)


async def _run(request: web.Request, build: Build, steps: list[dict[str, Any]]) -> None:
    yard, cloud = request.app[YARD], request.app[CLOUD]
    home = build.folder / "home"
    for folder in (home, build.folder / "tmp"):
        folder.mkdir(parents=True)
    await plain_image(home)
    for step in steps:
        if not await _step(yard, build, step):
            build.status = "error"
            return
    cloud.images[build.name] = _image_of(home)
    yard.tags.setdefault(build.name, {}).update(dict.fromkeys(build.tags, build.id))
    build.status = "ready"


async def _step(yard: Yard, build: Build, step: dict[str, Any]) -> bool:
    words = [_localize(build, word) for word in step["args"]]
    build.lines.append(f"{step['type']} {' '.join(step['args'])}")
    if step["type"] == "COPY":
        packed = build.folder / "upload.tar"
        packed.write_bytes(yard.uploads[step["filesHash"]])
        with tarfile.open(packed) as archive:
            [member] = archive.getmembers()
            content = archive.extractfile(member)
            assert content is not None
            Path(words[1]).write_bytes(content.read())
        return True
    process = await asyncio.create_subprocess_exec(
        *("/bin/bash", "-l", "-c", words[0]),
        env={"HOME": str(build.folder / "home"), "PATH": "/usr/bin:/bin"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    build.lines += said.decode().splitlines()
    return process.returncode == 0


def _localize(build: Build, text: str) -> str:
    places = {"/home/user": build.folder / "home", "/tmp/": f"{build.folder / 'tmp'}/"}  # noqa: S108
    return re.sub(r"(?<!\w)(/home/user|/tmp/)", lambda found: str(places[found[1]]), text)


def _image_of(built: Path) -> Image:
    async def fill(home: Path) -> None:
        for folder in [entry for entry in built.iterdir() if entry.is_dir()]:
            await copy_folder(folder, home / folder.name)
        await plain_image(home)

    return fill
