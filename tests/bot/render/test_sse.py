"""Server-Sent Events: one stored event, one frame, the same JSON at the other end."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import events as e
from agents.types import (
    BlobHash,
    Check,
    Diagnostic,
    FragmentId,
    Framework,
    LeftOut,
    ProjectId,
    SandboxId,
    Stage,
    TaskId,
    TaskKind,
    Usage,
)
from bot.render.sse import Decoder, Frame, comment, decode, encode, to_wire

KINDS: Sequence[type[Any]] = get_args(get_args(e.Event)[0])
AT = datetime(2026, 1, 1, tzinfo=UTC)
USAGE = Usage(prompt_tokens=10, completion_tokens=5, cost_usd=0.25)
WIRE_USAGE = {"promptTokens": 10, "completionTokens": 5, "costUsd": 0.25}


def recorded(event: e.Event, seq: int = 7) -> e.Recorded:
    return e.Recorded(task_id=TaskId("task_1"), seq=seq, at=AT, event=event)


WIRE: list[tuple[e.Event, dict[str, Any]]] = [
    (
        e.TaskAccepted(
            project_id=ProjectId("proj_1"),
            task_kind=TaskKind.GENERATE,
            prompt="secret wish",
            requested_by="web",
        ),
        {"type": "task", "taskId": "task_1", "projectId": "proj_1", "kind": "generate"},
    ),
    (
        e.TaskStarted(attempt=1, worker_id="w"),
        {"type": "status", "message": "Starting", "stage": "queued"},
    ),
    (
        e.TaskStarted(attempt=2, worker_id="w"),
        {"type": "status", "message": "Picking up again (attempt 2)", "stage": "queued"},
    ),
    (
        e.StageEntered(stage=Stage.SANDBOX, message="Preparing"),
        {"type": "status", "message": "Preparing", "stage": "sandbox"},
    ),
    (
        e.NoticeGiven(message="Mind this", stage=Stage.SANDBOX),
        {"type": "status", "message": "Mind this", "stage": "sandbox"},
    ),
    (
        e.CheckStarted(check=Check.LINT),
        {"type": "status", "message": "Checking: lint", "stage": "validating"},
    ),
    (
        e.CheckStarted(check=Check.PREVIEW),
        {"type": "status", "message": "Checking: preview", "stage": "preview"},
    ),
    (
        e.FrameworkSelected(framework=Framework.VUE, reason="you said so"),
        {"type": "framework", "framework": "vue", "reason": "you said so"},
    ),
    (
        e.SandboxChanged(sandbox_id=SandboxId("sbx_1"), state="restored"),
        {"type": "sandbox", "sandboxId": "sbx_1", "state": "restored"},
    ),
    (
        e.TurnStarted(step=3, purpose="fix"),
        {"type": "step", "step": 3, "purpose": "fix"},
    ),
    (e.TextStreamed(content="Hello"), {"type": "stream", "content": "Hello"}),
    (e.TextVoided(reason="cut off"), {"type": "reset", "reason": "cut off"}),
    (
        e.ToolStarted(call_id="c", name="terminal", summary="npm i"),
        {"type": "tool", "name": "terminal", "summary": "npm i", "state": "started", "ok": None},
    ),
    (
        e.ToolFinished(call_id="c", name="terminal", summary="npm i", ok=False, result="long"),
        {"type": "tool", "name": "terminal", "summary": "npm i", "state": "finished", "ok": False},
    ),
    (
        e.DesignImported(
            origin="figma.com/design/K",
            name="Bikes",
            frame="Home",
            version="4711",
            width=1440,
            height=1024,
            colours=5,
            text_styles=3,
            components=1,
            images=2,
            brief=BlobHash("a" * 64),
            notes=("1 image of it could not be had.",),
        ),
        {
            "type": "design",
            "origin": "figma.com/design/K",
            "name": "Bikes",
            "frame": "Home",
            "version": "4711",
            "width": 1440,
            "height": 1024,
            "colours": 5,
            "textStyles": 3,
            "components": 1,
            "images": 2,
            "notes": ["1 image of it could not be had."],
        },
    ),
    (e.DesignCompared(likeness=92), {"type": "likeness", "likeness": 92}),
    (
        e.SourceImported(
            origin="github.com/acme/shop",
            ref="main",
            commit="0" * 40,
            title="Next.js 15.1",
            files=34,
            size_bytes=1_200,
            left_out=(LeftOut(path=".env", reason="may hold secrets"),),
            left_out_count=1,
            warnings=("It has no build script.",),
        ),
        {
            "type": "import",
            "origin": "github.com/acme/shop",
            "ref": "main",
            "commit": "0" * 40,
            "path": "",
            "title": "Next.js 15.1",
            "files": 34,
            "bytes": 1_200,
            "leftOut": [{"path": ".env", "reason": "may hold secrets"}],
            "leftOutCount": 1,
            "warnings": ["It has no build script."],
        },
    ),
    (
        e.FileChanged(path="src/a.ts", action="created", size_bytes=12, blob=BlobHash("0" * 64)),
        {"type": "file", "filePath": "src/a.ts", "action": "created", "bytes": 12},
    ),
    (
        e.CheckFinished(
            check=Check.BUILD,
            ok=False,
            diagnostics=(Diagnostic(message="no", file="a.ts", line=3),),
            duration_s=1.5,
        ),
        {
            "type": "validation",
            "step": "build",
            "ok": False,
            "skipped": False,
            "diagnostics": [{"message": "no", "file": "a.ts", "line": 3, "severity": "error"}],
        },
    ),
    (
        e.PreviewVerified(url="http://127.0.0.1:1/", checks=("http",)),
        {"type": "preview", "url": "http://127.0.0.1:1/", "checks": ["http"]},
    ),
    (
        e.PreviewVerified(
            url="http://127.0.0.1:1/", checks=("http", "browser"), screenshot=BlobHash("a1")
        ),
        {
            "type": "preview",
            "url": "http://127.0.0.1:1/",
            "checks": ["http", "browser"],
            "screenshotUrl": "/api/tasks/task_1/screenshot",
        },
    ),
    (e.UsageRecorded(model="m", usage=USAGE), {"type": "usage", **WIRE_USAGE}),
    (
        e.TaskFailed(code="stuck", message="No.", hint="What now?", retryable=True, options=("A",)),
        {
            "type": "error",
            "error": "No.",
            "code": "stuck",
            "hint": "What now?",
            "retryable": True,
            "options": ["A"],
        },
    ),
    (e.TaskCancelled(by="ann"), {"type": "cancelled", "by": "ann"}),
]

SILENT: list[e.Event] = [
    e.TurnFinished(step=1, text="t", finish_reason="stop"),
    e.SummaryWritten(title="t", summary="s"),
    e.FixStarted(attempt=2, fingerprint="f"),
]


@pytest.mark.parametrize(("event", "wire"), WIRE, ids=[event.kind for event, _ in WIRE])
def test_an_event_has_the_wire_form_that_frontends_know(
    event: e.Event, wire: dict[str, Any]
) -> None:
    frame = encode(recorded(event))
    assert frame is not None
    head, data = frame.removesuffix(b"\n\n").split(b"\n")
    assert head == b"id: 7"
    assert json.loads(data.removeprefix(b"data: ")) == wire


@pytest.mark.parametrize("event", SILENT, ids=[event.kind for event in SILENT])
def test_what_is_for_the_machinery_only_gives_no_frame(event: e.Event) -> None:
    assert encode(recorded(event)) is None


def test_complete_carries_the_whole_app() -> None:
    event = e.TaskCompleted(
        message="Ready.",
        title="Board",
        fragment_id=FragmentId("frag_1"),
        preview_url="http://127.0.0.1:1/",
        suggestions=("Add colours",),
        usage=USAGE,
    )
    frame = encode(
        recorded(event),
        files={"index.html": "<b>hi</b>"},
        binary_files=["logo.png"],
        project_id=ProjectId("proj_1"),
    )
    assert frame is not None
    assert b"<" not in frame
    [decoded] = decode(frame)
    assert decoded == Frame("7", decoded.data)
    assert decoded.wire == {
        "type": "complete",
        "message": "Ready.",
        "title": "Board",
        "taskId": "task_1",
        "projectId": "proj_1",
        "fragmentId": "frag_1",
        "previewUrl": "http://127.0.0.1:1/",
        "suggestions": ["Add colours"],
        "usage": WIRE_USAGE,
        "files": {"index.html": "<b>hi</b>"},
        "binaryFiles": ["logo.png"],
    }


def test_the_app_goes_into_complete_only() -> None:
    frame = encode(recorded(e.TextStreamed(content="x")), files={"a": "b"})
    assert frame is not None
    assert b"files" not in frame


def test_every_kind_of_event_is_known_to_the_encoder() -> None:
    tried = {type(event) for event, _ in WIRE} | set(map(type, SILENT)) | {e.TaskCompleted}
    assert set(KINDS) == tried


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("\r\n:<\0\u2028"))
)
EVENTS = st.one_of(
    st.builds(e.TextStreamed, content=TEXTS),
    st.builds(e.TextVoided, reason=TEXTS),
    st.builds(e.NoticeGiven, message=TEXTS),
    st.builds(e.TaskCancelled, by=TEXTS),
    st.builds(e.FileChanged, path=TEXTS, size_bytes=st.integers(0, 2**40)),
    st.builds(e.ToolFinished, name=TEXTS, summary=TEXTS, ok=st.booleans()),
    st.builds(
        e.CheckFinished,
        diagnostics=st.lists(st.builds(Diagnostic, message=TEXTS, file=TEXTS)).map(tuple),
    ),
    st.builds(e.TaskFailed, message=TEXTS, code=TEXTS, hint=TEXTS),
    st.builds(e.UsageRecorded, usage=st.builds(Usage, cost_usd=FLOATS)),
    st.builds(e.TaskCompleted, message=TEXTS, title=TEXTS, usage=st.just(USAGE)),
)


@given(event=EVENTS, files=st.dictionaries(TEXTS, TEXTS, max_size=3))
def test_a_frame_is_two_lines_and_an_empty_one_whatever_the_text_holds(
    event: e.Event, files: dict[str, str]
) -> None:
    frame = encode(recorded(event), files=files)
    assert frame is not None
    assert frame.splitlines() == [b"id: 7", frame.splitlines()[1], b""]
    assert frame.endswith(b"\n\n")
    assert b"<" not in frame
    assert b"\r" not in frame


@given(events=st.lists(EVENTS, max_size=6), data=st.data())
def test_a_client_reads_the_same_json_under_any_cuts(
    events: list[e.Event], data: st.DataObject
) -> None:
    stream = comment("still\r\nhere")
    for seq, event in enumerate(events, 1):
        stream += encode(recorded(event, seq)) or b""
        stream += comment("between")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    decoder = Decoder()
    frames = [
        frame
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        for frame in decoder.feed(stream[start:end])
    ]
    assert [frame.id for frame in frames] == [str(seq) for seq in range(1, len(events) + 1)]
    for frame, event in zip(frames, events, strict=True):
        wire = frame.wire
        if wire["type"] == "complete":
            assert (wire.pop("files"), wire.pop("binaryFiles"), wire.pop("projectId")) == (
                {},
                [],
                None,
            )
        assert wire == to_wire(recorded(event))


@given(text=TEXTS)
def test_a_comment_is_never_an_event(text: str) -> None:
    assert decode(comment(text)) == []
    assert comment(text).count(b"\n") == 2


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("size", [1, 2, 3, 1_000])
def test_the_decoder_follows_the_standard(end: str, size: int) -> None:
    lines = [
        ": a comment",
        "retry: 1000",
        "",
        "id: 1",
        "data: é one",
        "data:two",
        "",
        "data:  spaced",
        "",
        "id: 3",
        "",
        "id: bad\0id",
        "event: other",
        "data",
        "",
        "data: never dispatched",
    ]
    stream = "".join(line + end for line in lines).encode()
    decoder = Decoder()
    frames = [
        frame
        for start in range(0, len(stream), size)
        for frame in decoder.feed(stream[start : start + size])
    ]
    assert frames == [Frame("1", "é one\ntwo"), Frame("1", " spaced"), Frame("3", "")]
