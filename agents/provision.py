"""The framework and a sandbox with the right files, each as early as it can be had."""

import asyncio
from collections.abc import Mapping

from agents import events as e
from agents.background import Background
from agents.design_intake import take_in_design
from agents.framework_selector import DEFAULT, framework_named_in, select_framework
from agents.imports.fitting import fitted
from agents.intake import take_in
from agents.packages import PackageGate
from agents.ports import Sandbox
from agents.retry import SANDBOX, with_retry
from agents.run import Run
from agents.templates import Template, get_template
from agents.types import BlobHash, Framework, SandboxState, Stage
from agents.workspace import Workspace, blob_hash

_SLOW_AFTER_S = 2.5


async def provision(run: Run, background: Background) -> tuple[Template, Workspace]:
    """Settle the framework and open the workspace; its sandbox may still be on its way.

    Where nobody named a framework, a sandbox of the default one is begun while the model
    chooses; it is thrown away unused when the choice is another.
    """
    if run.job.brings_app:
        framework = await take_in(run)
        arriving = background.start(_acquire(run, framework), name="sandbox")
    else:
        if run.job.brings_design:
            await take_in_design(run)
        framework, arriving = await _choose(run, background)
    template = get_template(framework)
    run.enter(Stage.SANDBOX, f"Preparing a {template.title} sandbox")
    run.start = _start_files(run, template)
    files = _current_files(run, template)
    template = fitted(template, await _manifest(run, files, template), files.__contains__)
    workspace = Workspace(
        arriving,
        files,
        install_command=template.install,
        blobs=run.kit.blobs,
        journal=run.journal,
        gate=PackageGate(run.kit.packages, run.kit.clock),
    )
    background.spawn(_announce(run, arriving, template), name="announce")
    if workspace.known.get("package.json") != blob_hash(template.files["package.json"]):
        workspace.start_install()
    return template, workspace


async def _choose(run: Run, background: Background) -> tuple[Framework, asyncio.Task[Sandbox]]:
    """The framework, and a sandbox of it that is on its way."""
    run.enter(Stage.FRAMEWORK, "Choosing the framework")
    named = run.progress.framework or run.job.framework or framework_named_in(run.job.prompt)
    if named is None and run.job.brings_design:
        named = DEFAULT
    guess = background.start(_acquire(run, named or DEFAULT), name="sandbox")
    try:
        framework = await _settle(run, named)
    except BaseException:
        await _discard(guess)
        raise
    if framework is (named or DEFAULT):
        return framework, guess
    background.spawn(_discard(guess), name="discard")
    return framework, background.start(_acquire(run, framework), name="sandbox")


async def _manifest(run: Run, files: Mapping[str, BlobHash], template: Template) -> bytes | None:
    """The app's `package.json`, where it is another one than the template's."""
    blob = files.get("package.json")
    if blob is None or blob == blob_hash(template.files["package.json"]):
        return None
    return (await run.kit.blobs.get([blob]))[blob]


async def _settle(run: Run, named: Framework | None) -> Framework:
    """The framework, recorded with its reason unless an earlier attempt has done so."""
    if run.progress.framework is not None:
        return run.progress.framework
    if named is None:
        named, reason = await select_framework(run, run.models.selector)
    else:
        known = "This project's framework" if run.job.base is not None else "You chose it"
        reason = known if run.job.framework else "Named in the request"
        if run.job.brings_design and run.job.framework is None:
            reason = "The usual one for a page"
    run.journal.record(e.FrameworkSelected(framework=named, reason=reason))
    return named


async def _acquire(run: Run, framework: Framework) -> Sandbox:
    """A sandbox with the files the task is at: where it began plus its own finished changes."""
    template = get_template(framework)
    contents = None
    if run.job.base is None and not run.job.brings_app:
        await run.kit.blobs.put(list(template.files.values()))
    if run.job.base is not None or run.progress.files:
        files = _current_files(run, template)
        stored = await run.kit.blobs.get(list(set(files.values())))
        contents = {path: stored[blob] for path, blob in files.items()}
    return await with_retry(
        SANDBOX,
        lambda: run.kit.sandboxes.acquire(framework, contents, run.job.task_id),
        clock=run.kit.clock,
    )


async def _announce(run: Run, arriving: asyncio.Task[Sandbox], template: Template) -> None:
    """Record the sandbox when it is there; say so when that takes long."""
    await asyncio.wait([arriving], timeout=_SLOW_AFTER_S)
    if not arriving.done():
        run.notice(
            f"Preparing the {template.title} sandbox takes a while: a minute or more where its "
            "packages have to be installed first."
        )
    [sandbox] = await asyncio.gather(arriving, return_exceptions=True)
    if isinstance(sandbox, BaseException):
        return  # whoever needs the sandbox sees its error
    if sandbox.notice is not None:
        run.notice(sandbox.notice)
    state: SandboxState = "restored" if run.job.base is not None else "ready"
    run.journal.record(e.SandboxChanged(sandbox_id=sandbox.id, state=state))


async def _discard(arriving: asyncio.Task[Sandbox]) -> None:
    """End a sandbox that turned out to be of the wrong framework, however far it got."""
    arriving.cancel()
    [sandbox] = await asyncio.gather(arriving, return_exceptions=True)
    if not isinstance(sandbox, BaseException):
        await sandbox.close()


def _start_files(run: Run, template: Template) -> Mapping[str, BlobHash]:
    """The app before this task: the head version, or the template's start."""
    if run.job.base is not None:
        return run.job.base
    if run.job.brings_app:
        return {}
    return {path: blob_hash(content) for path, content in template.files.items()}


def _current_files(run: Run, template: Template) -> dict[str, BlobHash]:
    """The app as this task's finished turns have left it."""
    files = dict(_start_files(run, template))
    for path, blob in run.progress.files.items():
        if blob is None:
            files.pop(path, None)
        else:
            files[path] = blob
    return files
