"""What comes out of an archive: only files that an app may hold, whatever went in."""

import gzip
import io
import os
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.errors import ImportDenied
from agents.imports.archive import Caps, Unpacked, unpack
from agents.paths import safe_path
from tests.agents.imports import hostile
from tests.agents.imports.hostile import CASES, GOOD, ROOT, Hostile, entry, mangled, pack
from tests.fakes.github import archive_of

SECRET = "ghp_0123456789abcdefghijABCDEFGHIJ"


def read(data: bytes, folder: str = "", caps: Caps | None = None) -> Unpacked:
    return unpack(io.BytesIO(data), folder, time.monotonic, caps)


def reasons(found: Unpacked) -> dict[str, str]:
    return {left.path: left.reason for left in found.report}


def check_harmless(found: Unpacked) -> None:
    """The law: every path is one that an app may hold, and no path is a folder of another."""
    for path in found.files:
        assert path.rpartition("/")[2] == ".npmrc" or safe_path(path) == path
        names = path.split("/")
        assert all("/".join(names[:n]) not in found.files for n in range(1, len(names)))
    for left in found.report:
        assert left.path.isprintable() or left.path == ""


def test_an_apps_files_come_without_the_folder_around_them() -> None:
    files = {"package.json": b"{}", "src/App.tsx": b"export {}\n", "public/a.png": b"\x89PNG\0\xff"}
    found = read(archive_of(files, commit="c" * 40))
    assert found.files == files
    assert (found.report, found.overflow) == ((), None)
    assert found.manifests == {"package.json": b"{}"}


def test_of_a_folder_only_what_is_below_it_comes() -> None:
    files = {
        "package.json": "{}",
        "apps/web/package.json": "1",
        "apps/web2/x": "2",
        "apps/web/a/b": "3",
    }
    found = read(archive_of(files), "apps/web")
    assert found.files == {"package.json": b"1", "a/b": b"3"}
    assert found.is_found


@pytest.mark.parametrize("folder", ["apps", "apps/web/x", "App"])
def test_a_folder_that_is_not_there_is_not_found(folder: str) -> None:
    found = read(archive_of({"app/web/x": "1"}), folder)
    assert (found.files, found.is_found) == ({}, False)


def test_what_is_left_out_is_told_with_its_reason() -> None:
    files = {
        ".env": "KEY=1",
        "a/.env.local": "KEY=1",
        "node_modules/x/index.js": "1",
        "node_modules/y/index.js": "1",
        "packages/p/node_modules/z.js": "1",
        "certs/server.p12": "1",
        "id_rsa": "1",
        "kept.ts": "1",
    }
    found = read(archive_of(files))
    assert found.files == {"kept.ts": b"1"}
    assert reasons(found) == {
        ".env": "may hold secrets",
        "a/.env.local": "may hold secrets",
        "node_modules": "made by tools, not written",
        "packages/p/node_modules": "made by tools, not written",
        "certs/server.p12": "holds secrets",
        "id_rsa": "holds secrets",
    }


def test_a_secret_is_taken_out_of_its_file_and_told_without_being_shown() -> None:
    found = read(archive_of({"src/api.ts": f'const key = "{SECRET}";\nsend(key);\n'}))
    assert found.files["src/api.ts"] == b'const key = "[redacted]";\nsend(key);\n'
    assert reasons(found) == {"src/api.ts": "a secret was taken out"}


def test_only_harmless_settings_of_npm_are_kept() -> None:
    kept = "legacy-peer-deps=true\nshamefully-hoist = true\n"
    dangerous = (
        "//registry.example/:_authToken=abc\nregistry=https://evil.example\nscript-shell=/bin/x\n"
    )
    found = read(archive_of({".npmrc": dangerous + kept, "a/.npmrc": dangerous, "b/.npmrc": kept}))
    assert found.files == {".npmrc": kept.encode(), "b/.npmrc": kept.encode()}
    assert set(reasons(found)) == {".npmrc", "a/.npmrc"}


