"""A worker that plays what a test tells it to: real store, real leases, no pipeline."""

from collections.abc import Mapping, Sequence

from agents.events import (
    CheckFinished,
    CheckStarted,
    Event,
    FileChanged,
    FrameworkSelected,
    PreviewVerified,
    SandboxChanged,
    StageEntered,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
    TaskStarted,
    TextStreamed,
    TurnFinished,
    TurnStarted,
    UsageRecorded,
)
from agents.types import (
    Check,
    Diagnostic,
    FragmentId,
    Framework,
    SandboxId,
    Stage,
    TaskStatus,
    Usage,
    WorkerId,
)
from bot.store.port import Claim, Ending, NewFragment, Store

PICTURE = b"\xff\xd8\xff\xe0 a small picture of the app"

APP = {
    "package.json": b'{"name": "board", "private": true}\n',
    "src/App.tsx": b"export default function App() {\n  return <h1>Kanban for the bike shop</h1>;\n}\n",
    "src/main.tsx": b'import App from "./App";\n',
    "src/theme.css": b":root { --primary: #0b6b4f; }\n",
}
ICON = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


class ScriptedWorker:
    """Claims one task after another and plays events into its log, one batch per call."""

    def __init__(self, store: Store, *, name: str = "worker_scripted") -> None:
        self._store = store
        self._name = WorkerId(name)
        self._claim: Claim | None = None
        self._seq = 0

    @property
    def claim(self) -> Claim:
        """What is being worked on."""
        assert self._claim is not None, "nothing is claimed"
        return self._claim

    async def take(self) -> Claim:
        """Claim the next task, which must be there, and start it."""
        assert await self.take_any(), "no task is waiting"
        return self.claim

    async def take_any(self) -> bool:
        """Claim the next task and start it, if one is there."""
        claim = await self._store.claim(self._name)
        if not isinstance(claim, Claim):
            return False
        self._claim = claim
        self._seq = claim.log[-1].seq
        await self.play(TaskStarted(attempt=claim.task.attempts, worker_id=self._name))
        return True

    async def play(self, *events: Event) -> int:
        """Append; answers the last seq."""
        self._seq = await self._store.append(self.claim.lease, self._seq, events)
        return self._seq

    async def write(self, files: Mapping[str, bytes]) -> None:
        """Store files and say so, as the pipeline does when the model closes them."""
        hashes = await self._store.put(list(files.values()))
        await self.play(
            *(
                FileChanged(path=path, action="created", size_bytes=len(content), blob=digest)
                for (path, content), digest in zip(files.items(), hashes, strict=True)
            )
        )

    async def prepare(self, framework: Framework = Framework.REACT) -> None:
        """Everything before the first word of the model."""
        await self.play(
            StageEntered(stage=Stage.FRAMEWORK, message="Choosing the framework"),
            FrameworkSelected(framework=framework, reason="Named in the request"),
            StageEntered(stage=Stage.SANDBOX, message="Preparing the sandbox"),
            SandboxChanged(sandbox_id=SandboxId("sbx_1"), state="ready"),
            StageEntered(stage=Stage.GENERATING, message="Writing the app"),
            TurnStarted(step=1, purpose="generate"),
        )

    async def say(self, text: str) -> None:
        """A piece of the model's text."""
        await self.play(TextStreamed(content=text))

    async def check(self, check: Check, *findings: Diagnostic) -> None:
        """A check that passes, unless there is something to find."""
        await self.play(
            CheckStarted(check=check),
            CheckFinished(check=check, ok=not findings, diagnostics=findings, duration_s=1.5),
        )

    async def complete(
        self,
        files: Mapping[str, bytes],
        *,
        title: str = "Bike shop board",
        message: str = "The board is ready.",
        preview_url: str | None = None,
        suggestions: Sequence[str] = ("Add due dates", "Let me drag cards"),
    ) -> FragmentId:
        """End well, leaving the files as the project's new version."""
        hashes = await self._store.put(list(files.values()))
        fragment_id = FragmentId(f"frag_{self.claim.task.id}")
        completed = TaskCompleted(
            message=message,
            title=title,
            fragment_id=fragment_id,
            preview_url=preview_url,
            suggestions=tuple(suggestions),
            usage=Usage(prompt_tokens=1200, completion_tokens=800, cost_usd=0.0042),
        )
        fragment = NewFragment(
            id=fragment_id,
            title=title,
            framework=Framework.REACT,
            files=dict(zip(files, hashes, strict=True)),
            preview_url=preview_url,
        )
        await self._end(
            Ending(
                events=(completed,),
                status=TaskStatus.COMPLETE,
                reply=message,
                fragment=fragment,
                title=title,
                framework=Framework.REACT,
            )
        )
        return fragment_id

    async def fail(self) -> None:
        """End as stuck, with a question."""
        failed = TaskFailed(
            code="stuck",
            message="The build still fails after two fixes.",
            hint="Should the chart be left out, or drawn without a library?",
            retryable=True,
            options=("Leave the chart out", "Draw it by hand"),
        )
        await self._end(
            Ending(events=(failed,), status=TaskStatus.FAILED, reply="The build still fails.")
        )

    async def stop_if_asked(self) -> bool:
        """Renew the lease; end as cancelled when somebody asked."""
        by = await self._store.renew(self.claim.lease)
        if by is None:
            return False
        await self._end(
            Ending(events=(TaskCancelled(by=by),), status=TaskStatus.CANCELLED, reply="Stopped.")
        )
        return True

    async def build(
        self, files: Mapping[str, bytes] = APP, *, preview_url: str | None = None
    ) -> FragmentId:
        """A whole good run of the claimed task, from start to end."""
        await self.prepare()
        await self.say("I will build a board ")
        await self.say("with three columns.")
        await self.write(files)
        await self.play(
            TurnFinished(step=1, text="I will build a board.", finish_reason="stop"),
            UsageRecorded(model="offline", usage=Usage(prompt_tokens=1200, completion_tokens=800)),
            StageEntered(stage=Stage.VALIDATING, message="Checking the app"),
        )
        await self.check(Check.LINT)
        await self.check(Check.BUILD)
        await self.play(StageEntered(stage=Stage.PREVIEW, message="Starting the app"))
        if preview_url is not None:
            [picture] = await self._store.put([PICTURE])
            checks = ("http", "start page", "browser")
            seen = PreviewVerified(url=preview_url, checks=checks, screenshot=picture)
            await self.play(seen)
        return await self.complete(files, preview_url=preview_url)

    async def _end(self, ending: Ending) -> None:
        await self._store.finish(self.claim.lease, self._seq, ending)
        self._claim = None
