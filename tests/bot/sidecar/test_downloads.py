"""Signed links: whoever has one gets that version, for a while; nobody else gets anything."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agents.testing import FakeClock
from agents.types import FragmentId, OwnerId, ProjectId
from bot.services.downloads import (
    DOWNLOAD_S,
    KEY_FILE,
    Download,
    DownloadLinks,
    derived_secret,
    kept_secret,
)
from bot.services.tasks import LOCAL_OWNER
from tests.fakes.sidecar import RunningSidecar, running_sidecar

SECRET = bytes(range(32))


@dataclass(frozen=True)
class Place:
    sidecar: RunningSidecar
    links: DownloadLinks
    clock: FakeClock
    download: Download


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    clock = FakeClock()
    links = DownloadLinks(SECRET, clock)
    async with running_sidecar(tmp_path / "zapdev.db", downloads=links) as sidecar:
        links.address = sidecar.url
        project_id = ProjectId((await sidecar.built_project())["projectId"])
        [version] = await sidecar.store.fragments(LOCAL_OWNER, project_id)
        yield Place(sidecar, links, clock, Download(LOCAL_OWNER, project_id, version.id))


async def opened(place: Place, signed: str) -> tuple[int, str]:
    """Status, and the error's code if it is one."""
    async with place.sidecar.http.get(f"/d/{signed}") as answer:
        error = (await answer.json())["error"]["code"] if answer.status != 200 else ""
        return answer.status, error


async def test_a_link_serves_the_same_archive_as_the_project(place: Place) -> None:
    url = place.links.link(place.download)
    assert url is not None
    async with place.sidecar.http.get(url) as answer:
        assert (answer.status, answer.content_type) == (200, "application/zip")
        assert answer.headers["Content-Disposition"] == 'attachment; filename="bike-shop-board.zip"'
        assert answer.headers["Cache-Control"] == "no-store"
        linked = await answer.read()
    path = f"/api/projects/{place.download.project_id}/archive.zip"
    async with place.sidecar.http.get(path) as answer:
        assert await answer.read() == linked


async def test_a_link_stays_with_its_version(place: Place) -> None:
    signed = place.links.sign(place.download)
    async with place.sidecar.http.get(f"/d/{signed}") as answer:
        before = await answer.read()
    await place.sidecar.start_task(projectId=place.download.project_id)
    await place.sidecar.worker.take()
    await place.sidecar.worker.build({"src/App.tsx": b"green"})
    async with place.sidecar.http.get(f"/d/{signed}") as answer:
        assert await answer.read() == before


async def test_a_link_ends_with_its_time(place: Place) -> None:
    signed = place.links.sign(place.download)
    await place.clock.advance(DOWNLOAD_S - 1)
    assert await opened(place, signed) == (200, "")
    await place.clock.advance(2)
    assert await opened(place, signed) == (410, "link_expired")


async def test_every_changed_character_makes_it_another_link(place: Place) -> None:
    signed = place.links.sign(place.download)
    for at, sign in enumerate(signed):
        other = "A" if sign != "A" else "B"
        assert await opened(place, signed[:at] + other + signed[at + 1 :]) == (404, "not_found")


@pytest.mark.parametrize("signed", ["x", ".", "a.b", "%ff.%ff", "%E2%82%AC.x", "x" * 5_000])
async def test_what_is_no_link_is_not_found(place: Place, signed: str) -> None:
    assert await opened(place, signed) == (404, "not_found")


async def test_cut_and_lengthened_links_are_not_found(place: Place) -> None:
    signed = place.links.sign(place.download)
    for other in (signed[:-1], signed + "A", signed + "=", signed.partition(".")[0], signed + ".x"):
        assert await opened(place, other) == (404, "not_found")


async def test_a_link_that_another_secret_signed_is_not_found(place: Place) -> None:
    foreign = DownloadLinks(bytes(32), place.clock).sign(place.download)
    assert await opened(place, foreign) == (404, "not_found")


async def test_a_good_link_to_what_is_not_there_is_not_found(place: Place) -> None:
    owner, project, fragment = LOCAL_OWNER, place.download.project_id, place.download.fragment_id
    for other in (
        Download(OwnerId("slack:T1:U1"), project, fragment),
        Download(owner, ProjectId("proj_none"), fragment),
        Download(owner, project, FragmentId("frag_none")),
    ):
        assert await opened(place, place.links.sign(other)) == (404, "not_found")


async def test_a_server_without_links_has_none(tmp_path: Path) -> None:
    links = DownloadLinks(SECRET, FakeClock())
    signed = links.sign(Download(LOCAL_OWNER, ProjectId("p"), FragmentId("f")))
    async with (
        running_sidecar(tmp_path / "zapdev.db") as sidecar,
        sidecar.http.get(f"/d/{signed}") as answer,
    ):
        assert answer.status == 404
    assert links.link(Download(LOCAL_OWNER, ProjectId("p"), FragmentId("f"))) is None


@pytest.mark.parametrize(
    ("address", "is_local"),
    [
        ("http://127.0.0.1:8787", True),
        ("http://[::1]:8787", True),
        ("http://localhost:8787", True),
        ("https://zapdev.example.com", False),
        ("http://10.0.0.7:8787/", False),
    ],
)
def test_a_link_says_whether_it_opens_elsewhere(address: str, *, is_local: bool) -> None:
    links = DownloadLinks(SECRET, FakeClock(), address)
    assert links.is_local is is_local
    url = links.link(Download(LOCAL_OWNER, ProjectId("p"), FragmentId("f")))
    assert url is not None
    assert url.startswith(f"{address.rstrip('/')}/d/")


@pytest.mark.parametrize("address", [None, "http://0.0.0.0:8787", "http://[::]:8787"])
def test_where_nobody_can_open_it_there_is_no_link(address: str | None) -> None:
    links = DownloadLinks(SECRET, FakeClock(), address)
    assert links.link(Download(LOCAL_OWNER, ProjectId("p"), FragmentId("f"))) is None


def test_the_secret_of_a_folder_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    secret = kept_secret(tmp_path)
    assert len(secret) == 32
    assert kept_secret(tmp_path) == secret
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


def test_who_has_the_same_key_derives_the_same_secret() -> None:
    assert derived_secret("a") == derived_secret("a") != derived_secret("b")
