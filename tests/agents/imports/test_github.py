"""Our client against a GitHub on loopback: what it fetches, and how it says what it cannot."""

import asyncio
from collections.abc import Mapping

import pytest

from agents.errors import BadRequest, ImportDenied, SourceUnavailable
from agents.imports import github as ours
from agents.imports.archive import Caps
from agents.imports.github import GITHUB_API, PUBLIC, web_host
from agents.sources import Source
from tests.fakes.github import FakeGitHub
from tests.fakes.instant_clock import InstantClock

APP = {"package.json": '{"name": "shop"}', "src/App.tsx": "export {}\n"}


async def fetch(github: FakeGitHub, reference: str, **options: object) -> Source:
    client = github.client(clock=InstantClock(), **options)  # type: ignore[arg-type]
    async with client:
        return await client.fetch(reference)


def text(files: Mapping[str, bytes]) -> dict[str, str]:
    return {path: content.decode() for path, content in files.items()}


async def test_a_public_repository_comes_without_any_credentials() -> None:
    async with FakeGitHub() as github:
        repository = github.add("acme/shop", APP)
        source = await fetch(github, "acme/shop")

    assert text(source.files) == APP
    assert (source.origin, source.ref, source.path) == ("localhost/acme/shop", "main", "")
    assert source.commit == repository.commit("main")
    assert [asked.host for asked in github.seen] == ["localhost"] * 3 + ["codeload.localhost"]
    assert {asked.authorization for asked in github.seen} == {None}


async def test_a_private_one_comes_with_the_token_which_goes_to_the_api_only() -> None:
    async with FakeGitHub() as github:
        github.add("acme/shop", APP, private=True)
        source = await fetch(github, "acme/shop", token=github.token)

    assert text(source.files) == APP
    sent = {(asked.host, asked.authorization) for asked in github.seen}
    assert sent == {("localhost", f"Bearer {github.token}"), ("codeload.localhost", None)}


async def test_archives_of_a_companys_own_server_come_from_the_same_host() -> None:
    async with FakeGitHub(apart=False) as github:
        github.add("acme/shop", APP)
        assert text((await fetch(github, "acme/shop")).files) == APP


@pytest.mark.parametrize(
    ("reference", "ref", "path"),
    [
        ("acme/shop@next", "next", ""),
        ("acme/shop@feature/cart", "feature/cart", ""),
        ("acme/shop@feature/cart/apps/web", "feature/cart", "apps/web"),
        ("https://github.com/acme/shop/tree/feature/cart/apps/web", "feature/cart", "apps/web"),
        ("acme/shop/apps/web", "main", "apps/web"),
        ("acme/shop@main/apps/web", "main", "apps/web"),
    ],
)
async def test_the_ref_ends_where_github_knows_a_branch(
    reference: str, ref: str, path: str
) -> None:
    async with FakeGitHub() as github:
        tree = {"package.json": "root", "apps/web/package.json": "web"}
        repository = github.add("acme/shop", tree, others={"feature/cart": tree, "next": tree})
        source = await fetch(github, reference.replace("github.com", "localhost"))

    assert (source.ref, source.path, source.commit) == (ref, path, repository.commit(ref))
    assert text(source.files)["package.json"] == ("web" if path else "root")


async def test_a_commit_is_named_by_the_beginning_of_its_id() -> None:
    async with FakeGitHub() as github:
        repository = github.add("acme/shop", APP, others={"old": {"package.json": "old"}})
        commit = repository.commit("old") or ""
        source = await fetch(github, f"acme/shop@{commit[:8]}")

    assert text(source.files) == {"package.json": "old"}
    assert source.commit == commit


async def test_a_renamed_repository_is_found_under_its_new_name() -> None:
    async with FakeGitHub() as github:
        github.add("acme/shop", APP).moved_from = "acme/store"
        source = await fetch(github, "acme/store")

    assert (source.origin, text(source.files)) == ("localhost/acme/shop", APP)


