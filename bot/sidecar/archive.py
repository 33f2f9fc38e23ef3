"""A version of an app as a zip file: the same files give the same bytes."""

import asyncio
import io
import re
import zipfile

from aiohttp import web

from agents.paths import contained_path
from agents.types import AppFiles

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip file can hold."""

_UNIX = 3
_REGULAR_0644 = 0o100644 << 16


def build_archive(files: AppFiles, *, folder: str) -> bytes:
    """Zip the app under one folder. CPU-bound: call it off the event loop.

    Raises: UnsafePath, for a name that would leave the folder; stored files have none.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(f"{folder}/{contained_path(path)}", date_time=_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = _UNIX
            entry.external_attr = _REGULAR_0644
            archive.writestr(entry, files[path])
    return buffer.getvalue()


async def archive_response(title: str, files: AppFiles) -> web.Response:
    """The app as a download that is called after its title."""
    name = archive_name(title)
    return web.Response(
        body=await asyncio.to_thread(build_archive, files, folder=name),
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}.zip"'},
    )


def archive_name(title: str) -> str:
    """A file name for a title: lower-case ASCII letters, digits and hyphens, never empty."""
    words = re.findall(r"[a-z0-9]+", title.lower())
    return "-".join(words)[:60].strip("-") or "app"
