"""Files: every adapter keeps them byte for byte."""

import asyncio

import pytest

from agents.errors import SandboxFull, SandboxLost
from agents.ports import Sandbox
from tests.agents.sandbox.tiny import tiny_template

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_new_sandbox_holds_exactly_the_templates_files(sandbox: Sandbox) -> None:
    assert await sandbox.tree() == dict(tiny_template().files)


async def test_what_was_written_is_read_back(sandbox: Sandbox) -> None:
    await sandbox.write({"src/App.tsx": b"export {}"})
    assert await sandbox.read("src/App.tsx") == b"export {}"


async def test_a_unicode_name_and_text_survive(sandbox: Sandbox) -> None:
    name, text = "src/Größe 日本語 👩‍🚲.txt", "naïve – 漢字 – \N{BICYCLE}\r\n".encode()
    await sandbox.write({name: text})
    assert await sandbox.read(name) == text
    assert (await sandbox.tree())[name] == text


async def test_binary_content_survives(sandbox: Sandbox) -> None:
    content = bytes(range(256)) * 3
    await sandbox.write({"public/logo.png": content})
    assert (await sandbox.tree())["public/logo.png"] == content


async def test_an_empty_file_is_a_file(sandbox: Sandbox) -> None:
    await sandbox.write({"empty.txt": b""})
    assert await sandbox.read("empty.txt") == b""


async def test_five_megabytes_survive(sandbox: Sandbox) -> None:
    content = b"0123456789abcdef" * (5 * 1024 * 64)
    await sandbox.write({"big.bin": content})
    assert await sandbox.read("big.bin") == content


async def test_a_missing_file_reads_as_none(sandbox: Sandbox) -> None:
    assert await sandbox.read("no/such/file.txt") is None


async def test_a_folder_reads_as_none(sandbox: Sandbox) -> None:
    await sandbox.write({"src/a.ts": b"a"})
    assert await sandbox.read("src") is None


async def test_a_path_below_a_file_reads_as_none(sandbox: Sandbox) -> None:
    await sandbox.write({"src/a.ts": b"a"})
    assert await sandbox.read("src/a.ts/b.ts") is None


async def test_odd_names_survive(sandbox: Sandbox) -> None:
    names = ["a b.txt", "it's.txt", 'say "hi".txt', "$HOME.txt", "-rf", "a\\b", "[id].tsx", "*.ts"]
    await sandbox.write({f"odd/{name}": name.encode() for name in names})
    tree = await sandbox.tree()
    assert {n: tree.get(f"odd/{n}") for n in names} == {n: n.encode() for n in names}
    await sandbox.remove([f"odd/{name}" for name in names])
    assert not [path for path in await sandbox.tree() if path.startswith("odd/")]


async def test_writing_nothing_changes_nothing(sandbox: Sandbox) -> None:
    before = await sandbox.tree()
    await sandbox.write({})
    await sandbox.remove([])
    assert await sandbox.tree() == before


async def test_writes_at_once_all_arrive(sandbox: Sandbox) -> None:
    files = {f"src/at-once/{n}.ts": f"{n}".encode() for n in range(12)}
    await asyncio.gather(*(sandbox.write({path: text}) for path, text in files.items()))
    found = await asyncio.gather(*(sandbox.read(path) for path in files))
    assert found == list(files.values())


async def test_deep_folders_are_made_on_the_way(sandbox: Sandbox) -> None:
    path = "/".join(["deep"] * 30) + "/leaf.txt"
    await sandbox.write({path: b"leaf"})
    assert (await sandbox.tree())[path] == b"leaf"


async def test_a_shorter_text_replaces_a_longer_one_whole(sandbox: Sandbox) -> None:
    await sandbox.write({"a.txt": b"long " * 1000})
    await sandbox.write({"a.txt": b"short"})
    assert await sandbox.read("a.txt") == b"short"


async def test_many_files_are_written_in_one_call(sandbox: Sandbox) -> None:
    files = {f"src/part{n}/file{n}.ts": f"export const n = {n}".encode() for n in range(200)}
    await sandbox.write(files)
    tree = await sandbox.tree()
    assert {path: tree.get(path) for path in files} == files


async def test_a_file_gives_way_where_a_folder_must_be(sandbox: Sandbox) -> None:
    await sandbox.write({"thing": b"file"})
    await sandbox.write({"thing/inside.txt": b"inside"})
    assert await sandbox.read("thing/inside.txt") == b"inside"


async def test_a_folder_gives_way_where_a_file_must_be(sandbox: Sandbox) -> None:
    await sandbox.write({"thing/inside.txt": b"inside"})
    await sandbox.write({"thing": b"file"})
    assert await sandbox.read("thing") == b"file"


async def test_a_deleted_file_is_gone_from_the_tree(sandbox: Sandbox) -> None:
    await sandbox.write({"src/a.ts": b"a", "src/b.ts": b"b"})
    await sandbox.remove(["src/a.ts"])
    assert await sandbox.read("src/a.ts") is None
    assert await sandbox.read("src/b.ts") == b"b"


async def test_deleting_what_is_missing_is_no_error(sandbox: Sandbox) -> None:
    before = await sandbox.tree()
    await sandbox.remove(["never/was.txt", "app.txt/below"])
    assert await sandbox.tree() == before


async def test_ignored_folders_are_left_out_of_the_tree(sandbox: Sandbox) -> None:
    await sandbox.write({"node_modules/x/y.js": b"", "dist/app.js": b"", ".git/HEAD": b""})
    assert set(await sandbox.tree()) == set(tiny_template().files)


async def test_an_ignored_name_deeper_down_is_an_app_file(sandbox: Sandbox) -> None:
    await sandbox.write({"src/dist/map.ts": b"mine"})
    assert (await sandbox.tree())["src/dist/map.ts"] == b"mine"


async def test_too_many_files_are_refused_as_full(sandbox: Sandbox) -> None:
    await sandbox.write({f"many/{n}.txt": b"" for n in range(2_001)})
    with pytest.raises(SandboxFull):
        await sandbox.tree()


async def test_files_of_a_closed_sandbox_are_lost(sandbox: Sandbox) -> None:
    await sandbox.close()
    with pytest.raises(SandboxLost):
        await sandbox.write({"a.txt": b"a"})
    with pytest.raises(SandboxLost):
        await sandbox.read("app.txt")
    with pytest.raises(SandboxLost):
        await sandbox.tree()
    with pytest.raises(SandboxLost):
        await sandbox.remove(["app.txt"])
