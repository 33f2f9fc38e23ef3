"""Designs of Figma over its REST API: a frame's tree, its images and its picture."""

import asyncio
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

from aiohttp.abc import AbstractResolver

from agents.errors import ImportDenied, SourceUnavailable
from agents.imports.fetch import Answer, Destinations, Download, GuardedClient, origin_of
from agents.imports.figma.brief import Brief, write_brief
from agents.imports.figma.images import (
    FOLDER,
    MAX_ALL_BYTES,
    MAX_IMAGE_BYTES,
    Wanted,
    extension_of,
    names_of,
    wanted_images,
)
from agents.imports.figma.nodes import Node, Raw, mapping, mappings, read_tree, word
from agents.imports.figma.references import FigmaReference, parse_design
from agents.imports.figma.tokens import Catalog
from agents.ports import Clock
from agents.retry import HTTP, with_retry
from agents.sources import Design

FIGMA_API: Final = "https://api.figma.com"
IMAGE_HOSTS: Final = frozenset(
    {
        "s3-alpha-sig.figma.com",
        "s3-alpha.figma.com",
        "figma-alpha-api.s3.us-west-2.amazonaws.com",
    }
)
"""Where the API says that images are: uploaded ones, and those that it has drawn."""

MAX_JSON: Final = 32 * 1024 * 1024
DOWNLOAD_S: Final = 60.0
_AT_ONCE: Final = 6
_IN_MEMORY: Final = 4 * 1024 * 1024
_FRAMES: Final = frozenset({"FRAME", "COMPONENT", "COMPONENT_SET", "INSTANCE", "SECTION", "GROUP"})


@dataclass
class _Pictures:
    """The frame as Figma draws it, the files by path, and what kind each reference came as."""

    own: bytes | None
    files: dict[str, bytes] = field(default_factory=dict)
    extensions: dict[str, str] = field(default_factory=dict)

    def add(self, reference: str, name: str, content: bytes) -> None:
        """Keep what is an image, as long as there is room."""
        extension = extension_of(content)
        room = MAX_ALL_BYTES - sum(map(len, self.files.values()))
        if extension is not None and len(content) <= room:
            self.files[f"{FOLDER}/{name}.{extension}"] = content
            self.extensions[reference] = extension


