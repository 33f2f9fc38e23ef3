"""The tool that runs a command."""

import re
from typing import Final

from agents.commands import clamp_timeout, is_package_install, packages_named, refusal
from agents.packages import is_manifest
from agents.ports import CommandResult
from agents.tools.arguments import Terminal
from agents.tools.workspace import Answer, Refused, Workspace

MAX_OUTPUT_CHARS: Final = 24_000
"""What a model reads of a command's output; the sandbox has cut it to 64 KiB before."""

_ANSI: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")


async def terminal(arguments: Terminal, workspace: Workspace) -> Answer:
    """Run the command if the policy lets it; a non-zero exit is a result like any other.

    Raises: Refused.
    """
    command = arguments.command.strip()
    reason = refusal(command)
    if reason is not None:
        raise Refused(reason)
    timeout_s = clamp_timeout(arguments.timeout_ms)
    network = is_package_install(command)
    if network:
        await _refuse_bad_packages(command, workspace)
        command = f"{command} --ignore-scripts"  # strangers' scripts do not run with a network
    result = await workspace.run(command, timeout_s=timeout_s, network=network)
    return Answer(_report(result, timeout_s), ok=result.ok)


async def _refuse_bad_packages(command: str, workspace: Workspace) -> None:
    """Judge what is named and what the manifests declare: npm installs both.

    Raises: Refused, when the package gate does not let one of them through.
    """
    problems = {**await workspace.refuse_packages(packages_named(command))}
    for path in filter(is_manifest, await workspace.paths()):
        problems |= await workspace.refuse_manifest(path, await workspace.peek(path) or b"")
    if problems:
        raise Refused("\n".join(["Nothing was installed.", *problems.values()]))


def _report(result: CommandResult, timeout_s: float) -> str:
    if result.timed_out:
        heading = (
            f"Stopped after {timeout_s:.0f} s: the command did not end. Its output until then:"
        )
    else:
        heading = f"Exit code {result.exit_code} after {result.duration_s:.1f} s"
    return f"{heading}\n{_cut(_ANSI.sub('', result.output)).strip() or '(no output)'}"


def _cut(output: str) -> str:
    """Head and tail: an error stands at one of them."""
    if len(output) <= MAX_OUTPUT_CHARS:
        return output
    half = MAX_OUTPUT_CHARS // 2
    missing = len(output) - 2 * half
    return f"{output[:half]}\n[… {missing} characters left out …]\n{output[-half:]}"