@pytest.mark.parametrize(
    ("reference", "said", "hint"),
    [
        ("acme/none", "shows no acme/none", "GITHUB_TOKEN"),
        ("acme/secret", "shows no acme/secret", "GITHUB_TOKEN"),
        ("acme/empty", "is empty", "Push"),
        ("acme/shop@gone", "called gone", "default branch"),
        ("acme/shop@gone/apps/web", "called gone", "default branch"),
        ("acme/shop/apps/none", "no folder apps/none", "capitals"),
    ],
)
async def test_what_is_not_there_is_said_with_what_to_do(
    reference: str, said: str, hint: str
) -> None:
    async with FakeGitHub() as github:
        github.add("acme/shop", APP)
        github.add("acme/secret", APP, private=True)
        github.add("acme/empty")
        with pytest.raises(ImportDenied, match=said) as refused:
            await fetch(github, reference)

    assert hint in (refused.value.hint or "")


async def test_a_reference_that_is_none_is_refused_before_anything_is_asked() -> None:
    async with FakeGitHub() as github:
        with pytest.raises(BadRequest):
            await fetch(github, "https://gitlab.com/acme/shop")
    assert github.seen == []


async def test_a_token_that_is_not_accepted_is_said_and_not_shown() -> None:
    async with FakeGitHub() as github:
        github.add("acme/shop", APP)
        with pytest.raises(ImportDenied, match="does not accept the token") as refused:
            await fetch(github, "acme/shop", token="ghp_wrong")
    assert "ghp_wrong" not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize(("token", "hint"), [(False, "GITHUB_TOKEN"), (True, "Try again then.")])
async def test_the_limit_of_requests_is_told_with_the_time_it_ends(
    *, token: bool, hint: str
) -> None:
    async with FakeGitHub(limit=2) as github:
        github.add("acme/shop", APP)
        with pytest.raises(ImportDenied, match=r"until 01:00 UTC\.") as refused:
            await fetch(github, "acme/shop", token=github.token if token else None)
    assert hint in (refused.value.hint or "")


async def test_a_server_that_stumbles_is_asked_again() -> None:
    async with FakeGitHub(failures=2) as github:
        github.add("acme/shop", APP)
        assert text((await fetch(github, "acme/shop")).files) == APP


async def test_a_server_that_does_not_get_up_is_unavailable() -> None:
    async with FakeGitHub(failures=3) as github:
        github.add("acme/shop", APP)
        with pytest.raises(SourceUnavailable):
            await fetch(github, "acme/shop")


async def test_an_archive_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "DOWNLOAD_S", 0.1)
    async with FakeGitHub(hang_s=5.0) as github:
        github.add("acme/shop", APP)
        with pytest.raises(SourceUnavailable, match="no whole answer"):
            await fetch(github, "acme/shop")


async def test_an_archive_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "MAX_PACKED", 1024**2)
    async with FakeGitHub() as github:
        github.add("acme/shop", APP).archive = b"x" * (1024**2 + 1)
        with pytest.raises(ImportDenied, match="larger than 1 MiB"):
            await fetch(github, "acme/shop")


async def test_a_damaged_archive_is_refused() -> None:
    async with FakeGitHub() as github:
        github.add("acme/shop", APP).archive = b"not an archive"
        with pytest.raises(ImportDenied, match="damaged"):
            await fetch(github, "acme/shop")


async def test_more_files_than_an_app_may_have_are_told_not_dropped() -> None:
    async with FakeGitHub() as github:
        github.add("acme/shop", {**APP, **{f"docs/{n}.md": "x" for n in range(5)}})
        source = await fetch(github, "acme/shop", caps=Caps(files=4))
    assert source.overflow == "more than 4 files"
    assert set(source.manifests) == {"package.json"}


async def test_many_imports_at_once_share_a_client() -> None:
    async with FakeGitHub() as github:
        for number in range(6):
            github.add(f"acme/shop{number}", {"package.json": str(number)})
        async with github.client() as client:
            found = await asyncio.gather(*(client.fetch(f"acme/shop{n}") for n in range(6)))
    assert [text(source.files)["package.json"] for source in found] == list("012345")


def test_githubs_own_addresses_are_two_hosts_over_https() -> None:
    assert PUBLIC.hosts == {"api.github.com", "codeload.github.com"}
    assert PUBLIC.trusted == frozenset()
    assert web_host(GITHUB_API) == "github.com"
    assert web_host("https://git.acme.example/api/v3") == "git.acme.example"
