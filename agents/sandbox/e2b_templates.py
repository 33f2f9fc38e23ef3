"""The frameworks' templates at E2B: built there from the same definitions the local sandbox uses.

A build is tagged with the template's digest, so that what is there can be compared with what the
code wants, and leaves the digest in the marker file that a new sandbox is asked for.
"""

import io
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import e2b
from e2b import AsyncTemplate

from agents.errors import PackagesUnavailable
from agents.sandbox.e2b_calls import Calls
from agents.sandbox.e2b_guest import APP, HOME, MARKER_NAME, OURS
from agents.templates import Template

TemplateState = Literal["current", "outdated", "absent"]

OnLine = Callable[[str], None]

BUILD_S = 20 * 60.0
_NODE = "22"
_ARCHIVE = "zapdev-app.tar.gz"
_WHO = "user"
_DEFAULT = "default"
"""The tag that a name without a tag means."""


class RemoteTemplates:
    """Those of one account. `options` is what every call of the SDK takes."""

    def __init__(self, options: Mapping[str, Any], calls: Calls) -> None:
        self._options = dict(options)
        self._calls = calls

    async def state(self, template: Template) -> TemplateState:
        """What is there under the template's name. Raises: ProviderError."""
        tags = await self._calls.make(self._tags(template_name(template)))
        if not tags:
            return "absent"
        wanted = tags.get(_tag(template))
        return "current" if wanted is not None and wanted == tags.get(_DEFAULT) else "outdated"

    async def build(self, template: Template, on_line: OnLine) -> None:
        """Build it, and tell what the build says. It then is what its name means.

        Raises: ProviderError, PackagesUnavailable (a step of it failed).
        """
        with tempfile.TemporaryDirectory(prefix="zapdev-template-") as folder:
            (Path(folder) / _ARCHIVE).write_bytes(_pack(template.files))
            building = AsyncTemplate.build(
                _definition(template, folder),
                template_name(template),
                tags=[_tag(template)],
                cpu_count=2,
                memory_mb=2048,
                on_build_logs=lambda entry: on_line(entry.message),
                **self._options,
            )
            await self._calls.make(_or_failed(building, template), within_s=BUILD_S)

    async def _tags(self, name: str) -> dict[str, str]:
        """Tag -> id of its build; empty where there is no such template."""
        try:
            found = await AsyncTemplate.get_tags(name, **self._options)
        except e2b.SandboxException as error:
            if error.status_code == 404:
                return {}
            raise
        return {tag.tag: tag.build_id for tag in found}


def template_name(template: Template) -> str:
    """Its name at E2B."""
    return f"zapdev-{template.framework}"


def _definition(template: Template, folder: str) -> e2b.TemplateClass:
    """The steps of a build. What installing has changed of the app's own files is put right."""
    unpack = f"tar -xzf /tmp/{_ARCHIVE} -C {APP}"
    return (
        AsyncTemplate(file_context_path=folder)
        .from_node_image(_NODE)
        .copy(_ARCHIVE, f"/tmp/{_ARCHIVE}")  # noqa: S108 - of the machine that is built
        .run_cmd(f"mkdir -p {APP} {OURS} && {unpack}", user=_WHO)
        .run_cmd(f"cd {APP} && HOME={HOME} {template.install}", user=_WHO)
        .run_cmd(f"{unpack} && printf %s {template.digest} >{HOME}/{MARKER_NAME}", user=_WHO)
    )


async def _or_failed(building: Any, template: Template) -> None:
    try:
        await building
    except e2b.BuildException as error:
        raise PackagesUnavailable(f"{template.title} at E2B: {str(error)[-500:]}") from error


def _tag(template: Template) -> str:
    return f"digest-{template.digest[:32]}"


def _pack(files: Mapping[str, bytes]) -> bytes:
    """A tar archive that is the same for the same files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=6) as archive:
        for path, content in sorted(files.items()):
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    packed = bytearray(out.getvalue())
    packed[4:8] = bytes(4)  # gzip's own time stamp
    return bytes(packed)