def test_hooks_that_pnpm_would_run_while_it_installs_do_not_come() -> None:
    hooks = (".pnpmfile.cjs", "a/.pnpmfile.mjs", "pnpmfile.js", ".PNPMFILE.cjs")
    workspace = "packages:\n  - apps/*\npnpmfile: hooks.js\nconfigDependencies:\n  evil: 1.0.0\n"
    files = dict.fromkeys(hooks, "run()") | {"pnpm-workspace.yaml": workspace, "a.ts": "1"}
    found = read(archive_of(files))
    assert found.files == {"pnpm-workspace.yaml": b"packages:\n  - apps/*\n", "a.ts": b"1"}
    assert set(reasons(found)) == {*hooks, "pnpm-workspace.yaml"}


def test_lock_files_stay_byte_for_byte() -> None:
    lock = f'{{"integrity": "sha512-{SECRET}"}}'
    assert read(archive_of({"package-lock.json": lock})).files["package-lock.json"] == lock.encode()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name[:40])
def test_no_hostile_archive_brings_anything_that_harms(case: Hostile) -> None:
    began = time.monotonic()
    if case.refused:
        with pytest.raises(ImportDenied):
            read(case.make())
    else:
        found = read(case.make())
        check_harmless(found)
        harmless = {path for path in found.files if path not in GOOD}
        assert harmless <= {"a", "run", "etc/passwd", "out/etc/passwd"}, harmless
        assert found.files.get("src/App.tsx") == GOOD["src/App.tsx"]
        assert found.files.get("package.json", GOOD["package.json"]) == GOOD["package.json"]
    assert time.monotonic() - began < 20


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_a_mangled_archive_is_refused_or_harmless(seed: int) -> None:
    with suppress(ImportDenied):
        check_harmless(read(mangled(seed)))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=40), max_size=8))
def test_whatever_the_names_are_what_comes_is_harmless(names: list[str]) -> None:
    entries = [entry(f"{ROOT}/{name}") for name in names if "\0" not in name]
    with suppress(ImportDenied):
        check_harmless(read(pack(*entries)))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=3_000))
def test_bytes_that_are_no_archive_are_refused(data: bytes) -> None:
    for given_bytes in (data, gzip.compress(data)):
        with suppress(ImportDenied):
            check_harmless(read(given_bytes))


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8}){0,3}\.(ts|png)", fullmatch=True),
        st.binary(max_size=2_000),
        max_size=12,
    )
)
def test_ordinary_files_come_through_unchanged(files: dict[str, bytes]) -> None:
    found = read(archive_of(files))
    assert found.files == files
    assert found.report == ()


def test_more_files_than_an_app_may_have_are_told_and_manifests_are_still_seen() -> None:
    files = {f"a/{n}.txt": "x" for n in range(11)} | {"z/package.json": "{}"}
    found = read(archive_of(files), caps=Caps(files=10))
    assert found.overflow == "more than 10 files"
    assert found.files == {} or set(found.files) == {"z/package.json"}
    assert found.manifests == {"z/package.json": b"{}"}


def test_more_bytes_than_an_app_may_have_are_told() -> None:
    found = read(archive_of({"a": os.urandom(3_000), "b": "x"}), caps=Caps(bytes=2_000))
    assert found.overflow is not None


def test_a_file_that_is_too_large_is_left_out_alone() -> None:
    found = read(archive_of({"a": b"x" * 1_001, "b": b"x" * 1_000}), caps=Caps(file_bytes=1_000))
    assert set(found.files) == {"b"}
    assert set(reasons(found)) == {"a"}


def test_an_archive_that_takes_too_long_is_given_up() -> None:
    ticks = iter(range(1_000_000))
    with pytest.raises(ImportDenied, match="too long"):
        unpack(io.BytesIO(pack()), "", lambda: float(next(ticks)), Caps(seconds=3.0))


def test_text_that_only_looks_like_a_secret_stays() -> None:
    code = (
        'export const token: string = "abc";\n<li key={item.id} className="sk-folding-cube-1" />\n'
        'pem.replace("-----BEGIN PRIVATE KEY-----", "")\nconst secret = process.env.SECRET;\n'
    )
    found = read(hostile.pack(entry(f"{ROOT}/a.tsx", code.encode())))
    assert found.files["a.tsx"] == code.encode()
