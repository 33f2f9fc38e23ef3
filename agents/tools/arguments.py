"""What each tool takes. The models are the one definition: the JSON schemas come from them."""

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from agents.commands import DEFAULT_TIMEOUT_S
from agents.ports import ToolSpec

Path = Annotated[str, Field(description="Relative to the project's root, such as src/App.tsx")]


class Arguments(BaseModel):
    """The arguments of one tool; names on the wire are camelCase."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    description: ClassVar[str]


class FileContent(Arguments):
    """One whole file."""

    path: Path
    content: str = Field(description="The complete file, from the first line to the last")


class CreateOrUpdateFiles(Arguments):
    """Arguments of `createOrUpdateFiles`."""

    description = (
        "Write whole files, new or replaced. Put several files in one call. Content is complete: "
        "no placeholders such as 'rest unchanged'. For a small change to a long file use editFile."
    )
    files: list[FileContent] = Field(min_length=1)


class Replacement(Arguments):
    """One anchored replacement."""

    search: str = Field(
        description="Lines copied exactly from the file, enough of them to be unique in it"
    )
    replace: str = Field(description="What stands there afterwards; empty to delete")


class EditFile(Arguments):
    """Arguments of `editFile`."""

    description = (
        "Change parts of one file. Every search text must stand exactly once in the file; edits "
        "apply one after another, all of them or none. Read the file first."
    )
    path: Path
    edits: list[Replacement] = Field(min_length=1)


class ReadFiles(Arguments):
    """Arguments of `readFiles`."""

    description = "Read files. Name all you need in one call."
    paths: list[Path] = Field(min_length=1)


class ListFiles(Arguments):
    """Arguments of `listFiles`."""

    description = "List the project's files with their sizes, below a folder."
    path: str = Field(default=".", description="A folder; '.' is the whole project")


class SearchFiles(Arguments):
    """Arguments of `searchFiles`."""

    description = (
        "Find lines that match a regular expression (no look-around, no back-references), or "
        "contain the text if it is none."
    )
    pattern: str = Field(min_length=1, max_length=500)
    path: str = Field(default=".", description="Only in this folder or file")


class DeleteFiles(Arguments):
    """Arguments of `deleteFiles`."""

    description = "Delete files. A file that others import has to be replaced there first."
    paths: list[Path] = Field(min_length=1)


class Terminal(Arguments):
    """Arguments of `terminal`."""

    description = (
        "Run one command that ends by itself, in the project's root. No servers, no watching, "
        "nothing in the background. A plain `npm install <names>` reaches the registry (install "
        "scripts do not run; a package has to exist, be older than a day, and be spelled right); everything else runs without a network. Lint and build are run for "
        "you after your turn."
    )
    command: str
    timeout_ms: int = Field(
        default=int(DEFAULT_TIMEOUT_S * 1000),
        alias="timeoutMs",
        description="Between 1000 and 600000",
    )


AnyArguments = (
    CreateOrUpdateFiles | EditFile | ReadFiles | ListFiles | SearchFiles | DeleteFiles | Terminal
)

TOOLS: dict[str, type[AnyArguments]] = {
    "createOrUpdateFiles": CreateOrUpdateFiles,
    "editFile": EditFile,
    "readFiles": ReadFiles,
    "listFiles": ListFiles,
    "searchFiles": SearchFiles,
    "deleteFiles": DeleteFiles,
    "terminal": Terminal,
}


def create_tools() -> tuple[ToolSpec, ...]:
    """All tools as a model is told of them. Schemas have no references: some providers want so."""
    return tuple(
        ToolSpec(name, arguments.description, _schema(arguments))
        for name, arguments in TOOLS.items()
    )


def _schema(arguments: type[Arguments]) -> dict[str, Any]:
    schema = arguments.model_json_schema()
    definitions = schema.pop("$defs", {})
    schema.pop("description", None)  # the class's docstring; the tool has its own text
    return {key: _inlined(value, definitions) for key, value in schema.items() if key != "title"}


def _inlined(node: Any, definitions: dict[str, Any]) -> Any:
    """The schema with references replaced by what they point at, and without titles."""
    if isinstance(node, list):
        return [_inlined(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inlined(definitions[node["$ref"].rpartition("/")[2]], definitions)
    return {
        key: _inlined(value, definitions)
        for key, value in node.items()
        if key != "title" or not isinstance(value, str)
    }
