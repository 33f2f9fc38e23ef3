"""What a tool that wrote source says about imports that nothing declares, before the build does."""

from collections.abc import Mapping
from typing import Final

from agents.packages import find_undeclared, is_alias_file, is_manifest
from agents.tools.workspace import Workspace, text_of

_SHOWN: Final = 8


async def undeclared_note(written: Mapping[str, bytes], workspace: Workspace) -> list[str]:
    """One paragraph that names the packages, or nothing. Raises: SandboxError."""
    sources = {path: text for path, content in written.items() if (text := text_of(content))}
    manifest = await workspace.peek("package.json") if sources else None
    if manifest is None or not find_undeclared(sources, [manifest]):
        return []
    paths = await workspace.paths()
    manifests = [await workspace.peek(path) or b"" for path in paths if is_manifest(path)]
    configs = [await workspace.peek(path) or b"" for path in paths if is_alias_file(path)]
    texts = [content.decode(errors="replace") for content in configs]
    found = find_undeclared(sources, [manifest, *manifests], texts, paths)
    if not found:
        return []
    lines = [f"- {item.package}, imported by {item.files[0]}" for item in found[:_SHOWN]]
    return [
        "package.json does not declare these, so the build would fail. Install each one that is a "
        "package and needed (`npm install <name>`), or use what is there; a path or an alias of the "
        "app's own needs nothing:\n" + "\n".join(lines)
    ]
