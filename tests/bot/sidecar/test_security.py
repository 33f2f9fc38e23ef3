import json
from pathlib import Path

import aiohttp
import pytest

from bot.bootstrap import running
from bot.config import Settings
from bot.sidecar.deps import DEPS
from bot.sidecar.security import page_policy, preview_sources
from tests.fakes.sidecar import RunningSidecar, running_sidecar

BODY = json.dumps({"prompt": "A kanban board"})
JSON = {"Content-Type": "application/json", "Accept": "application/json"}


async def post(sidecar: RunningSidecar, headers: dict[str, str], body: str = BODY) -> int:
    async with sidecar.http.post("/api/generate", data=body, headers=headers) as answer:
        if answer.status >= 400:
            error = (await answer.json())["error"]
            assert set(error) <= {"code", "message", "hint", "field"}
        return answer.status


async def no_task_was_made(sidecar: RunningSidecar) -> bool:
    projects: list[object] = (await sidecar.get("/api/projects"))["projects"]
    return not projects


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"],
)
@pytest.mark.parametrize("mark", ["Origin", "Sec-Fetch-Site", "Referer", "Cookie"])
async def test_a_body_that_a_form_could_send_is_refused_from_a_browser(
    sidecar: RunningSidecar, content_type: str, mark: str
) -> None:
    host = f"http://{sidecar.url.partition('//')[2].rstrip('/')}"
    said = {"Origin": host, "Sec-Fetch-Site": "same-origin", "Referer": host, "Cookie": "a=b"}
    headers = {**JSON, "Content-Type": content_type, mark: said[mark]}
    assert await post(sidecar, headers) == 415
    assert await no_task_was_made(sidecar)


async def test_a_plain_curl_may_leave_the_content_type_out(sidecar: RunningSidecar) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    assert await post(sidecar, form) == 202


@pytest.mark.parametrize("encoding", ["gzip", "br", "x-unknown"])
async def test_a_packed_body_is_refused(sidecar: RunningSidecar, encoding: str) -> None:
    assert await post(sidecar, {**JSON, "Content-Encoding": encoding}) == 415
    assert await no_task_was_made(sidecar)


async def test_a_post_without_any_content_type_is_refused(sidecar: RunningSidecar) -> None:
    headers = {"Sec-Fetch-Site": "same-origin"}
    async with sidecar.http.post("/api/tasks/task_1/cancel", headers=headers) as answer:
        assert answer.status == 415
        assert "application/json" in (await answer.json())["error"]["hint"]


@pytest.mark.parametrize(
    "mark",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_another_page_cannot_change_anything(
    sidecar: RunningSidecar, mark: dict[str, str]
) -> None:
    assert await post(sidecar, {**JSON, **mark}) == 403
    assert await no_task_was_made(sidecar)


async def test_our_own_page_may(sidecar: RunningSidecar) -> None:
    own = {"Origin": sidecar.url, "Sec-Fetch-Site": "same-origin"}
    assert await post(sidecar, {**JSON, **own}) == 202


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example"]
)
@pytest.mark.parametrize("path", ["/", "/api/projects", "/healthz"])
async def test_a_foreign_host_name_is_refused_everywhere(
    sidecar: RunningSidecar, host: str, path: str
) -> None:
    async with sidecar.http.get(path, headers={"Host": host}) as answer:
        assert answer.status == 403
        assert (await answer.json())["error"]["code"] == "forbidden"


@pytest.mark.parametrize("host", ["localhost", "localhost:99", "127.0.0.1", "[::1]:8787"])
async def test_loopback_names_are_answered(sidecar: RunningSidecar, host: str) -> None:
    async with sidecar.http.get("/healthz", headers={"Host": host}) as answer:
        assert answer.status == 200


async def test_the_public_url_is_answered_and_is_an_origin(tmp_path: Path) -> None:
    async with running_sidecar(
        tmp_path / "zapdev.db", public_url="https://apps.example.org"
    ) as sidecar:
        own = {"Host": "apps.example.org", "Origin": "https://apps.example.org"}
        assert await post(sidecar, {**JSON, **own}) == 202
        foreign = {**own, "Origin": "https://example.org"}
        assert await post(sidecar, {**JSON, **foreign}) == 403


async def test_no_answer_lets_another_origin_read_it(sidecar: RunningSidecar) -> None:
    async with sidecar.http.get(
        "/api/projects", headers={"Origin": "https://evil.example"}
    ) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    async with sidecar.http.options("/api/generate") as answer:
        assert answer.status == 405


def check_headers(answer: aiohttp.ClientResponse) -> str:
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    return policy


@pytest.mark.parametrize("path", ["/api/projects", "/nothing", "/page/style.css", "/healthz"])
async def test_every_answer_carries_the_strict_headers(sidecar: RunningSidecar, path: str) -> None:
    async with sidecar.http.get(path) as answer:
        check_headers(answer)


async def test_the_page_may_load_its_own_files_and_frame_previews_only(
    sidecar: RunningSidecar,
) -> None:
    async with sidecar.http.get("/") as answer:
        rules = dict(rule.strip().split(" ", 1) for rule in check_headers(answer).split(";"))
    assert rules["script-src"] == "'self'"
    assert rules["style-src"] == "'self'"
    assert rules["connect-src"] == "'self'"
    assert rules["frame-src"].split() == [
        "'self'",
        "http://127.0.0.1:*",
        "http://localhost:*",
        "https://*.e2b.app",
    ]
    assert rules["require-trusted-types-for"] == "'script'"


SOURCES = [
    ("https://{host}", "https://*.e2b.corp"),
    ("https://{host}:8443/", "https://*.e2b.corp:8443"),
    ("http://127.0.0.1:{sandbox_id}", "http://127.0.0.1:*"),
    ("https://{port}-{sandbox_id}.apps.corp/x", "https://*.apps.corp"),
    ("https://a.{port:d}.{sandbox_id}x.apps.corp", "https://*.apps.corp"),
    ("https://previews.corp/{sandbox_id}/{port}", "https://previews.corp"),
    ("https://{sandbox_id}", None),
    ("https://corp; script-src *", None),
]


@pytest.mark.parametrize(("template", "source"), SOURCES)
def test_previews_may_be_framed_from_where_the_operator_says_they_are(
    template: str, source: str | None
) -> None:
    assert preview_sources(template, "e2b.corp") == ((source,) if source else ())


async def test_the_page_frames_what_the_settings_call_a_preview(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, e2b_preview_url="https://{sandbox_id}.apps.corp")
    async with running(settings, roles=frozenset()) as services:
        policy = page_policy(services.sidecar()[DEPS])
    assert policy.partition("frame-src")[2].partition(";")[0].split()[-1] == "https://*.apps.corp"
