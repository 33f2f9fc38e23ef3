"""Real outputs of the frameworks' own tools become file, line and message.

`tests/golden/diagnostics/` holds what lint and build printed for apps with one thing broken, and
`expected.json` what must be read from each: severity, file, line, and how the message starts,
for the first six; nothing for outputs that end in `-ok`.
"""

import json
import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.diagnostics import MAX_DIAGNOSTICS, fingerprint, parse
from agents.types import Diagnostic

GOLDEN = Path(__file__).parent.parent / "golden" / "diagnostics"
EXPECTED: dict[str, list[tuple[str, str | None, int | None, str]]] = json.loads(
    (GOLDEN / "expected.json").read_text()
)


def read(name: str) -> str:
    return (GOLDEN / name).read_text()


def test_every_stored_output_has_its_expectation() -> None:
    assert set(EXPECTED) == {path.name for path in GOLDEN.glob("*.txt")}
    assert len(EXPECTED) > 40


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_real_output_gives_what_it_complains_about(name: str) -> None:
    found = parse("build", read(name), failed=not name.endswith("-ok.txt"))
    assert len(found) >= len(EXPECTED[name])
    for diagnostic, (severity, file, line, start) in zip(found, EXPECTED[name], strict=False):
        assert (diagnostic.severity, diagnostic.file, diagnostic.line) == (severity, file, line)
        assert diagnostic.message.startswith(start)
    assert bool(found) == bool(EXPECTED[name])


@pytest.mark.parametrize("name", [name for name in sorted(EXPECTED) if EXPECTED[name]])
def test_what_is_read_from_a_real_output_is_clean(name: str) -> None:
    for diagnostic in parse("build", read(name)):
        assert diagnostic.file is not None
        assert not diagnostic.file.startswith(("/", "./", "home/"))
        assert "\x1b" not in diagnostic.message
        assert "/home/user" not in diagnostic.message
        assert 5 < len(diagnostic.message) <= 600


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (
            "src/App.tsx:3:7 - error TS2304: Cannot find name 'x'.\n",
            Diagnostic(message="TS2304: Cannot find name 'x'.", file="src/App.tsx", line=3),
        ),
        (
            "Failed to compile.\n\n./src/app/page.tsx:3:7\nType error: Type 'a' is wrong.\n",
            Diagnostic(message="Type error: Type 'a' is wrong.", file="src/app/page.tsx", line=3),
        ),
        (
            "./src/app/[...slug]/page.tsx:3:7\nError: Broken\n",
            Diagnostic(message="Broken", file="src/app/[...slug]/page.tsx", line=3),
        ),
        (
            "  × eslint(no-unused-vars): Variable 'x' is unused.\n   ╭─[src/App.tsx:3:7]\n 2 │\n",
            Diagnostic(
                message="eslint(no-unused-vars): Variable 'x' is unused.",
                file="src/App.tsx",
                line=3,
            ),
        ),
        (
            'src/a.ts (3:9): "foo" is not exported by "src/b.ts", imported by "src/a.ts".\n',
            Diagnostic(
                message='"foo" is not exported by "src/b.ts", imported by "src/a.ts".',
                file="src/a.ts",
                line=3,
            ),
        ),
        (
            '[vite]: Rollup failed to resolve import "zod" from "/home/user/src/App.tsx".\n',
            Diagnostic(
                message='Rollup failed to resolve import "zod" from "src/App.tsx".',
                file="src/App.tsx",
            ),
        ),
        (
            "[vite:css] [postcss] /home/user/src/index.css:4:1: Unknown word\n",
            Diagnostic(message="Unknown word", file="src/index.css", line=4),
        ),
        (
            'npm ERR! Missing script: "build"\n',
            Diagnostic(message="Missing script: build", file="package.json"),
        ),
        (
            "npm error code E404\nnpm error 404  'nope@^1.0.0' is not in this registry.\n",
            Diagnostic(message="'nope@^1.0.0' is not in this registry.", file="package.json"),
        ),
        (
            '1590680326283 ERROR "src/App.svelte" 3:7 "Cannot find name \'x\'"\n',
            Diagnostic(message="Cannot find name 'x'", file="src/App.svelte", line=3),
        ),
    ],
)
def test_other_forms_of_the_tools_are_known(output: str, expected: Diagnostic) -> None:
    assert parse("build", output) == (expected,)


