"""The agent loop: ask the model, run the tools it asked for, feed the results back."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass

from typing_extensions import override

from agents import events as e
from agents.background import Background
from agents.completion import complete
from agents.context import fit
from agents.logger import breadcrumb, span
from agents.models import ModelConfig
from agents.paths import UnsafePath, safe_path
from agents.placeholders import has_placeholder
from agents.ports import LLMRequest, Message, ToolCall
from agents.printed_code import printed_calls, printed_files
from agents.prompts import NOTHING_WRITTEN, PRINTED_ONLY
from agents.replay import PastTurn, assistant_message, record_turn
from agents.run import Run, SpendingListener
from agents.tools import create_tools, describe_call, run_tool
from agents.types import Framework
from agents.workspace import Workspace


class TurnListener(SpendingListener):
    """Records what a completion streams, and writes each file the moment it is whole.

    Files are written beside the stream, one after another: a sandbox that is still on its way
    does not hold up the model. `settle` waits for them.
    """

    def __init__(self, run: Run, workspace: Workspace, model: str, *, billable: bool) -> None:
        super().__init__(run, model, billable=billable)
        self._run = run
        self._workspace = workspace
        self._writes: list[asyncio.Task[dict[str, str]]] = []
        self._background = Background()
        self._spoken = False

    @override
    def on_text(self, text: str) -> None:
        """Show it; what a later turn says begins a paragraph of its own."""
        if not self._spoken and self._run.turn > 1:
            text = f"\n\n{text}"
        self._spoken = True
        self._run.journal.record(e.TextStreamed(content=text))

    @override
    async def on_file(self, call_index: int, path: str, content: str) -> None:
        """Write early; what the tool will refuse is left for the tool to report."""
        try:
            path = safe_path(path)
            self._workspace.refuse_collision([path])
        except UnsafePath:
            return
        if not has_placeholder(content):
            write = self._workspace.write({path: content.encode()})
            self._writes.append(self._background.start(write, name="early write"))

    @override
    async def on_void(self, reason: str) -> None:
        await self.settle()
        self._spoken = False
        self._run.journal.record(e.TextVoided(reason=reason))
        await self._workspace.void()

    async def settle(self) -> None:
        """Return when every early write is done. Raises: SandboxError, as the first one did."""
        writes, self._writes = self._writes, []
        await asyncio.gather(*writes)

    async def close(self) -> None:
        """Leave no write behind, whatever happened."""
        await self._background.stop()


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one agent is to do: with which model, in which framework, paid by whom."""

    purpose: e.AgentPurpose
    model: ModelConfig
    framework: Framework

    @property
    def billable(self) -> bool:
        """Fix attempts are never charged to the person."""
        return self.purpose == "generate"


async def run_agent(
    run: Run,
    workspace: Workspace,
    assignment: Assignment,
    messages: Sequence[Message],
    past: Sequence[PastTurn] = (),
) -> str:
    """Go on until the model asks for no more tools; answers all text it wrote.

    Finished turns of an earlier attempt are replayed: their text and results stand, and only
    tools that had not finished are run.

    Raises:
        LimitExceeded: a budget ended.
        ProviderError, GenerationError: the model could not be used, retries included.
        SandboxError, LeaseLost, StoreUnavailable: as the ports.
    """
    conversation = list(messages)
    texts: list[str] = []
    for earlier in past:
        message = await assistant_message(earlier.turn, run.kit.blobs)
        texts.append(message.content)
        conversation.append(message)
        conversation += await _run_tools(run, workspace, message.tool_calls, earlier.results)
        if not message.tool_calls and earlier is past[-1]:
            return "\n".join(texts)
        if not message.tool_calls:
            conversation.append(_reminder(run))
    while True:
        conversation = fit(conversation, run.kit.budget.context_tokens)
        message = await _take_turn(run, workspace, assignment, conversation)
        texts.append(message.content)
        conversation.append(message)
        if not message.tool_calls:
            return "\n".join(texts)
        conversation += await _run_tools(run, workspace, message.tool_calls, {})


async def generate_code(
    run: Run, workspace: Workspace, assignment: Assignment, messages: Sequence[Message]
) -> str:
    """Build what was asked for.

    A model that wrote nothing for a new app, or only printed a change, is told so once.
    """
    text = await run_agent(run, workspace, assignment, messages, run.progress.turns)
    if run.changed(workspace.known):
        return text
    if run.job.base is not None and (run.job.asks or not await _prints_news(workspace, text)):
        return text
    reminded = [*messages, Message("assistant", text or "…"), _reminder(run)]
    return await run_agent(run, workspace, assignment, reminded)


