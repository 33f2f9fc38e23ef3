"""Which images a frame needs, under which names, and whether what came is one. Pure.

Figma gives images as they were uploaded, and drawings as SVG. They become files of the app, so
that only what is an image passes: a raster image of a known kind and of bounded size, or an SVG
that draws and does nothing else.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Final, Literal
from xml.etree import ElementTree as ET

from PIL import Image, UnidentifiedImageError

from agents.imports.figma.nodes import Node

MAX_IMAGES: Final = 40
MAX_IMAGE_BYTES: Final = 5 * 1024 * 1024
MAX_ALL_BYTES: Final = 20 * 1024 * 1024
MAX_PIXELS: Final = 40_000_000
FOLDER: Final = "design"

_SHAPES: Final = frozenset(
    {"VECTOR", "BOOLEAN_OPERATION", "STAR", "REGULAR_POLYGON", "LINE", "ELLIPSE", "RECTANGLE"}
)
_DRAWN: Final = frozenset({"VECTOR", "BOOLEAN_OPERATION", "STAR", "REGULAR_POLYGON"})
_GROUPS: Final = frozenset({"GROUP", "FRAME", "INSTANCE", "COMPONENT"})
_LARGEST_DRAWING: Final = 512.0
UNREADABLE: Final = (
    *(UnidentifiedImageError, OSError, ValueError, SyntaxError),
    *(Image.DecompressionBombError, Image.DecompressionBombWarning),
)
"""What Pillow raises for what is no picture, or too large a one."""

_KINDS: Final = {"PNG": "png", "JPEG": "jpg", "GIF": "gif", "WEBP": "webp"}
_SLUG: Final = re.compile(r"[^a-z0-9]+")

_SVG: Final = "{http://www.w3.org/2000/svg}"
_TAGS: Final = frozenset(
    [
        *(
            "svg",
            "g",
            "defs",
            "symbol",
            "use",
            "title",
            "desc",
            "path",
            "rect",
            "circle",
            "ellipse",
        ),
        *("line", "polyline", "polygon", "text", "tspan", "clipPath", "mask", "pattern", "image"),
        *("linearGradient", "radialGradient", "stop", "filter", "feBlend", "feColorMatrix"),
        *("feComposite", "feFlood", "feGaussianBlur", "feMorphology", "feOffset", "feMerge"),
        *("feMergeNode", "feDropShadow", "feTurbulence", "feDisplacementMap", "feImage"),
    ]
)
_OWN_LINK: Final = re.compile(r"#|data:image/(?:png|jpeg|gif|webp);base64,")
_ELSEWHERE: Final = re.compile(
    r"url\(\s*['\"]?(?!#)|(?:image-set|image|cross-fade|src)\(|javascript:|@import|expression\(|\\",
    re.IGNORECASE,
)
"""What loads or runs in an attribute; a backslash could spell any of it."""

_DECLARATION: Final = re.compile(rb"\A\s*<\?xml\s")
_NODE_ID: Final = re.compile(r"[A-Za-z0-9:;_-]{1,400}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """An image to fetch: a `fill` by its reference, a `drawing` by its node's id."""

    node_id: str
    name: str
    kind: Literal["fill", "drawing"]
    reference: str


def wanted_images(root: Node) -> list[Wanted]:
    """What to fetch, in the order of the layers, at most `MAX_IMAGES` different ones."""
    found: list[Wanted] = []
    names: set[str] = set()
    references: set[str] = set()
    for node, kind, reference in _images(root, is_root=True):
        if reference not in references and len(references) >= MAX_IMAGES:
            continue
        references.add(reference)
        found.append(Wanted(node.id, _free_name(node.name, names), kind, reference))
    return found


def extension_of(content: bytes) -> str | None:
    """`png`, `jpg`, `gif`, `webp` or `svg`; None for what is not an image that an app may have."""
    if content.lstrip()[:5].lower() in (b"<svg ", b"<?xml"):
        return "svg" if _only_draws(content) else None
    try:
        with Image.open(BytesIO(content), formats=list(_KINDS)) as image:  # reads its head only
            width, height = image.size
            return _KINDS[str(image.format)] if width * height <= MAX_PIXELS else None
    except (*UNREADABLE, KeyError):
        return None


def _images(
    node: Node, *, is_root: bool = False
) -> Iterator[tuple[Node, Literal["fill", "drawing"], str]]:
    reference = next(
        (p["imageRef"] for p in node.paints("fills") if isinstance(p.get("imageRef"), str)), None
    )
    if reference is not None:
        yield node, "fill", reference
    elif not is_root and _is_drawing(node):
        yield node, "drawing", node.id
        return
    for child in node.children:
        yield from _images(child)


def _is_drawing(node: Node) -> bool:
    """Whether it is best exported whole: shapes alone, small, and at least one that CSS lacks."""
    if node.box is None or max(node.box.width, node.box.height) > _LARGEST_DRAWING:
        return False
    if not _NODE_ID.fullmatch(node.id):
        return False  # an API is asked for it by this
    if node.kind in _DRAWN:
        return True
    below = [inner for inner in node.walk() if not inner.children]
    return (
        node.kind in _GROUPS
        and bool(node.children)
        and all(inner.kind in _SHAPES for inner in below)
        and any(inner.kind in _DRAWN for inner in below)
        and all(not p.get("imageRef") for inner in node.walk() for p in inner.paints("fills"))
    )


def _free_name(name: str, taken: set[str]) -> str:
    """A file's name made of the layer's: no dots, no slashes, none twice."""
    plain = _SLUG.sub("-", name.lower()).strip("-")[:40].strip("-") or "image"
    numbered = (plain if n == 1 else f"{plain}-{n}" for n in range(1, MAX_IMAGES * 1_000))
    free = next(candidate for candidate in numbered if candidate not in taken)
    taken.add(free)
    return free


def _only_draws(content: bytes) -> bool:
    """Whether an SVG holds shapes and nothing that runs, loads or leads elsewhere."""
    if len(content) > MAX_IMAGE_BYTES or b"<!" in content.replace(b"<!--", b""):
        return False  # no document type, so no entities for the parser to expand
    if b"<?" in _DECLARATION.sub(b"", content, count=1):
        return False  # no style sheet beside it, which the parser would not tell of
    try:
        root = ET.fromstring(content)  # noqa: S314 - see above
    except (ET.ParseError, ValueError):
        return False
    return root.tag == f"{_SVG}svg" and all(_is_drawn(element) for element in root.iter())


def _is_drawn(element: ET.Element) -> bool:
    if str(element.tag).removeprefix(_SVG) not in _TAGS:
        return False
    return all(_is_still(name.rpartition("}")[2], value) for name, value in element.attrib.items())


def _is_still(name: str, value: str) -> bool:
    if name.lower().startswith("on") or name.lower() == "base" or _ELSEWHERE.search(value):
        return False
    return name.lower() not in ("href", "src") or _OWN_LINK.match(value) is not None


def names_of(wanted: Iterable[Wanted], extensions: dict[str, str]) -> dict[str, str]:
    """The address of each node's image in the app, for those that came; by node id.

    Nodes with the same reference share one file: the first one's.
    """
    first: dict[str, str] = {}
    for image in wanted:
        if image.reference in extensions:
            path = f"/{FOLDER}/{image.name}.{extensions[image.reference]}"
            first.setdefault(image.reference, path)
    return {w.node_id: first[w.reference] for w in wanted if w.reference in first}
