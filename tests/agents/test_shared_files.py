"""What somebody else does to the files meanwhile is kept."""

from typing_extensions import override

from agents.testing import (
    InMemorySandbox,
)
from agents.workspace import blob_hash
from tests.agents.desk import Desk, ask


async def test_what_somebody_else_did_to_a_file_is_not_overwritten(desk: Desk) -> None:
    desk.sandbox.files["index.html"] = b"theirs"
    files = [{"path": "index.html", "content": "ours"}, {"path": "new.ts", "content": "1"}]
    result = await ask(desk, "createOrUpdateFiles", files=files)
    assert not result.ok
    assert "index.html: somebody else has changed this file" in result.text
    assert desk.sandbox.files["index.html"] == b"theirs"
    assert desk.sandbox.files["new.ts"] == b"1"


async def test_a_file_may_be_written_once_the_change_of_somebody_else_was_read(desk: Desk) -> None:
    desk.sandbox.files["index.html"] = b"theirs"
    assert "theirs" in (await ask(desk, "readFiles", paths=["index.html"])).text
    assert desk.workspace.known["index.html"] == blob_hash(b"theirs")
    await ask(desk, "createOrUpdateFiles", files=[{"path": "index.html", "content": "ours"}])
    assert desk.sandbox.files["index.html"] == b"ours"


async def test_a_file_that_somebody_else_has_put_there_is_not_overwritten_unseen(
    desk: Desk,
) -> None:
    await desk.sandbox.write({"src/notes.md": b"theirs"})
    refused = await desk.workspace.write({"src/notes.md": b"ours", "src/other.ts": b"ours"})
    assert list(refused) == ["src/notes.md"]
    assert desk.sandbox.files["src/notes.md"] == b"theirs"
    assert desk.changes() == [("src/other.ts", "created")]
    await desk.workspace.read("src/notes.md")
    assert await desk.workspace.write({"src/notes.md": b"theirs and ours"}) == {}
    assert desk.sandbox.files["src/notes.md"] == b"theirs and ours"


async def test_the_bytes_that_are_there_already_are_taken_into_the_app(desk: Desk) -> None:
    await desk.sandbox.write({"src/notes.md": b"the same"})
    assert await desk.workspace.write({"src/notes.md": b"the same"}) == {}
    assert desk.changes() == [("src/notes.md", "created")]


async def test_a_void_leaves_what_somebody_else_has_changed_meanwhile(desk: Desk) -> None:
    desk.workspace.begin_turn()
    await desk.workspace.write({"src/new.ts": b"ours", "index.html": b"ours", "src/b.ts": b"ours"})
    await desk.sandbox.write({"src/new.ts": b"theirs", "index.html": b"theirs"})
    await desk.workspace.void()
    assert desk.sandbox.files["src/new.ts"] == b"theirs"
    assert desk.sandbox.files["index.html"] == b"theirs"
    assert "src/b.ts" not in desk.sandbox.files


async def test_an_edit_keeps_what_somebody_else_wrote_beside_it(desk: Desk) -> None:
    await desk.workspace.write({"index.html": b"one\ntwo\n"})
    desk.sandbox.files["index.html"] = b"theirs\none\ntwo\n"
    edits = [{"search": "two", "replace": "2"}]
    assert (await ask(desk, "editFile", path="index.html", edits=edits)).ok
    assert desk.sandbox.files["index.html"] == b"theirs\none\n2\n"


async def test_an_edit_of_what_somebody_changes_meanwhile_is_refused(desk: Desk) -> None:
    class Meddled(InMemorySandbox):
        @override
        async def read(self, path: str) -> bytes | None:
            content = await super().read(path)
            self.files["index.html"] = b"theirs, one\n"
            return content

    await desk.workspace.write({"index.html": b"one\n"})
    desk.sandbox.__class__ = Meddled
    edits = [{"search": "one", "replace": "1"}]
    result = await ask(desk, "editFile", path="index.html", edits=edits)
    assert not result.ok
    assert desk.sandbox.files["index.html"] == b"theirs, one\n"


async def test_what_somebody_else_deleted_is_gone_once_it_was_looked_for(desk: Desk) -> None:
    del desk.sandbox.files["index.html"]
    files = [{"path": "index.html", "content": "ours"}]
    assert not (await ask(desk, "createOrUpdateFiles", files=files)).ok
    await ask(desk, "readFiles", paths=["index.html"])
    assert desk.changes() == [("index.html", "deleted")]
    assert (await ask(desk, "createOrUpdateFiles", files=files)).ok


async def test_what_somebody_else_changed_is_not_deleted_before_it_was_read(desk: Desk) -> None:
    desk.sandbox.files["index.html"] = b"theirs"
    result = await ask(desk, "deleteFiles", paths=["index.html", "src/App.tsx"])
    assert not result.ok
    assert "index.html: somebody else has changed this file" in result.text
    assert desk.changes() == [("src/App.tsx", "deleted")]
    assert desk.sandbox.files["index.html"] == b"theirs"
    await ask(desk, "readFiles", paths=["index.html"])
    assert (await ask(desk, "deleteFiles", paths=["index.html"])).ok
    assert "index.html" not in desk.sandbox.files
