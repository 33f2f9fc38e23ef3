"""The agent's tools: seven names a model may call, run against a `Workspace`.

Whatever a model gets wrong is a result it reads and can act on, never an exception. Only
`SandboxError` passes through: then the sandbox failed, not the call.
"""

from difflib import get_close_matches
from typing import assert_never

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from agents.paths import UnsafePath
from agents.ports import ToolCall
from agents.tools.arguments import (
    TOOLS,
    AnyArguments,
    CreateOrUpdateFiles,
    DeleteFiles,
    EditFile,
    ListFiles,
    ReadFiles,
    SearchFiles,
    Terminal,
    create_tools,
)
from agents.tools.files import create_or_update_files, delete_files, edit_file, names, read_files
from agents.tools.search import list_files, search_files
from agents.tools.terminal import terminal
from agents.tools.workspace import Answer, Refused, ToolResult, Workspace

__all__ = ["ToolResult", "Workspace", "create_tools", "describe_call", "run_tool"]

_SUMMARY_CHARS = 80
_PROBLEMS_SHOWN = 6


async def run_tool(call: ToolCall, workspace: Workspace) -> ToolResult:
    """Run one call. Raises: SandboxError; everything else is told in the result."""
    arguments = _parse(call)
    summary = _summarize(call.name, arguments)
    if isinstance(arguments, str):
        return ToolResult(ok=False, summary=summary, text=arguments)
    try:
        answer = await _run(arguments, workspace)
    except (Refused, UnsafePath) as error:
        answer = Answer(str(error), ok=False)
    return ToolResult(ok=answer.ok, summary=summary, text=answer.text)


async def _run(arguments: AnyArguments, workspace: Workspace) -> Answer:
    match arguments:
        case CreateOrUpdateFiles():
            answer = await create_or_update_files(arguments, workspace)
        case EditFile():
            answer = await edit_file(arguments, workspace)
        case ReadFiles():
            answer = await read_files(arguments, workspace)
        case ListFiles():
            answer = await list_files(arguments, workspace)
        case SearchFiles():
            answer = await search_files(arguments, workspace)
        case DeleteFiles():
            answer = await delete_files(arguments, workspace)
        case Terminal():
            answer = await terminal(arguments, workspace)
        case _:
            assert_never(arguments)
    return answer


def describe_call(call: ToolCall) -> str:
    """One short line for people, such as `src/App.tsx, 2 more`; never raises."""
    return _summarize(call.name, _parse(call))


def _parse(call: ToolCall) -> AnyArguments | str:
    """The call's arguments, or what is wrong with them."""
    tool = TOOLS.get(call.name)
    if tool is None:
        near = get_close_matches(call.name, TOOLS, n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]}?" if near else ""
        return f"There is no tool {call.name[:60]!r}.{hint} The tools are: {', '.join(TOOLS)}."
    try:
        return tool.model_validate_json(call.arguments or "{}")
    except ValidationError as error:
        problems = [_problem(problem) for problem in error.errors(include_url=False)]
    shown = "\n".join(problems[:_PROBLEMS_SHOWN])
    fields = ", ".join(field.alias or name for name, field in tool.model_fields.items())
    return f"The arguments of {call.name} are not right; it takes: {fields}.\n{shown}"


def _problem(problem: ErrorDetails) -> str:
    place = ".".join(str(part) for part in problem["loc"]) or "arguments"
    return f"{place}: {problem['msg']}"


def _summarize(name: str, arguments: AnyArguments | str) -> str:
    match arguments:
        case str():
            words = name
        case CreateOrUpdateFiles():
            words = names(file.path for file in arguments.files)
        case EditFile() | ListFiles():
            words = arguments.path
        case ReadFiles() | DeleteFiles():
            words = names(arguments.paths)
        case SearchFiles():
            words = arguments.pattern
        case Terminal():
            words = arguments.command
        case _:
            assert_never(arguments)
    line = " ".join(words.split())
    return line if len(line) <= _SUMMARY_CHARS else line[: _SUMMARY_CHARS - 1] + "…"
