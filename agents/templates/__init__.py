"""One definition per framework: what a new app starts from, and how it is made to run.

`<framework>/template.toml` holds the commands and the facts a model needs, `files/` the app's
first files, `sample/` what the offline model writes (in the order of `sample/order.txt`). The
local sandbox, the E2B template and the prompts all read the same definition.
"""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files as package_files
from importlib.resources.abc import Traversable
from types import MappingProxyType

from pydantic import Field, ValidationError

from agents.types import Framework, Frozen

_ORDER = "order.txt"


class TemplateError(ValueError):
    """A template's definition is wrong; the text names the file and the key."""


class _Definition(Frozen):
    """The keys of `template.toml`; all commands run in the app's folder by `bash -c`."""

    framework: Framework
    title: str = Field(min_length=1)
    stack: str = Field(min_length=1)
    port: int = Field(ge=1, le=65_535)
    install: str = Field(min_length=1)
    lint: str = Field(min_length=1)
    build: str = Field(min_length=1)
    preview: str = Field(min_length=1)
    dev: str = Field(min_length=1)
    entry: tuple[str, ...] = Field(min_length=1)
    ui: tuple[str, ...]
    start_page_marker: str = Field(min_length=1)
    ignore: tuple[str, ...]


@dataclass(frozen=True)
class Template:
    """A framework's starting point. Paths are relative to the app's root.

    `port` is where `preview` and `dev` listen; `entry` is what a model replaces first; `ui` are
    the building blocks it may use; `start_page_marker` is a text only the untouched start page
    shows; `ignore` names files and folders at the root that are made, not written.
    """

    framework: Framework
    title: str
    stack: str
    port: int
    install: str
    lint: str
    build: str
    preview: str
    dev: str
    entry: tuple[str, ...]
    ui: tuple[str, ...]
    start_page_marker: str
    ignore: tuple[str, ...]
    files: Mapping[str, bytes]
    sample: Mapping[str, str]
    sample_order: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        """Lower-case hex SHA-256 over everything that decides the prepared tree."""
        seen = hashlib.sha256(f"{self.framework}\0{self.install}\0".encode())
        for path, content in sorted(self.files.items()):
            seen.update(f"{path}\0{len(content)}\0".encode())
            seen.update(content)
        return seen.hexdigest()


@lru_cache
def get_template(framework: Framework) -> Template:
    """The framework's template, read once. Raises: TemplateError."""
    return load_template(package_files(__name__) / framework.value)


def load_template(folder: Traversable) -> Template:
    """Read the definition in `folder`. Raises: TemplateError."""
    definition = _read_definition(folder)
    files = {
        path: content
        for path, content in _walk(folder / "files")
        if path.partition("/")[0] not in definition.ignore
    }
    sample = {path: content.decode() for path, content in _walk(folder / "sample")}
    order = tuple(sample.pop(_ORDER, "\n".join(sorted(sample))).split())
    if "package.json" not in files:
        raise TemplateError(f"{folder / 'files'}: package.json is missing")
    if sorted(order) != sorted(sample):
        odd = ", ".join(sorted(set(order) ^ set(sample))) or "a path is listed twice"
        raise TemplateError(f"{folder / 'sample' / _ORDER}: does not match the files: {odd}")
    return Template(
        **dict(definition),
        files=MappingProxyType(files),
        sample=MappingProxyType(sample),
        sample_order=order,
    )


def _read_definition(folder: Traversable) -> _Definition:
    source = folder / "template.toml"
    try:
        definition = _Definition.model_validate(tomllib.loads(source.read_text("utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise TemplateError(f"{source}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise TemplateError(f"{source}: {key}: {first['msg']}") from error
    if definition.framework.value != folder.name:
        raise TemplateError(f"{source}: framework: must be the folder's name, {folder.name}")
    return definition


def _walk(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    """Every file below, path first; folders that tools made are left out."""
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.is_file():
            yield prefix + entry.name, entry.read_bytes()
        elif entry.name not in ("node_modules", "__pycache__"):
            yield from _walk(entry, f"{prefix}{entry.name}/")
