"""Every error Zapdev raises on purpose, sorted by who must act.

ZapdevError
├─ UserError          the person can fix it
│  ├─ BadRequest · UnsupportedFramework · ImportDenied · NeedsLink
│  └─ QuotaExceeded   CreditsUsedUp · TooManyTasks · TooFast (each with retry_after_s)
├─ ProviderError      somebody else's service
│  ├─ TransientError  RateLimited(retry_after_s) · ProviderTimeout · ProviderUnavailable
│  │                  · SourceUnavailable
│  └─ PermanentError  AuthFailed · ContentRefused · BadProviderResponse
├─ SandboxError       SandboxLost · SandboxFull · PackagesUnavailable
│  └─ SandboxUnavailable  RegistryUnknown
├─ GenerationError    BadOutput · Truncated: becomes a prompt, not a crash
├─ StoreError         SeqConflict · LeaseLost · NotFound · StoreUnavailable
└─ TaskStopped        Cancelled · LimitExceeded · Superseded

Caught in three places only: `agents.retry`, the task boundary in the worker, and the error
boundaries of Bolt and aiohttp. People see a text chosen by `key`, never `str(exc)`.
"""


class ZapdevError(Exception):
    """The root. `key` chooses the text a person sees; `retryable` says a second try may work."""

    key = "internal"
    retryable = False


class UserError(ZapdevError):
    """The person can fix it; `str()` is written for them, `field` names what is wrong."""

    key = "bad_request"

    def __init__(self, message: str, *, field: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.field = field
        self.hint = hint


class BadRequest(UserError):
    """A request that cannot be understood or breaks a limit."""


class UnsupportedFramework(UserError):
    """A framework outside the five."""

    key = "unsupported_framework"


class ImportDenied(UserError):
    """An import that may not or cannot be done."""

    key = "import_denied"


class NeedsLink(UserError):
    """The Slack user is not linked to an account yet."""

    key = "needs_link"


class QuotaExceeded(UserError):
    """A limit is reached; in `retry_after_s` seconds, if known, it is worth another try."""

    key = "quota_exceeded"

    def __init__(
        self, message: str, *, hint: str | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class CreditsUsedUp(QuotaExceeded):
    """The owner's credits of the last 24 hours are used."""

    key = "credits_used_up"


class TooManyTasks(QuotaExceeded):
    """As many tasks of the owner wait or run as may at once."""

    key = "too_many_tasks"


class TooFast(QuotaExceeded):
    """A person, or a workspace, has started too much in too short a time."""

    key = "too_fast"


class ProviderError(ZapdevError):
    """A service we depend on failed."""

    key = "provider_error"


class TransientError(ProviderError):
    """Worth another try."""

    key = "provider_unavailable"
    retryable = True


class RateLimited(TransientError):
    """The provider asks us to wait `retry_after_s` seconds."""

    key = "rate_limited"

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ProviderTimeout(TransientError):
    """No answer within our deadline."""

    key = "provider_timeout"


class ProviderUnavailable(TransientError):
    """The provider could not be reached, answered 5xx, or broke off."""


class SourceUnavailable(TransientError):
    """Where an import comes from could not be reached, answered 5xx, or broke off."""

    key = "source_unavailable"


class PermanentError(ProviderError):
    """Another try would fail the same way."""


class AuthFailed(PermanentError):
    """The provider refuses our key, or the account has no credit."""

    key = "provider_auth"


class ContentRefused(PermanentError):
    """The provider's policy refuses this content."""

    key = "content_refused"


class BadProviderResponse(PermanentError):
    """The provider says that our request is wrong, or answers in no known form."""

    key = "bad_provider_response"


class SandboxError(ZapdevError):
    """The sandbox failed, not the code in it."""

    key = "sandbox_error"
    retryable = True


class SandboxLost(SandboxError):
    """The sandbox is gone; it is rebuilt from the stored files."""

    key = "sandbox_lost"


class SandboxFull(SandboxError):
    """No room for another sandbox, or no disk left in this one."""

    key = "sandbox_full"


class PackagesUnavailable(SandboxError):
    """A template's packages could not be installed: the network, or npm's registry setting."""

    key = "packages_unavailable"


class SandboxUnavailable(SandboxError):
    """Local isolation is missing here, and no setting allows running without it."""

    key = "sandbox_unavailable"
    retryable = False


class RegistryUnknown(SandboxUnavailable):
    """npm here does not say where packages come from, and nothing else may leave a sandbox."""

    key = "registry_unknown"


class GenerationError(ZapdevError):
    """The model's output cannot be used as it is."""

    key = "bad_output"
    retryable = True


class BadOutput(GenerationError):
    """The reply is malformed: arguments that do not parse, an empty answer."""


class Truncated(GenerationError):
    """The reply ended before the model was done."""

    key = "truncated"


class StoreError(ZapdevError):
    """The database refused or failed."""

    key = "store_error"


class SeqConflict(StoreError):
    """Another append was there first."""

    key = "seq_conflict"


class LeaseLost(StoreError):
    """This worker's epoch is stale: another one owns the task, or it has ended."""

    key = "lease_lost"


class NotFound(StoreError):
    """No such row, or one of another owner."""

    key = "not_found"


class StoreUnavailable(StoreError):
    """The database does not answer."""

    key = "store_unavailable"
    retryable = True


class TaskStopped(ZapdevError):
    """Somebody or some limit ended the task; not a failure of a part."""

    key = "stopped"


class Cancelled(TaskStopped):
    """A person stopped the task."""

    key = "cancelled"


class LimitExceeded(TaskStopped):
    """A budget ended: steps, tokens, dollars or wall time."""

    key = "limit_exceeded"


class Superseded(TaskStopped):
    """A newer task or worker took over."""

    key = "superseded"
