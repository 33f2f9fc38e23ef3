"""How a run ends in words: every error has its own, and none lets its text through."""

import pytest

from agents import errors
from agents.error_fixer import StuckReason
from agents.errors import (
    AuthFailed,
    BadProviderResponse,
    BadRequest,
    LimitExceeded,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    SandboxUnavailable,
    Truncated,
    UserError,
    ZapdevError,
)
from agents.events import SummaryWritten, TaskCancelled, TaskCompleted, TaskFailed
from agents.pipeline import Answered, Built, Stuck
from agents.sandbox.e2b_errors import translate
from agents.testing import InMemorySandboxProvider
from agents.types import BlobHash, Diagnostic, FragmentId, Framework, TaskId, TaskStatus, Usage
from bot.services import endings
from bot.store.port import Ending

SECRET = "sk-or-v1-0123456789 at /home/somebody/secret.py"


def tree(root: type[ZapdevError]) -> list[type[ZapdevError]]:
    """The class and everything below it."""
    return [root, *(kind for child in root.__subclasses__() for kind in tree(child))]


OURS = [kind for kind in tree(ZapdevError) if kind.__module__ == errors.__name__]
FOR_PEOPLE = [UserError, LimitExceeded]
"""What these say is written for the person who reads it."""

UNSPOKEN = [kind for kind in OURS if not issubclass(kind, tuple(FOR_PEOPLE))]


def failure(ending: Ending) -> TaskFailed:
    """The one event of a failed ending."""
    [event] = ending.events
    assert isinstance(event, TaskFailed)
    assert ending.status is TaskStatus.FAILED
    assert ending.fragment is None
    return event


def test_the_whole_tree_is_looked_at() -> None:
    assert len(OURS) == len([v for v in vars(errors).values() if isinstance(v, type)])
    assert len(UNSPOKEN) > 20


@pytest.mark.parametrize("kind", UNSPOKEN, ids=lambda kind: kind.__name__)
def test_no_errors_own_text_reaches_a_person_and_each_names_a_next_step(
    kind: type[ZapdevError],
) -> None:
    ending = endings.failed(kind(SECRET))
    event = failure(ending)
    assert event.code == kind.key
    assert event.message
    assert event.hint
    assert SECRET not in f"{ending.reply} {event.model_dump_json()}"
    assert ending.reply == f"{event.message} {event.hint}"


def test_each_way_a_provider_a_sandbox_or_a_reply_fails_has_words_of_its_own() -> None:
    unknown = failure(endings.failed(None)).message
    parents = {ProviderError, errors.PermanentError}  # never raised as such
    roots = (ProviderError, errors.SandboxError, errors.GenerationError)
    kinds = [k for root in roots for k in tree(root) if k not in parents and k in OURS]
    words = {kind.key: failure(endings.failed(kind("x"))).message for kind in kinds}
    assert unknown not in words.values()
    assert len(set(words.values())) == len(words)


def test_a_defect_of_ours_says_that_it_is_one() -> None:
    event = failure(endings.failed(None))
    assert (event.code, event.retryable) == ("internal", True)
    assert "our side" in event.message


def test_what_is_written_for_a_person_is_said_as_it_is() -> None:
    event = failure(endings.failed(BadRequest("The file is too large.", hint="Take half of it.")))
    assert (event.code, event.message) == ("bad_request", "The file is too large.")
    assert event.hint == "Take half of it."
    limit = failure(endings.failed(LimitExceeded("The limit of 40 steps per task is reached.")))
    assert (limit.code, limit.retryable) == ("limit_exceeded", True)
    assert limit.message == "The limit of 40 steps per task is reached."
    assert limit.hint


def test_a_missing_wall_cannot_be_retried_away() -> None:
    assert not failure(endings.failed(SandboxUnavailable("x"))).retryable
    assert failure(endings.failed(Truncated("x"))).retryable


def test_a_stop_says_who_it_was() -> None:
    ending = endings.cancelled("ann")
    assert ending.events == (TaskCancelled(by="ann"),)
    assert (ending.status, ending.reply) == (TaskStatus.CANCELLED, "Stopped by ann.")