def test_the_same_finding_is_told_once_and_errors_come_first() -> None:
    error = "src/a.ts(3,1): error TS1: Bad\n"
    warning = "\n/home/user/src/a.ts\n  1:1  warning  Meh  rule\n\n"
    found = parse("build", warning + error * 3)
    assert [d.severity for d in found] == ["error", "warning"]


def test_a_flood_of_findings_is_capped() -> None:
    output = "".join(f"src/a.ts({n},1): error TS1: Bad {n}\n" for n in range(1, 500))
    assert len(parse("build", output)) == MAX_DIAGNOSTICS


def test_an_unknown_failure_is_told_in_its_last_words() -> None:
    output = "> app build\n> tool\n\nstarting\nSegmentation fault (core dumped)\n"
    [only] = parse("build", output)
    assert "Segmentation fault" in only.message
    assert only.severity == "error"
    [error] = parse("build", "x\n" * 20 + "TypeError: boom\n    at a (b.js:1:2)\nfoo\n")
    assert error.message.startswith("TypeError: boom")


def test_a_silent_failure_still_gives_a_finding() -> None:
    [only] = parse("lint", "\n")
    assert only.message == "The lint failed without saying why."


def test_success_gives_none() -> None:
    assert parse("build", "✓ built in 1.2 s\n", failed=False) == ()


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=300), st.booleans())
def test_any_output_is_read(output: str, failed: bool) -> None:
    found = parse("build", output, failed=failed)
    assert bool(found) or not failed


@pytest.mark.parametrize(
    "line", ["x" * 2_000, "  at " + "a.b/" * 5_000, "[a] " * 5_000, "✘ [ERROR] "]
)
def test_megabytes_of_strange_output_are_read(line: str) -> None:
    start = time.process_time()
    assert parse("build", (line + "\n") * (2_000_000 // len(line)))
    assert time.process_time() - start < 20.0


# --- fingerprints ----------------------------------------------------------------------------

FINDINGS = st.lists(
    st.builds(
        Diagnostic,
        message=st.sampled_from(["TS1: Bad", "TS2: Worse at src/a.ts:3:4", "Unused (5,6) here"]),
        file=st.sampled_from(["src/a.ts", "src/b.ts", None]),
        line=st.integers(1, 99) | st.none(),
    ),
    max_size=8,
)


@settings(max_examples=300, deadline=None)
@given(FINDINGS, st.integers(0, 50), st.randoms(use_true_random=False))
def test_a_fingerprint_does_not_depend_on_lines_and_order(
    findings: list[Diagnostic], shift: int, rng: random.Random
) -> None:
    moved = [
        d.model_copy(
            update={"line": d.line and d.line + shift, "message": d.message.replace("3:4", "9:1")}
        )
        for d in findings
    ]
    rng.shuffle(moved)
    assert fingerprint(moved) == fingerprint(findings)


def test_a_fingerprint_tells_other_findings_apart() -> None:
    bad = Diagnostic(message="TS2322: Bad", file="src/a.ts", line=1)
    others = [
        [],
        [bad],
        [bad, bad],
        [bad.model_copy(update={"file": "src/b.ts"})],
        [bad.model_copy(update={"message": "TS2345: Bad"})],
        [bad.model_copy(update={"message": "TS2322: Expected 2"})],
        [bad.model_copy(update={"message": "TS2322: Expected 3"})],
    ]
    prints = {fingerprint(findings) for findings in others}
    assert len(prints) == len(others)
    assert all(len(mark) == 12 and int(mark, 16) >= 0 for mark in prints)


def test_warnings_do_not_hide_that_the_errors_are_the_same() -> None:
    bad = Diagnostic(message="Bad", file="src/a.ts")
    meh = Diagnostic(message="Meh", file="src/a.ts", severity="warning")
    assert fingerprint([bad, meh]) == fingerprint([bad])
    assert fingerprint([meh]) != fingerprint([])
