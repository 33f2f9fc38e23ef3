"""Old versions of an app, and what is different between two."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.fakes.sidecar import RunningSidecar

FIRST = {"a.txt": b"one\ntwo\n", "gone.txt": b"bye\n", "icon.png": b"\x89PNG\x00"}
SECOND = {"a.txt": b"one\n2\n", "icon.png": b"\x89PNG\x00\x01", "new.txt": b"hi\n"}


async def two_versions(sidecar: RunningSidecar) -> tuple[str, list[str]]:
    """A project and the ids of its versions, oldest first."""
    project_id, made = "", []
    for files in (FIRST, SECOND):
        body = {"projectId": project_id} if project_id else {}
        project_id = (await sidecar.start_task("Build it", **body))["projectId"]
        await sidecar.worker.take()
        made.append(await sidecar.worker.build(files))
    return f"/api/projects/{project_id}", [str(fragment_id) for fragment_id in made]


def shown(diff: Mapping[str, Any]) -> dict[str, tuple[str, str | None]]:
    return {f["path"]: (f["action"], f["diff"] or f["omitted"]) for f in diff["files"]}


CHANGED = {
    "a.txt": ("updated", "@@ -1,2 +1,2 @@\n one\n-two\n+2"),
    "gone.txt": ("deleted", "@@ -1 +0,0 @@\n-bye"),
    "icon.png": ("updated", "binary"),
    "new.txt": ("created", "@@ -0,0 +1 @@\n+hi"),
}


async def test_without_a_query_the_newest_version_is_compared_with_the_one_before(
    sidecar: RunningSidecar,
) -> None:
    project, (first, second) = await two_versions(sidecar)
    diff = await sidecar.get(f"{project}/diff")
    assert (diff["from"], diff["to"]) == (first, second)
    assert shown(diff) == CHANGED
    assert diff == await sidecar.get(f"{project}/diff?from={first}&to={second}")


async def test_any_two_versions_are_compared_in_either_direction(sidecar: RunningSidecar) -> None:
    project, (first, second) = await two_versions(sidecar)
    back = await sidecar.get(f"{project}/diff?from={second}&to={first}")
    assert shown(back)["new.txt"] == ("deleted", "@@ -1 +0,0 @@\n-hi")
    assert (await sidecar.get(f"{project}/diff?from={first}&to={first}"))["files"] == []


async def test_a_first_version_is_compared_with_nothing(sidecar: RunningSidecar) -> None:
    project, (first, _) = await two_versions(sidecar)
    diff = await sidecar.get(f"{project}/diff?to={first}")
    assert diff["from"] is None
    assert {action for action, _ in shown(diff).values()} == {"created"}
    assert set(shown(diff)) == set(FIRST)


async def test_a_restored_version_is_compared_with_the_one_it_replaced(
    sidecar: RunningSidecar,
) -> None:
    project, (first, second) = await two_versions(sidecar)
    async with sidecar.http.post(f"{project}/restore", json={"fragmentId": first}) as answer:
        restored = (await answer.json())["fragment"]["fragmentId"]
    diff = await sidecar.get(f"{project}/diff")
    assert (diff["from"], diff["to"]) == (second, restored)
    assert shown(diff)["new.txt"][0] == "deleted"


@pytest.mark.parametrize("query", ["", "?to=frag_nobody", "?from=frag_nobody"])
async def test_a_version_that_is_not_there_is_404(sidecar: RunningSidecar, query: str) -> None:
    project_id = (await sidecar.start_task())["projectId"]
    async with sidecar.http.get(f"/api/projects/{project_id}/diff{query}") as answer:
        assert answer.status == 404
        assert (await answer.json())["error"]["message"] == "There is no such project or version."


async def test_an_old_versions_files_can_be_listed_read_and_downloaded(
    sidecar: RunningSidecar,
) -> None:
    project, (first, second) = await two_versions(sidecar)
    for version, files in ((first, FIRST), (second, SECOND)):
        listed = (await sidecar.get(f"{project}/files?fragment={version}"))["files"]
        assert {f["path"]: f["bytes"] for f in listed} == {p: len(c) for p, c in files.items()}
        async with sidecar.http.get(f"{project}/files/a.txt?fragment={version}") as answer:
            assert await answer.read() == files["a.txt"]
    old = sidecar.http.get(f"{project}/archive.zip?fragment={first}")
    async with old as was, sidecar.http.get(f"{project}/archive.zip") as now:
        assert await was.read() != await now.read()
    for tail in ("files", "files/a.txt", "archive.zip"):
        async with sidecar.http.get(f"{project}/{tail}?fragment=frag_nobody") as answer:
            assert answer.status == 404
