"""What an import brings: fetched, recognised, and in the log before anything of it is run."""

from collections import Counter
from collections.abc import Mapping, Sequence

from agents import events as e
from agents.errors import ImportDenied
from agents.imports.detection import Verdict, apps_within, recognise
from agents.imports.references import reference_in
from agents.run import Run
from agents.sources import Source
from agents.templates import get_template
from agents.types import Framework, LeftOut, Stage

MAX_LEFT_OUT = 100
_MADE = "made by tools, not written"


async def take_in(run: Run) -> Framework:
    """Bring the job's source into the store and the log, unless an earlier attempt has done so.

    Afterwards the run's progress holds its files. Raises: BadRequest, ImportDenied,
    SourceUnavailable, StoreUnavailable.
    """
    if run.progress.imported is not None and run.progress.framework is not None:
        return run.progress.framework
    if run.kit.sources is None:
        raise ImportDenied("Nothing can be imported here.", hint="Describe the app in words.")
    reference = reference_in(run.job.prompt)
    run.enter(Stage.FRAMEWORK, f"Fetching {reference}")
    source = await run.kit.sources.fetch(reference)
    verdict = _verdict(source)
    run.enter(Stage.FRAMEWORK, f"Reading {len(source.files):,} files")
    files, made = _without_what_is_made(source.files, get_template(verdict.framework).ignore)
    await _record(run, source, verdict, files, made)
    return verdict.framework


def describe_import(run: Run) -> e.SummaryWritten:
    """Title and summary of an import. No path of its files stands in them: models read them."""
    imported = run.progress.imported
    if imported is None:
        raise LookupError("nothing was imported")
    name = imported.origin.rpartition("/")[2]
    place = f"folder {imported.path} of {imported.origin}" if imported.path else imported.origin
    size = _count(imported.files, "file")
    at = f"{imported.ref}, {imported.commit[:7]}"
    told = [f"Imported {place} ({at}): {size}, made with {imported.title}."]
    if imported.left_out:
        reasons = Counter(left.reason for left in imported.left_out)
        listed = ", ".join(f"{count} ({reason})" for reason, count in reasons.most_common())
        told.append(f"Left out: {listed}.")
    title = f"{name}: {imported.path}" if imported.path else name
    return e.SummaryWritten(title=title[:60], summary=" ".join([*told, *imported.warnings]))


def _verdict(source: Source) -> Verdict:
    """Raises: ImportDenied, which says what can be done instead."""
    name = source.origin.partition("/")[2]
    where = f"{name}@{source.ref}" + (f"/{source.path}" if source.path else "")
    if source.overflow is None:
        return recognise(source.files, source.manifests, where=where)
    within = apps_within(source.manifests)
    listed = ", ".join(f"{app.path} ({app.title})" for app in within[:6])
    raise ImportDenied(
        f"It has {source.overflow}, more than an app may have here."
        + (f" Apps in it: {listed}." if listed else ""),
        hint=f"Import one folder of it: {where}/{within[0].path if within else 'folder'}",
    )


def _without_what_is_made(
    files: Mapping[str, bytes], ignored: Sequence[str]
) -> tuple[dict[str, bytes], list[LeftOut]]:
    """What the framework's own tools make is no part of an app, even where it was committed."""
    kept = {p: content for p, content in files.items() if p.partition("/")[0] not in ignored}
    made = sorted({p.partition("/")[0] for p in files.keys() - kept.keys()})
    return kept, [LeftOut(path=path, reason=_MADE) for path in made]


async def _record(
    run: Run,
    source: Source,
    verdict: Verdict,
    files: Mapping[str, bytes],
    made: Sequence[LeftOut],
) -> None:
    """First the files, then that they are all there."""
    journal, known = run.journal, run.progress.files
    hashes = dict(zip(files, await run.kit.blobs.put(list(files.values())), strict=True))
    reason = f"{verdict.title}, says its package.json"
    journal.record(e.FrameworkSelected(framework=verdict.framework, reason=reason))
    for path in sorted(path for path in known if path not in files and known[path] is not None):
        journal.record(e.FileChanged(path=path, action="deleted", size_bytes=0))
    for path, content in sorted(files.items()):
        event = e.FileChanged(
            path=path, action="created", size_bytes=len(content), blob=hashes[path]
        )
        journal.record(event)
    left_out = (*source.left_out, *made)
    imported = e.SourceImported(
        origin=source.origin,
        ref=source.ref,
        commit=source.commit,
        path=source.path,
        title=verdict.title,
        files=len(files),
        size_bytes=sum(map(len, files.values())),
        left_out=left_out[:MAX_LEFT_OUT],
        left_out_count=len(left_out),
        warnings=verdict.warnings,
    )
    journal.record(imported)
    for warning in verdict.warnings:
        run.notice(warning)
    await journal.flush()
    run.progress.framework = verdict.framework
    run.progress.imported = imported
    run.progress.files = {**dict.fromkeys(known), **hashes}


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
