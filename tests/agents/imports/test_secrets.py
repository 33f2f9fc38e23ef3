import time

import pytest

from agents.imports.secrets import (
    MAX_SCANNED,
    harmless_settings,
    harmless_workspace,
    without_secrets,
)

TOKEN = "ghp_0123456789abcdefghijABCDEFGHIJ"
PEM = f"-----BEGIN PRIVATE KEY-----\n{'MIIEvQIBADANBgkqhkiG9w0B' * 6}\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    "secret",
    [
        *(TOKEN, PEM, "sk-or-v1-0123456789abcdef0123456789abcdef", "sk_live_0123456789abcdef"),
        *(
            "xoxb-123456789012-abcdefABCDEF",
            "AKIA0123456789ABCDEF",
            "AIza0123456789abcdefghijklmnopqrst",
        ),
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c2VyIn0.c2lnbmF0dXJl",
    ],
)
@pytest.mark.parametrize("around", ['k = "{}";', "K={}\n", "`{}`", "<a b='{}'>"])
def test_a_secret_is_taken_out_and_all_around_it_stays(secret: str, around: str) -> None:
    clean, count = without_secrets("src/a.ts", around.format(secret).encode())
    assert (clean.decode(), count) == (around.format("[redacted]"), 1)


def test_a_secret_is_taken_out_wherever_it_stands_and_counts_once() -> None:
    clean, count = without_secrets("a.ts", f"{TOKEN}\n{TOKEN}\n{TOKEN}x1".encode())
    assert count == 2
    assert TOKEN.encode() not in clean


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a.png", TOKEN.encode() + b"\xff"),
        ("package-lock.json", TOKEN.encode()),
        ("a.css", b".sk-folding-cube-animation-name { }"),
        ("a.ts", b"whsec_aaaaaaaaaaaaaaaaaaaaaaaa"),
        ("big.txt", TOKEN.encode() + b" " * MAX_SCANNED),
    ],
)
def test_what_is_not_certainly_a_secret_in_a_text_stays(path: str, content: bytes) -> None:
    assert without_secrets(path, content) == (content, 0)


@pytest.mark.parametrize(
    "piece",
    ["a.", "sk-", "eyJ", "eyJaaaaaaaa.", "-----BEGIN PRIVATE KEY-----", "ghp_a ", "A" * 99 + "\n"],
)
def test_no_text_makes_the_search_slow(piece: str) -> None:
    content = (piece * (MAX_SCANNED // len(piece))).encode()
    began = time.perf_counter()
    without_secrets("a.ts", content)
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    ("line", "stays"),
    [
        *(("legacy-peer-deps=true", True), ("node-linker = hoisted", True)),
        *(("public-hoist-pattern[]=*eslint*", True), ("registry=https://evil.example", False)),
        *(("//r.example/:_authToken=x", False), ("node-linker=hoisted;registry=x", False)),
        *(("script-shell=/bin/sh", False), ("_auth=abc", False), ("cafile=/etc/x", False)),
        *(("fund=${HOME}", False), ("ignore-scripts=false", False), ("", False)),
    ],
)
def test_only_lines_of_npms_settings_that_cannot_harm_stay(line: str, *, stays: bool) -> None:
    assert harmless_settings(line.encode()) == (f"{line}\n".encode() if stays else b"")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("packages:\n- a\n\n  - b # c\nnodeLinker: hoisted\n", None),
        ("# told\npackages: [a]\n", "packages: [a]\n"),
        ("packages:\n  - a\npnpmfile: x.js\n", "packages:\n  - a\n"),
        ("pnpmfile:\n  x.js\npackages:\n  - a\n", "packages:\n  - a\n"),
        ("packages:\n  - a\rpnpmfile: x.js\r", "packages:\n  - a\n"),
        ("packages: [a]\n---\npnpmfile: x.js\n", "packages: [a]\n"),
        *((f"{line}\n", "") for line in ("pnpmfile: x", '"pnpmfile": x', "{pnpmfile: x}")),
        *((f"{line}\n", "") for line in ("? pnpmfile\n: x", "configDependencies: {a: 1}")),
        *((f"{line}\n", "") for line in ("globalPnpmfile: x", "<<: *a", " pnpmfile: x", "\ta: x")),
        *((f"{line}\n", "") for line in ("registry: x", "scriptShell: x", "!!map {pnpmfile: x}")),
    ],
)
def test_only_settings_of_a_workspace_that_lay_out_packages_stay(
    text: str, kept: str | None
) -> None:
    assert harmless_workspace(text.encode()).decode() == (text if kept is None else kept)