async def _prints_news(workspace: Workspace, text: str) -> bool:
    """Whether the text prints a call, or a file otherwise than as an excerpt of what is there."""
    if _printed(text, alone=False):
        return True
    for path, content in (printed_files(text) or {}).items():
        now = await workspace.peek(path) if path in workspace.known else None
        if now is None or content.strip() not in now.decode(errors="replace"):
            return True
    return False


def _reminder(run: Run) -> Message:
    """What follows a reply that ended without having changed anything."""
    return Message("user", NOTHING_WRITTEN if run.job.base is None else PRINTED_ONLY)


async def _take_turn(
    run: Run, workspace: Workspace, assignment: Assignment, conversation: Sequence[Message]
) -> Message:
    run.spending.open_request()
    run.turn += 1
    workspace.begin_turn()
    run.journal.record(e.TurnStarted(step=run.turn, purpose=assignment.purpose))
    model = assignment.model
    request = LLMRequest(
        purpose=assignment.purpose,
        model=model.id,
        messages=tuple(conversation),
        temperature=model.temperature,
        max_tokens=model.max_tokens,
        tools=create_tools(),
        framework=assignment.framework,
    )
    listener = TurnListener(run, workspace, model.id, billable=assignment.billable)
    try:
        with span("gen_ai.chat", model.id, purpose=assignment.purpose, step=run.turn):
            asking = complete(run.kit.llm, request, listener, clock=run.kit.clock)
            completion = await workspace.unless_lost(asking)
            await listener.settle()
    finally:
        await listener.close()
    calls = completion.calls
    if not calls and not run.job.asks:
        reminded = _reminder(run) in conversation
        calls = _printed(completion.text, alone=not reminded)
        if not calls:
            insists = assignment.purpose == "fix" or reminded
            calls = await _files_in_text(run, workspace, completion.text, insists=insists)
    calls = _unique_ids(calls, run.turn)
    turn = await record_turn(
        run.turn, completion.text, calls, completion.finish_reason, run.kit.blobs
    )
    run.journal.record(turn)
    await run.journal.flush()
    return Message("assistant", completion.text, tool_calls=calls)


async def _run_tools(
    run: Run,
    workspace: Workspace,
    calls: Sequence[ToolCall],
    finished: dict[str, e.ToolFinished],
) -> list[Message]:
    """Run the calls in order; one that finished in an earlier attempt is only quoted."""
    replies = []
    for call in calls:
        done = finished.get(call.id)
        if done is None:
            done = await _run_one(run, workspace, call)
        replies.append(Message("tool", done.result, tool_call_id=call.id))
    return replies


async def _run_one(run: Run, workspace: Workspace, call: ToolCall) -> e.ToolFinished:
    summary = describe_call(call)
    run.journal.record(e.ToolStarted(call_id=call.id, name=call.name, summary=summary))
    await run.journal.flush()
    with span("gen_ai.execute_tool", call.name):
        result = await run_tool(call, workspace)
    breadcrumb("tool", call.name, ok=result.ok)
    done = e.ToolFinished(
        call_id=call.id,
        name=call.name,
        summary=result.summary,
        ok=result.ok,
        result=result.text,
    )
    run.journal.record(done)
    await run.journal.flush()
    return done


def _printed(text: str, *, alone: bool) -> tuple[ToolCall, ...]:
    """The calls that a model printed instead of making them.

    Amid other words they may be somebody else's, quoted: then only the model that was reminded
    means them.
    """
    calls = printed_calls(text, {tool.name for tool in create_tools()}, alone=alone)
    return tuple(ToolCall("printed", name, arguments) for name, arguments in calls)


async def _files_in_text(
    run: Run, workspace: Workspace, text: str, *, insists: bool
) -> tuple[ToolCall, ...]:
    """A model that printed files instead of calling a tool meant the tool.

    A block labelled with the name of a file that an earlier task left may be a quotation: it is
    meant only when the model `insists`, and the block can be the whole file.
    """
    files = printed_files(text) or {}
    for path, content in files.items():
        if path in (run.job.base or {}):
            now = await workspace.peek(path) or b""
            if not insists or content.count("\n") * 2 < now.count(b"\n"):
                return ()
    listed = [{"path": path, "content": content} for path, content in files.items()]
    if not listed:
        return ()
    return (ToolCall("printed", "createOrUpdateFiles", json.dumps({"files": listed})),)


def _unique_ids(calls: Sequence[ToolCall], turn: int) -> tuple[ToolCall, ...]:
    """Ids that are unique in the task, whatever the provider counts from."""
    return tuple(
        ToolCall(f"t{turn}.{index}.{call.id}", call.name, call.arguments)
        for index, call in enumerate(calls)
    )
