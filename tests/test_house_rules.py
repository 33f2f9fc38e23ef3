"""The house's rules, as tests: a rule that had to be said twice stands here."""

import ast
import json
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
MAX_FILE, MAX_FUNCTION = 400, 50
CODE = (".py", ".js", ".mjs", ".ts")
TEXTS = (*CODE, ".md", ".toml", ".yml", ".yaml", ".json", ".lock", ".txt", ".html", ".css", "")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@lru_cache
def tracked() -> tuple[Path, ...]:
    """Every file that is, or would be, in the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(path for name in listed.splitlines() if (path := ROOT / name).is_file())


def code(*suffixes: str) -> Iterator[Path]:
    """Our own source files; a template's app is not ours but the person's."""
    for path in tracked():
        parts = path.relative_to(ROOT).parts
        is_app = parts[:2] == ("agents", "templates") and {"files", "sample"} & set(parts[3:4])
        if path.suffix in suffixes and not is_app and "golden" not in parts:
            yield path


@lru_cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def ours(*folders: str) -> Iterator[Path]:
    for path in code(".py"):
        if path.relative_to(ROOT).parts[0] in folders:
            yield path


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(tree(path)):
        if isinstance(node, Function):
            yield node


def where(path: Path, line: int | None = None) -> str:
    return f"{path.relative_to(ROOT)}{'' if line is None else f':{line}'}"


def test_no_file_is_longer_than_400_lines() -> None:
    long = {where(p): n for p in code(*CODE) if (n := len(p.read_text().splitlines())) > MAX_FILE}

    assert long == {}


def test_no_function_is_longer_than_50_lines() -> None:
    """But for the one exhaustive fold."""
    long = [
        f"{where(path, f.lineno)} {f.name}"
        for path in code(".py")
        for f in functions(path)
        if (f.end_lineno or 0) - f.lineno + 1 > MAX_FUNCTION
        and (path.name, f.name) != ("task_state.py", "step")
    ]

    assert long == []


UNFINISHED = re.compile("|".join(rf"\b{w}\b" for w in ("TO" + "DO", "FIX" + "ME", "X" * 3)))
NO_TEST = re.compile(
    "|".join(
        ["unittest" + r"\.mock", "Magic" + "Mock", r"mark\." + "skip", r"pytest\." + r"skip\("]
    )
    + "|xf"
    + r"ail\b|NotImplemented"
    + "Error"
)


def test_no_comment_says_that_something_is_left_to_do() -> None:
    found = [
        where(path, number)
        for path in code(*CODE)
        for number, comment in _comments(path)
        if UNFINISHED.search(comment)
    ]

    assert found == []


def _comments(path: Path) -> Iterator[tuple[int, str]]:
    if path.suffix != ".py":
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            yield number, line.partition("//")[2]
        return
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


def test_nothing_is_mocked_skipped_or_left_unimplemented() -> None:
    found = [
        where(path, number)
        for path in code(*CODE)
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if NO_TEST.search(line)
    ]

    assert found == []


def test_no_file_names_a_package_index_or_a_path_of_a_machine() -> None:
    """Neither the tree nor the locks: everybody's installer knows where to look."""
    address = r"https?://[^\s\"']*(?:/simple\b|/packages/|\.tgz|\.whl)"
    host = r"https?://(?:[\w.-]*pypi|files\.python" + r"hosted|registry\.npm)"
    machine = "|".join(rf"(?<![\w.]){folder}" for folder in ("/wo" + "rk/", "/ro" + "ot/"))
    pattern = re.compile(f"{address}|{host}|{machine}")
    found = [
        f"{where(path, number)} {match[0]}"
        for path in tracked()
        if path.suffix in TEXTS
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if (match := pattern.search(line))
    ]

    assert found == []


def test_every_catch_of_everything_says_why_it_is_a_boundary() -> None:
    """In the docstring of its function, class or module; a handler that raises again is none."""
    found = []
    for path in ours("agents", "bot"):
        for handler, scopes in _handlers(tree(path), ()):
            everything = handler.type is None or _named(handler.type) & {
                "Exception",
                "BaseException",
            }
            again = any(isinstance(node, ast.Raise) for node in handler.body)
            said = " ".join(ast.get_docstring(scope) or "" for scope in scopes).lower()
            if everything and not again and "boundary" not in said:
                found.append(where(path, handler.lineno))

    assert found == []


Scope = ast.Module | ast.ClassDef | Function


def _handlers(
    node: ast.AST, scopes: tuple[Scope, ...]
) -> Iterator[tuple[ast.ExceptHandler, tuple[Scope, ...]]]:
    if isinstance(node, Scope):
        scopes = (*scopes, node)
    if isinstance(node, ast.ExceptHandler):
        yield node, scopes
    for child in ast.iter_child_nodes(node):
        yield from _handlers(child, scopes)


def _named(node: ast.expr) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def test_only_the_settings_read_the_environment() -> None:
    """Not `os.environ`, not `os.getenv`, and no other spelling of them."""
    readers = {"environ", "environb", "getenv", "dotenv_values", "load_dotenv"}
    found = [
        where(path, node.lineno)
        for path in ours("agents", "bot")
        if path != ROOT / "bot" / "config.py"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute | ast.Name)
        and (node.attr if isinstance(node, ast.Attribute) else node.id) in readers
    ]

    assert found == []


def test_every_logger_comes_from_the_one_place_that_scrubs() -> None:
    found = [
        where(path, node.lineno)
        for path in ours("agents", "bot")
        if path != ROOT / "agents" / "logger.py"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in {"getLogger", "get_logger"}
    ]

    assert found == []


def test_every_module_imports_alone_and_importing_does_nothing() -> None:
    """No thread, no socket, no process, no file: each in a process of its own."""
    program = [sys.executable, "-m", "tests.importing"]
    answer = subprocess.run(program, cwd=ROOT, check=True, capture_output=True, text=True)

    complaints = json.loads(answer.stdout)

    assert complaints.pop("modules") > 50
    assert complaints == {}


CHECKS = re.compile(r"Assert\(|raises|assert_|check|expect|verify|run_state_machine")


def test_every_test_can_fail() -> None:
    """It asserts, expects an error, or calls what does: a helper of its file, or a checker."""
    found = []
    for path in ours("tests"):
        if not path.name.startswith("test_"):
            continue
        checkers = {f.name for f in functions(path) if CHECKS.search(ast.dump(f))}
        found += [
            f"{where(path, f.lineno)} {f.name}"
            for f in functions(path)
            if f.name.startswith("test_") and f.name not in checkers and not _names(f) & checkers
        ]

    assert found == []


def _names(function: Function) -> set[str]:
    return {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}


def test_modules_are_nouns_and_not_drawers() -> None:
    drawers = {"utils", "helpers", "common", "base", "misc"}

    assert [where(p) for p in ours("agents", "bot") if p.stem in drawers] == []
