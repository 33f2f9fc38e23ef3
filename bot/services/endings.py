"""How a run ends, in the store's words and in a person's. Pure.

People never read an exception's text: each key of the error tree has its own, with what to do.
"""

import re
from dataclasses import dataclass

from agents.error_fixer import StuckReason
from agents.errors import LimitExceeded, PermanentError, SandboxUnavailable, UserError, ZapdevError
from agents.events import TaskCancelled, TaskCompleted, TaskFailed
from agents.pipeline import Answered, Built, Stuck
from agents.prompts import extract_summary
from agents.run import KEEP_ANYWAY
from agents.types import Diagnostic, FragmentId, TaskStatus, Usage
from agents.validation import format_diagnostic
from bot.store.port import Ending, NewFragment

STUCK = "stuck"


@dataclass(frozen=True, slots=True)
class _Words:
    message: str
    hint: str


_DOCTOR = "Retry in a minute; `zapdev doctor` tests it."

_TEXTS: dict[str, _Words] = {
    "rate_limited": _Words(
        "The model provider is limiting requests right now.",
        "Wait a minute and retry, or choose another model.",
    ),
    "provider_timeout": _Words(
        "The model did not answer in time.", "Retry; if it stays slow, choose another model."
    ),
    "provider_unavailable": _Words("The model provider is not reachable.", _DOCTOR),
    "source_unavailable": _Words(
        "The place to import from did not answer, or broke off.", "Retry in a few minutes."
    ),
    "provider_auth": _Words(
        "The model provider refused the key, or its account has no credit.",
        "Check OPENROUTER_API_KEY and the account's credit.",
    ),
    "content_refused": _Words("The model provider refused this request.", "Put it in other words."),
    "bad_provider_response": _Words(
        "The model provider could not work with our request.",
        "Check the model's name and OPENROUTER_BASE_URL, or choose another model.",
    ),
    "bad_output": _Words(
        "The model's answers could not be used, three times in a row.",
        "Retry, or choose a stronger model.",
    ),
    "truncated": _Words(
        "The model's answer was cut off twice.", "Ask for less at once, or choose another model."
    ),
    "sandbox_error": _Words("The sandbox failed.", "Retry; your app is as it was."),
    "sandbox_lost": _Words(
        "The sandbox was lost, and rebuilding it did not help.", "Retry; your app is as it was."
    ),
    "packages_unavailable": _Words(
        "The packages that apps are made of could not be installed.",
        "Check this machine's network and npm's registry setting, then retry.",
    ),
    "sandbox_full": _Words(
        "There is no room for another sandbox.", "Wait until another build has ended, then retry."
    ),
    "sandbox_unavailable": _Words(
        "Code of a real model may not run here, because it cannot be isolated.",
        "Install bubblewrap, set E2B_API_KEY, or allow it with ZAPDEV_ALLOW_UNISOLATED=1.",
    ),
    "registry_unknown": _Words(
        "Packages cannot be installed: npm on Zapdev's machine does not say where they come from.",
        "Install Node.js with npm there, or mend its registry setting; `zapdev doctor` tests it.",
    ),
    "sandbox_rate_limited": _Words(
        "E2B, where apps run, limits how fast sandboxes are made.", "Wait a minute and retry."
    ),
    "sandbox_provider_timeout": _Words("E2B, where apps run, did not answer in time.", _DOCTOR),
    "sandbox_provider_unavailable": _Words("E2B, where apps run, is not reachable.", _DOCTOR),
    "sandbox_provider_auth": _Words(
        "E2B, where apps run, refused the key.", "Check E2B_API_KEY; `zapdev doctor` tests it."
    ),
    "sandbox_bad_provider_response": _Words(
        "E2B, where apps run, could not work with our request.",
        "Check E2B_DOMAIN and the other E2B settings; the log has the details.",
    ),
    "internal": _Words(
        "Something went wrong on our side.", "Retry; the log has the details under this task's id."
    ),
}


