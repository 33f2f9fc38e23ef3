"""Paths stay inside the app, whatever is tried."""

import posixpath
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agents.errors import BadRequest
from agents.paths import UnsafePath, safe_path

SEGMENTS = st.sampled_from(
    [
        *(".", "..", "...", "/", "//", "\\", "~", " ", "a", "B.ts", "src", ".git", ".GIT", ".env"),
        *(".env.local", ".Env", "node_modules", ".npmrc", ".ssh", "é", "e\u0301", "\u2025"),
        *("\uff0e", "\x00", "\n", "\u202e", "\u200b", "\ud800", "%2e%2e", "C:", ".g\u0131t"),
        *(".\ufb01", ".bashrc", "git~1"),
    ]
)


def test_an_ordinary_path_is_answered_as_it_is() -> None:
    for path in (
        "src/App.tsx",
        "package.json",
        "src/app/[...slug]/page.tsx",
        "src/app/(shop)/@modal/(..)photo/[[...id]]/page.tsx",
        ".gitignore",
        ".github/workflows/ci.yml",
        "src/environments/environment.ts",
        "public/Ünïcode name.svg",
    ):
        assert safe_path(path) == path


def test_a_path_is_normalised_to_one_spelling() -> None:
    assert safe_path("./src//lib/./a.ts") == "src/lib/a.ts"
    assert safe_path("src/cafe\u0301.ts") == "src/caf\u00e9.ts"


@pytest.mark.parametrize(
    "path",
    [
        *("", " ", ".", "./", "/", "..", "../x", "src/../../x", "a/..", "/etc/passwd", "//x", "~"),
        *("~/x", "~root/x", "C:/x", "c:x", "a\\b", "..\\x", "a\x00b", "a\nb", "a\x7f", "src/"),
        *(".git/config", "a/.git/hooks/x", ".GIT/config", ".git", ".git./x", ".git /x", "git~1/x"),
        *(".env", ".env.local", ".env.example", "a/.ENV", "a/.envrc", ".npmrc", "x/.npmrc"),
        *(".ssh/id", ".bashrc", ".zshrc", ".profile", ".bash_profile", ".zshenv", ".netrc"),
        *("node_modules/x/index.js", "a/node_modules/x", "Node_Modules/x", ".g\u200bit/config"),
        *("a\u202etxt.exe", "a/ /b", "a\ud800", ".\uff45nv", "x" * 513, "é" * 200, "a\u2028b"),
    ],
)
def test_a_path_that_leaves_the_app_or_touches_what_is_protected_is_refused(path: str) -> None:
    with pytest.raises(UnsafePath) as caught:
        safe_path(path)
    assert str(caught.value)
    assert isinstance(caught.value, BadRequest)
    assert caught.value.field == "path"


def test_a_path_of_512_characters_is_the_longest() -> None:
    longest = "/".join(["a" * 127] * 4) + "a"
    assert len(safe_path(longest)) == 512
    with pytest.raises(UnsafePath):
        safe_path(longest + "a")


@settings(max_examples=6_000, deadline=None)
@given(st.one_of(st.lists(SEGMENTS, max_size=8).map("".join), st.text(max_size=40)))
@example("../etc/passwd")
@example("a/./../.git/HEAD")
@example("./C:")
@example(".//~/x")
def test_whatever_is_accepted_is_inside_canonical_and_stable(path: str) -> None:
    try:
        safe = safe_path(path)
    except UnsafePath:
        return
    inside = posixpath.normpath(posixpath.join("/app", safe))
    assert inside == f"/app/{safe}"
    names = safe.split("/")
    assert not {"", ".", ".."} & set(names)
    assert not any(ord(char) < 32 or char in "\\\x7f" for char in safe)
    assert unicodedata.normalize("NFC", safe) == safe
    assert len(safe) <= 512
    folded = [name.casefold() for name in names]
    assert not any(name in (".git", "node_modules", ".ssh", ".npmrc") for name in folded)
    assert not any(name.startswith(".env") for name in folded)
    assert safe.encode()
    assert safe_path(safe) == safe


@settings(max_examples=2_000, deadline=None)
@given(st.lists(SEGMENTS, max_size=5).map("/".join), st.sampled_from(["..", ".git", ".env.x"]))
def test_no_surroundings_make_a_forbidden_name_acceptable(around: str, name: str) -> None:
    for path in (f"{around}/{name}", f"{name}/{around}", f"a/{name.upper()}/{around}/b"):
        with pytest.raises(UnsafePath):
            safe_path(path)