@pytest.mark.parametrize("has_version", [True, False])
def test_stuck_asks_one_question_and_offers_answers(*, has_version: bool) -> None:
    found = (
        Diagnostic(message="TS2322: no", file="src/App.tsx", line=3),
        Diagnostic(message="second"),
    )
    event = failure(endings.stuck(Stuck(Framework.REACT, found), has_version=has_version))
    assert event.code == "stuck"
    assert event.hint == "What should I do about this? src/App.tsx:3: TS2322: no"
    assert "Keep it anyway" in event.options
    assert ("last working version" in event.message) is has_version


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        ("repeated", "the same problem came back"),
        ("alternating", "undo each other"),
        ("growing", "more problems than they solve"),
        ("exhausted", "two repairs were not enough"),
    ],
)
def test_stuck_says_why_no_more_is_tried(reason: StuckReason, why: str) -> None:
    outcome = Stuck(Framework.REACT, (Diagnostic(message="x"),), reason)
    assert why in failure(endings.stuck(outcome, has_version=True)).message


@pytest.mark.parametrize(
    ("message", "option"),
    [
        (
            "error TS2307: Cannot find module '@bikes/bell/x' or its types",
            "Do it without @bikes/bell",
        ),
        ('Failed to resolve import "left-pad" from "src/a.ts"', "Do it without left-pad"),
        ("Module not found: Can't resolve 'three'", "Do it without three"),
        ("Cannot find module './a'", "Try another way"),
        ("Cannot find module '@/lib/a'", "Try another way"),
        ("Type 'a' is not assignable", "Try another way"),
    ],
)
def test_stuck_offers_the_way_around_what_is_missing(message: str, option: str) -> None:
    outcome = Stuck(Framework.REACT, (Diagnostic(message=message),))
    event = failure(endings.stuck(outcome, has_version=False))
    assert event.options == (option, "Build a simpler version", "Keep it anyway")


def test_stuck_without_a_finding_still_asks() -> None:
    assert failure(endings.stuck(Stuck(Framework.REACT, ()), has_version=False)).hint


async def built(*lint: Diagnostic, summary: str = "A board.") -> Ending:
    """The ending of a good run."""
    sandbox = await InMemorySandboxProvider().create(Framework.REACT, task_id=TaskId("t"))
    outcome = Built(
        framework=Framework.REACT,
        summary=SummaryWritten(title="Bikes", summary=summary, suggestions=("More",)),
        files={"a.ts": BlobHash("00")},
        sandbox=sandbox,
        preview_url="http://127.0.0.1:1",
        lint=lint,
    )
    return endings.built(outcome, FragmentId("frag_1"), Usage(prompt_tokens=3))


async def test_a_built_app_becomes_a_version_with_its_link() -> None:
    ending = await built()
    assert ending.fragment is not None
    assert ending.fragment.files == {"a.ts": BlobHash("00")}
    [event] = ending.events
    assert isinstance(event, TaskCompleted)
    assert (event.message, event.fragment_id) == ("A board.", "frag_1")
    assert (event.preview_url, event.suggestions) == ("http://127.0.0.1:1", ("More",))
    assert event.usage.prompt_tokens == 3


async def test_what_lint_still_finds_is_said() -> None:
    one, two = Diagnostic(message="1"), Diagnostic(message="2")
    assert (await built(one)).reply == "A board. Lint still has 1 finding."
    assert (await built(one, two)).reply == "A board. Lint still has 2 findings."


async def test_an_app_without_a_summary_is_ready_under_its_title() -> None:
    assert (await built(summary="")).reply == "Bikes is ready."


@pytest.mark.parametrize("text", ["Three columns.", ""])
def test_an_answer_leaves_the_app_as_it_is(text: str) -> None:
    ending = endings.answered(Answered(Framework.REACT, text), "Bikes", "http://x", Usage())
    assert (ending.fragment, ending.status) == (None, TaskStatus.COMPLETE)
    assert ending.reply == (text or "Nothing had to be changed.")


FROM_E2B = [RateLimited, ProviderTimeout, ProviderUnavailable, AuthFailed, BadProviderResponse]


@pytest.mark.parametrize("kind", FROM_E2B, ids=lambda kind: kind.__name__)
def test_trouble_with_sandboxes_is_not_blamed_on_the_model(kind: type[ZapdevError]) -> None:
    error = translate(kind(SECRET))
    assert isinstance(error, ZapdevError)
    event = failure(endings.failed(error))
    assert event.code == error.key
    assert "E2B" in event.message
    assert "model" not in f"{event.message} {event.hint}".lower()