def built(
    outcome: Built,
    fragment_id: FragmentId,
    usage: Usage,
    *,
    title: str | None = None,
    link: str | None = None,
) -> Ending:
    """A new version of the app.

    `title` is the project's, once it has a version that named it; `link` is what people get.
    """
    summary = outcome.summary
    message = summary.summary or f"{summary.title} is ready."
    if outcome.lint:
        count = len(outcome.lint)
        message += f" Lint still has {count} finding{'s' if count > 1 else ''}."
    reply = message
    if outcome.red:  # what a build of others' code says is for people, not for a model's memory
        message += f" The checks still say: {format_diagnostic(outcome.red[0])[:300]}"
        reply += f" The checks still find {_problems(len(outcome.red))}."
    event = TaskCompleted(
        message=message,
        title=title or summary.title,
        fragment_id=fragment_id,
        preview_url=link or outcome.preview_url,
        suggestions=summary.suggestions,
        usage=usage,
    )
    fragment = NewFragment(
        id=fragment_id,
        title=summary.title,
        framework=outcome.framework,
        files=outcome.files,
        sandbox_id=outcome.sandbox.id,
        preview_url=outcome.preview_url,
    )
    return Ending(
        events=(event,),
        status=TaskStatus.COMPLETE,
        reply=reply,
        fragment=fragment,
        title=title or summary.title,
        framework=outcome.framework,
    )


def answered(outcome: Answered, title: str, preview_url: str | None, usage: Usage) -> Ending:
    """An answer in words; the app stays as it is."""
    message = extract_summary(outcome.text) or "Nothing had to be changed."
    event = TaskCompleted(
        message=message,
        title=title,
        fragment_id=None,
        preview_url=preview_url,
        usage=usage,
    )
    return Ending(events=(event,), status=TaskStatus.COMPLETE, reply=message)


_WHY: dict[StuckReason, str] = {
    "repeated": "the same problem came back after my repair.",
    "alternating": "my repairs undo each other.",
    "growing": "my repairs make more problems than they solve.",
    "exhausted": "two repairs were not enough.",
}
_NO_PACKAGE = re.compile(
    r"(?:cannot find (?:module|package)|(?:failed to|can't|could not|cannot) resolve(?: import)?)"
    r"""\s+["'`]((?:@[\w.-]+/)?[a-z0-9][\w.-]*)""",
    re.IGNORECASE,
)


def stuck(outcome: Stuck, *, has_version: bool) -> Ending:
    """The checks stayed red: why no more is tried, one question, and follow-ups that answer it."""
    first = outcome.findings[0] if outcome.findings else Diagnostic(message="unknown")
    kept = " Your app is back at its last working version." if has_version else ""
    event = TaskFailed(
        code=STUCK,
        message=f"I could not get the checks green: {_WHY[outcome.reason]}{kept}",
        hint=f"What should I do about this? {format_diagnostic(first)[:300]}",
        retryable=True,
        options=(_way_around(first), "Build a simpler version", KEEP_ANYWAY),
    )
    return _failed(event)


def _way_around(finding: Diagnostic) -> str:
    """The answer that goes on: without a package that is not to be had, else in another way."""
    missing = _NO_PACKAGE.search(finding.message)
    return f"Do it without {missing[1]}" if missing else "Try another way"


def failed(error: ZapdevError | None) -> Ending:
    """An error of the tree, or None for a defect of ours.

    Only what is written for people is said as it is: `UserError` and `LimitExceeded`.
    """
    if isinstance(error, UserError):
        return _failed(TaskFailed(code=error.key, message=str(error), hint=error.hint))
    if isinstance(error, LimitExceeded):
        event = TaskFailed(
            code=error.key,
            message=str(error),
            hint="Ask for a smaller step, or raise the limit in the settings.",
            retryable=True,
        )
        return _failed(event)
    key = error.key if error is not None else "internal"
    words = _TEXTS.get(key, _TEXTS["internal"])
    retryable = not isinstance(error, SandboxUnavailable | PermanentError)
    event = TaskFailed(code=key, message=words.message, hint=words.hint, retryable=retryable)
    return _failed(event)


def cancelled(by: str) -> Ending:
    """Somebody stopped it."""
    return Ending(
        events=(TaskCancelled(by=by),), status=TaskStatus.CANCELLED, reply=f"Stopped by {by}."
    )


def _problems(count: int) -> str:
    return f"{count} problem{'s' * (count != 1)}"


def _failed(event: TaskFailed) -> Ending:
    reply = event.message if event.hint is None else f"{event.message} {event.hint}"
    return Ending(events=(event,), status=TaskStatus.FAILED, reply=reply)
