"""Makes sandboxes at E2B, and finds them again.

A sandbox is made from the framework's own template where the account has one, else from E2B's
base image. It is marked as ours, pauses when nobody has used it for an hour, wakes when somebody
opens its address, and lets nothing out.
No key or other secret of ours ever goes into one: E2B's own key stays in the requests about it.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import e2b
from e2b import AsyncSandbox

from agents.background import Background
from agents.errors import (
    ProviderTimeout,
    ProviderUnavailable,
    RegistryUnknown,
    SandboxLost,
    SandboxUnavailable,
    ZapdevError,
)
from agents.logger import create_logger
from agents.ports import Clock
from agents.sandbox.breaker import Breaker
from agents.sandbox.e2b_calls import ANSWER_S, Calls
from agents.sandbox.e2b_orphans import FRAMEWORK, Orphans
from agents.sandbox.e2b_remote import LIFETIME_S, Remote
from agents.sandbox.e2b_sandbox import E2BSandbox, Surroundings
from agents.sandbox.e2b_templates import RemoteTemplates, TemplateState
from agents.sandbox.toolchain import Registry, ask_npm
from agents.templates import Template, get_template
from agents.types import Framework, SandboxId, TaskId

log = create_logger(__name__)

T = TypeVar("T")

BASE = "base"
_CLOSE_S = 15.0
_CHECK_S = 30.0
_TIDY_S = 60 * 60.0
_LOOK_AGAIN_S = 10 * 60.0
UNHEARD_S = 15.0
"""Who tries a creation again has done so by then (`agents.retry.SANDBOX`)."""
_LATE_S = (45.0, 240.0)
"""E2B may have been slow, so that what nobody asks for any more is looked for again."""
_ABSENT = (403, 404)
"""No such template, or one of somebody else's."""


@dataclass(frozen=True, slots=True)
class E2BAccount:
    """Whose sandboxes, and where. `preview_url` may use {host}, {port} and {sandbox_id}."""

    api_key: str = field(repr=False)
    domain: str | None = None
    api_url: str | None = None
    sandbox_url: str | None = None
    preview_url: str = "https://{host}"

    @property
    def options(self) -> dict[str, Any]:
        """What every call of the SDK takes. Repeating is ours to decide, so it does none."""
        given = {"domain": self.domain, "api_url": self.api_url, "sandbox_url": self.sandbox_url}
        named = {name: value for name, value in given.items() if value is not None}
        return {"api_key": self.api_key, "retries": 0, **named}


@dataclass(frozen=True, slots=True)
class E2BOptions:
    """What tests and operators may choose."""

    templates: Callable[[Framework], Template] = get_template
    registry: Callable[[], Awaitable[Registry]] = ask_npm
    lifetime_s: int = LIFETIME_S
    answer_s: float = ANSWER_S
    create_s: float = 18.0