class Figma:
    """Implements `agents.sources.Designs`; an async context manager.

    `api_url` other than Figma's own is an operator's, trusted as set, and so is what it says of
    images. `token` is sent to the API only.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        api_url: str = FIGMA_API,
        token: str | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._clock = clock
        self._api = api_url.rstrip("/")
        self._token = token
        trusted = frozenset() if self._api == FIGMA_API else frozenset({origin_of(self._api)})
        hosts = IMAGE_HOSTS | {"api.figma.com"} if self._api == FIGMA_API else IMAGE_HOSTS
        self._client = GuardedClient(Destinations(hosts, trusted), resolver=resolver)

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def fetch_design(self, reference: str) -> Design:
        wanted = parse_design(reference)
        if wanted.node is None:
            wanted = replace(wanted, node=await self._first_frame(wanted))
        answer = await self._json(f"/v1/files/{wanted.key}/nodes", ids=str(wanted.node))
        found = mapping(mapping(answer.get("nodes")).get(str(wanted.node)))
        tree = await asyncio.to_thread(read_tree, found.get("document"))
        if tree is None:
            raise ImportDenied(
                "There is no such frame in that design, or it is hidden.",
                hint="Select the frame in Figma, copy the link to it, and send that.",
            )
        if tree.root.kind not in _FRAMES or tree.root.box is None:
            raise ImportDenied(
                f"“{tree.root.name}” is a {tree.root.kind.lower()}, not a frame.",
                hint="Select a frame in Figma, copy the link to it, and send that.",
            )
        images = wanted_images(tree.root)
        pictures = await self._pictures(wanted, images)
        addresses = names_of(images, pictures.extensions)
        brief = await asyncio.to_thread(write_brief, tree, Catalog.of(found), addresses)
        told = replace(brief, notes=brief.notes + _missing(images, addresses))
        return _design(wanted, answer, tree.root, told, pictures)

    async def _first_frame(self, wanted: FigmaReference) -> str:
        answer = await self._json(f"/v1/files/{wanted.key}", depth="2")
        for page in mappings(mapping(answer.get("document")).get("children")):
            for node in mappings(page.get("children")):
                node_id = node.get("id")
                is_shown = node.get("visible") is not False and node.get("type") in _FRAMES
                if is_shown and isinstance(node_id, str):
                    return node_id
        raise ImportDenied("There is no frame in that design.", hint="Draw one, and try again.")

    async def _pictures(self, wanted: FigmaReference, images: Sequence[Wanted]) -> _Pictures:
        places = await self._places(wanted, images)
        pictures = _Pictures(await self._own_picture(wanted))
        turns = asyncio.Semaphore(_AT_ONCE)

        async def fetch(url: str) -> bytes | None:
            async with turns:
                return await self._image(url)

        references = list(dict.fromkeys(i.reference for i in images if i.reference in places))
        contents = await asyncio.gather(*(fetch(places[reference]) for reference in references))
        names = {image.reference: image.name for image in reversed(images)}
        for reference, content in zip(references, contents, strict=True):
            if content is not None:
                await asyncio.to_thread(pictures.add, reference, names[reference], content)
        return pictures

    async def _own_picture(self, wanted: FigmaReference) -> bytes | None:
        """How Figma draws the frame; None where it does not."""
        urls = await self._drawn(wanted, [str(wanted.node)], "png")
        url = urls.get(str(wanted.node))
        picture = await self._image(url) if url is not None else None
        return picture if picture is not None and extension_of(picture) == "png" else None

    async def _places(self, wanted: FigmaReference, images: Sequence[Wanted]) -> dict[str, str]:
        """Where each reference can be fetched."""
        places: dict[str, str] = {}
        if any(image.kind == "fill" for image in images):
            answer = await self._json(f"/v1/files/{wanted.key}/images")
            given = mapping(mapping(answer.get("meta")).get("images"))
            fills = {image.reference for image in images if image.kind == "fill"}
            places |= {r: url for r, url in given.items() if r in fills and isinstance(url, str)}
        drawings = [image.reference for image in images if image.kind == "drawing"]
        return places | (await self._drawn(wanted, drawings, "svg") if drawings else {})

    async def _drawn(
        self, wanted: FigmaReference, node_ids: Sequence[str], form: str
    ) -> dict[str, str]:
        """Where nodes are as images; what Figma cannot draw is null in its answer."""
        answer = await self._json(
            f"/v1/images/{wanted.key}", ids=",".join(node_ids), format=form, scale="1"
        )
        given = mapping(answer.get("images"))
        return {node_id: url for node_id, url in given.items() if isinstance(url, str)}

    async def _image(self, url: str) -> bytes | None:
        """An image; None where it is not to be had: an app can do without one."""
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
            download = Download(file, MAX_IMAGE_BYTES, DOWNLOAD_S)  # type: ignore[arg-type]
            try:
                answer = await self._client.get(url, headers=_HEADERS, download=download)
            except (ImportDenied, SourceUnavailable):
                return None
            file.seek(0)
            return file.read() if answer.status == 200 else None

    async def _json(self, path: str, **query: str) -> Raw:
        """An answer of the API, asked for up to three times. Raises: ImportDenied, SourceUnavailable."""
        asked = f"?{urlencode(query, quote_via=quote)}" if query else ""
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
            download = Download(file, MAX_JSON, DOWNLOAD_S)  # type: ignore[arg-type]
            credentials = {"X-Figma-Token": self._token} if self._token else {}

            async def ask() -> Answer:
                file.seek(0)
                file.truncate()
                answer = await self._client.get(
                    f"{self._api}{path}{asked}",
                    headers=_HEADERS,
                    credentials=credentials,
                    download=download,
                )
                if answer.status >= 500:
                    raise SourceUnavailable(f"Figma answers {answer.status}")
                return answer

            answer = await with_retry(HTTP, ask, clock=self._clock)
            self._check(answer)
            file.seek(0)
            return await asyncio.to_thread(_loaded, file.read())

    def _check(self, answer: Answer) -> None:
        """Raises: ImportDenied for anything but a 200, in words of what to do."""
        match answer.status:
            case 200:
                return
            case 401 | 403 if self._token is None:
                raise ImportDenied(
                    "Figma shows designs only to somebody it knows.",
                    hint="Whoever runs Zapdev has to set FIGMA_TOKEN.",
                )
            case 401 | 403:
                raise ImportDenied(
                    "Figma does not show that design to the token that is set here.",
                    hint="Share the file with its owner; the token needs the scope file_content:read.",
                )
            case 404:
                raise ImportDenied(
                    "Figma shows no such design.",
                    hint="Check the address; a private file has to be shared with the token's owner.",
                )
            case 429:
                after = answer.headers.get("retry-after", "")
                wait = f" for {after} s" if after.isdecimal() and len(after) < 7 else ""
                raise ImportDenied(
                    f"Figma's limit of requests is reached{wait}.", hint="Try again then."
                )
            case 400:
                raise ImportDenied(
                    "Figma does not understand which frame that is.",
                    hint="Select the frame in Figma, copy the link to it, and send that.",
                )
            case _:
                raise _not_figma()


_HEADERS: Final[Mapping[str, str]] = {"User-Agent": "zapdev"}


def _loaded(body: bytes) -> Raw:
    """Raises: ImportDenied, for what is no JSON object."""
    try:
        loaded: Any = json.loads(body)
    except (ValueError, RecursionError):
        loaded = None
    if not isinstance(loaded, dict):
        raise _not_figma()
    return loaded


def _missing(images: Sequence[Wanted], addresses: Mapping[str, str]) -> tuple[str, ...]:
    count = len({image.reference for image in images if image.node_id not in addresses})
    if not count:
        return ()
    return (f"{count} image{'s' * (count != 1)} of it could not be had.",)


def _design(
    wanted: FigmaReference, answer: Raw, root: Node, brief: Brief, pictures: _Pictures
) -> Design:
    box, tokens = root.box, brief.tokens
    return Design(
        origin=f"figma.com/design/{wanted.key}",
        name=word(answer.get("name")) or "Design",
        frame=root.name,
        version=word(answer.get("version")),
        brief=brief.text,
        width=round(box.width) if box is not None else 0,
        height=round(box.height) if box is not None else 0,
        colours=len(tokens.colours),
        text_styles=len(tokens.text_styles),
        components=len(tokens.components),
        images=pictures.files,
        picture=pictures.own,
        notes=brief.notes,
    )


def _not_figma() -> ImportDenied:
    return ImportDenied(
        "The answer is not one that Figma gives.",
        hint="Whoever runs Zapdev can check FIGMA_API_URL.",
    )
