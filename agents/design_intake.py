"""What the import of a design brings: its images among the app's files, and the rest as data."""

import asyncio

from agents import events as e
from agents.errors import ImportDenied
from agents.imports.references import reference_in
from agents.likeness import likeness
from agents.prompts import get_design_prompt
from agents.run import Run
from agents.sources import Design
from agents.types import Stage

PUBLIC = "public"
"""The folder whose files every framework's template serves at the root."""


async def take_in_design(run: Run) -> None:
    """Bring the job's design into the store and the log, unless an earlier attempt has done so.

    Afterwards the run's progress holds it and its images. Raises: BadRequest, ImportDenied,
    SourceUnavailable, StoreUnavailable.
    """
    if run.progress.design is not None:
        return
    if run.kit.designs is None:
        raise ImportDenied(
            "Designs cannot be imported here.",
            hint="Whoever runs Zapdev has to set FIGMA_TOKEN.",
        )
    run.enter(Stage.FRAMEWORK, "Reading the design")
    design = await run.kit.designs.fetch_design(reference_in(run.job.prompt))
    await _record(run, design)


async def design_request(run: Run) -> str:
    """What the model is asked: our words, then the design as data. Raises: StoreUnavailable."""
    design = run.progress.design
    if design is None:
        raise LookupError("no design was read")
    stored = await run.kit.blobs.get([design.brief])
    return get_design_prompt(stored[design.brief].decode(), design.origin)


async def compare_with_design(run: Run, screenshot: bytes) -> None:
    """Tell how like the design's picture the app looks, where there is one of each.

    It is told and nothing else: no figure makes an app red. Raises: StoreUnavailable.
    """
    design = run.progress.design
    if design is None or design.picture is None:
        return
    stored = await run.kit.blobs.get([design.picture])
    score = await asyncio.to_thread(likeness, stored[design.picture], screenshot)
    if score is not None:
        run.journal.record(e.DesignCompared(likeness=score))


async def _record(run: Run, design: Design) -> None:
    """First the files, then that they are all there."""
    journal, blobs = run.journal, run.kit.blobs
    files = {f"{PUBLIC}/{path}": content for path, content in design.images.items()}
    contents = [design.brief.encode(), *files.values()]
    if design.picture is not None:
        contents.append(design.picture)
    hashes = await blobs.put(contents)
    for (path, content), blob in zip(files.items(), hashes[1:], strict=False):
        journal.record(
            e.FileChanged(path=path, action="created", size_bytes=len(content), blob=blob)
        )
        run.progress.files[path] = blob
    read = e.DesignImported(
        origin=design.origin,
        name=design.name,
        frame=design.frame,
        version=design.version,
        width=design.width,
        height=design.height,
        colours=design.colours,
        text_styles=design.text_styles,
        components=design.components,
        images=len(files),
        brief=hashes[0],
        picture=hashes[-1] if design.picture is not None else None,
        notes=design.notes,
    )
    journal.record(read)
    for note in design.notes:
        run.notice(note)
    await journal.flush()
    run.progress.design = read