class E2BSandboxProvider:
    """Implements `agents.ports.SandboxProvider` with E2B's SDK."""

    def __init__(
        self, account: E2BAccount, *, clock: Clock, options: E2BOptions | None = None
    ) -> None:
        self._account = account
        self._clock = clock
        self._options = options or E2BOptions()
        self._calls = Calls(self._options.answer_s)
        self._background = Background()
        self._sandboxes: dict[SandboxId, E2BSandbox] = {}
        self._making: set[asyncio.Task[E2BSandbox]] = set()
        self._unsure: dict[tuple[TaskId, Framework], str] = {}
        self._unheard: set[str] = set()
        self._names: dict[Framework, tuple[str, float]] = {}
        self._breaker = Breaker(clock, "E2B")
        self._templates = RemoteTemplates(account.options, self._calls)
        self._orphans = Orphans(account.options, self._calls, clock, secrets.token_hex(8))
        self._tasks: set[TaskId] = set()
        self._tidied_at: float | None = None
        self._registry: Registry | None = None
        self._answered_at: float | None = None
        shared = Surroundings(clock, self._find_registry, account.preview_url, self._forget)
        self._shared = shared

    async def check(self) -> bool:
        """Whether E2B answers to our key; asked at most twice a minute once it does.

        Raises: SandboxUnavailable, with the reason.
        """
        now = self._clock.monotonic()
        if self._answered_at is None or now - self._answered_at >= _CHECK_S:
            paginator = AsyncSandbox.list(limit=1, **self._account.options)
            try:
                await self._calls.make(paginator.next_items())
            except ZapdevError as error:
                raise SandboxUnavailable(f"E2B does not serve us: {error}") from error
            self._answered_at = now
        return True

    async def prepare(self, framework: Framework) -> None:
        """Have the framework's template at E2B, built from the current definition.

        Raises: ProviderError, PackagesUnavailable.
        """
        template = self._options.templates(framework)
        if await self._templates.state(template) == "current":
            return

        def on_line(line: str) -> None:
            log.info("building template", framework=framework.value, said=line[:200])

        await self._templates.build(template, on_line)
        self._names.pop(framework, None)

    async def template_state(self, framework: Framework) -> TemplateState:
        """What E2B has for the framework. Raises: ProviderError."""
        return await self._templates.state(self._options.templates(framework))

    async def create(self, framework: Framework, *, task_id: TaskId) -> E2BSandbox:
        self._tidy()
        making = self._background.start(self._make(framework, task_id), name="make a sandbox")
        self._making.add(making)
        making.add_done_callback(self._making.discard)
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            self._background.spawn(_abandon(making), name="abandon a sandbox")
            raise

    async def connect(self, sandbox_id: SandboxId) -> E2BSandbox | None:
        """The sandbox, woken if it was paused; None when it is gone or has lost its app.

        Where E2B does not wake it, or says nothing of its app, it is kept for the next try.
        """
        sandbox = self._sandboxes.get(sandbox_id)
        try:
            if sandbox is None:
                sandbox = await self._find(sandbox_id)
            else:
                await sandbox.resume()
            if sandbox is not None and await sandbox.is_whole():
                self._sandboxes[sandbox_id] = sandbox
                return sandbox
        except SandboxLost:
            log.info("sandbox not found again", sandbox=sandbox_id)
        if sandbox is not None:
            await sandbox.close()
        return None

    async def lives_elsewhere(self, sandbox_id: SandboxId) -> bool:
        """Never: whoever has the key can have it."""
        del sandbox_id
        return False

    async def close(self) -> None:
        """Close every sandbox this process made and has not paused; never raises."""
        for making in list(self._making):
            self._background.spawn(_abandon(making), name="abandon a sandbox")
        if self._making:
            await asyncio.wait(self._making, timeout=_CLOSE_S)
        await asyncio.gather(*(sandbox.close() for sandbox in list(self._sandboxes.values())))
        await asyncio.gather(*(self._orphans.end_unheard(key) for key in list(self._unheard)))
        await self._background.stop()
        await self._calls.close()

    def _forget(self, sandbox_id: SandboxId) -> None:
        self._sandboxes.pop(sandbox_id, None)

    def _tidy(self) -> None:
        """Have orphans ended once an hour, in the background."""
        now = self._clock.monotonic()
        if self._tidied_at is None or now - self._tidied_at >= _TIDY_S:
            self._tidied_at = now
            self._background.spawn(self._orphans.end_forgotten(), name="forgotten sandboxes")

    async def _make(self, framework: Framework, task_id: TaskId) -> E2BSandbox:
        template, began_at = self._options.templates(framework), self._clock.now()
        sandbox = E2BSandbox(await self._place(framework, task_id), template, self._shared)
        self._sandboxes[sandbox.id] = sandbox
        try:
            await sandbox.settle()
        except BaseException:
            await sandbox.close()
            raise
        if task_id not in self._tasks:
            self._tasks.add(task_id)
            ending = self._orphans.end_former(task_id, began_at)
            self._background.spawn(ending, name="former sandboxes")
        return sandbox

    async def _place(self, framework: Framework, task_id: TaskId) -> Remote:
        """A running sandbox from the best template there is.

        A creation that E2B may have done without our hearing of it is asked for again under the
        same key, so that it leaves no second sandbox; where nobody asks again, what there is of it
        is ended.
        """
        which = task_id, framework
        former = self._unsure.pop(which, None)
        key = former or secrets.token_hex(16)
        self._unheard.discard(key)
        try:
            name, sdk = await self._first_there(framework, task_id, key)
        except Exception as error:
            if former is not None or isinstance(error, ProviderTimeout | ProviderUnavailable):
                self._unsure[which] = key
                self._unheard.add(key)
                self._background.spawn(self._end_unheard(which, key), name="unheard sandboxes")
            raise
        self._names[framework] = (name, self._clock.monotonic())
        return self._remote(sdk)

    async def _end_unheard(self, which: tuple[TaskId, Framework], key: str) -> None:
        """End what E2B may have made for this key, unless somebody asks for it again."""
        await self._clock.sleep(UNHEARD_S)
        if self._unsure.get(which) != key:
            return
        del self._unsure[which]
        await self._orphans.end_unheard(key)
        for pause_s in _LATE_S:
            await self._clock.sleep(pause_s)
            await self._orphans.end_unheard(key)
        self._unheard.discard(key)

    async def _first_there(
        self, framework: Framework, task_id: TaskId, key: str
    ) -> tuple[str, AsyncSandbox]:
        """A sandbox, and the name of what it was made from.

        Every account has the base image: where that is refused, the account is meant.
        """
        new = partial(self._new, framework, task_id, key)
        for name in self._own_names(framework):
            sdk = await self._made(partial(_unless_absent, partial(new, name)))
            if sdk is not None:
                return name, sdk
            self._names.pop(framework, None)
        return BASE, await self._made(partial(new, BASE))

    def _own_names(self, framework: Framework) -> list[str]:
        """What to try before the base image, best first.

        For a while that is first what was there, and nothing where none of them was.
        """
        names = [f"zapdev-{framework}", f"{framework}-developer"]
        found, found_at = self._names.get(framework, ("", 0.0))
        if self._clock.monotonic() - found_at >= _LOOK_AGAIN_S:
            return names
        return [] if found == BASE else sorted(names, key=lambda name: name != found)

    async def _made(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async with self._breaker.watch():
            return await self._calls.make(make(), within_s=self._options.create_s)

    async def _new(
        self, framework: Framework, task_id: TaskId, key: str, name: str
    ) -> AsyncSandbox:
        return await AsyncSandbox.create(
            template=name,
            timeout=self._options.lifetime_s,
            metadata=self._orphans.marks(framework, task_id, key),
            network=e2b.SandboxNetworkOpts(deny_out=[e2b.ALL_TRAFFIC]),
            lifecycle={"on_timeout": "pause", "auto_resume": True},
            idempotency_key=f"{key}-{name}",
            **self._account.options,
        )

    async def _find(self, sandbox_id: SandboxId) -> E2BSandbox | None:
        """A sandbox that this process has not made. Raises: SandboxLost; as `create`."""
        options = self._account.options
        info = await self._calls.make(AsyncSandbox.get_info(sandbox_id, **options))
        framework = info.metadata.get(FRAMEWORK)
        if framework not in list(Framework):
            return None
        sdk = await self._calls.make(
            AsyncSandbox.connect(sandbox_id, timeout=self._options.lifetime_s, **options),
            within_s=self._options.create_s,
        )
        template = self._options.templates(Framework(framework))
        sandbox = E2BSandbox(self._remote(sdk), template, self._shared)
        await sandbox.shut()  # who used it before may have died while an install ran
        return sandbox

    def _remote(self, sdk: AsyncSandbox) -> Remote:
        options = self._options
        return Remote(sdk, self._clock, options.answer_s, options.lifetime_s)

    async def _find_registry(self) -> Registry:
        """Asked when the first command needs the network, since npm takes a while to answer.

        Raises: SandboxUnavailable where npm on this machine does not say it.
        """
        if self._registry is None:
            try:
                self._registry = await self._options.registry()
            except SandboxUnavailable as error:
                raise RegistryUnknown(
                    f"install Node.js with npm here, or mend its registry setting: {error}"
                ) from error
        return self._registry


async def _unless_absent(make: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
    """What was made, or None when the account may not use such a template."""
    try:
        return await make()
    except e2b.SandboxException as error:
        if error.status_code in _ABSENT:
            return None
        raise


async def _abandon(making: asyncio.Task[E2BSandbox]) -> None:
    """End a sandbox that nobody waits for any more, as soon as it is there."""
    [sandbox] = await asyncio.gather(making, return_exceptions=True)
    if isinstance(sandbox, E2BSandbox):
        await sandbox.close()
