import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.paths import UnsafePath
from bot.sidecar.archive import archive_name, build_archive

FILES = {"src/b.ts": b"b", "package.json": b"{}", "src/a.ts": b"a" * 4000}


def test_the_same_files_give_the_same_bytes_in_any_order() -> None:
    other_order = dict(reversed(FILES.items()))
    assert build_archive(FILES, folder="app") == build_archive(other_order, folder="app")


def test_every_file_is_in_one_folder_with_its_content() -> None:
    with zipfile.ZipFile(io.BytesIO(build_archive(FILES, folder="app"))) as archive:
        assert archive.testzip() is None
        found = {info.filename: archive.read(info) for info in archive.infolist()}
        assert found == {f"app/{path}": content for path, content in FILES.items()}
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.external_attr >> 16 for info in archive.infolist()} == {0o100644}


@pytest.mark.parametrize("path", ["../out.txt", "/etc/passwd", "a/../../b", "a\\b", "C:/x"])
def test_a_name_that_would_leave_the_folder_is_refused(path: str) -> None:
    with pytest.raises(UnsafePath):
        build_archive({path: b""}, folder="app")


@given(st.text(max_size=80))
def test_any_title_gives_a_plain_file_name(title: str) -> None:
    name = archive_name(title)
    assert name
    assert len(name) <= 60
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert name.strip("-") == name
