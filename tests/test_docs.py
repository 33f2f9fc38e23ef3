"""The documents say what the code does."""

import re
from pathlib import Path

import pytest
import typer
from pydantic import SecretStr

from bot.cli import app
from bot.config import Settings, load_settings, variables

ROOT = Path(__file__).parent.parent
EXAMPLE = (ROOT / ".env.example").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def test_the_example_lists_every_setting_once_with_its_meaning() -> None:
    listed = re.findall(r"^# ([^\n]*)\n#([A-Z][A-Z0-9_]*)=", EXAMPLE, re.MULTILINE)

    told = {name: re.sub(r" \(also read: [A-Z_, ]*\)$", "", meaning) for meaning, name in listed}
    assert [name for _, name in listed] == list(variables())
    assert told == variables()


def test_the_example_names_every_alias() -> None:
    aliases = {
        str(name)
        for field in Settings.model_fields.values()
        for name in getattr(field.validation_alias, "choices", [])[1:]
    }

    assert aliases == set(re.findall(r"also read: ([A-Z_]+)", EXAMPLE))


def test_what_stands_behind_each_name_in_the_example_is_its_default(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(re.sub(r"^#([A-Z][A-Z0-9_]*=)", r"\1", EXAMPLE, flags=re.MULTILINE))

    assert load_settings(env_file) == Settings()


def test_the_example_holds_no_secret() -> None:
    secrets = [
        str(field.validation_alias.choices[0])  # type: ignore[union-attr]
        for field in Settings.model_fields.values()
        if field.annotation == SecretStr | None
    ]

    assert len(secrets) == 14
    assert all(f"#{name}=\n" in EXAMPLE for name in secrets)


AT_CONVEX = {"ZAPDEV_AUTH", "CONVEX_SELF_HOSTED_URL", "CONVEX_SELF_HOSTED_ADMIN_KEY"}
"""Not ours to read: what a deployment, and Convex's own tool, are told."""


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


def commands() -> set[str]:
    """What `--help` lists."""
    return set(typer.main.get_command(app).list_commands(None))  # type: ignore[attr-defined]


def test_the_makefile_explains_what_people_are_told_to_type() -> None:
    explained = set(re.findall(r"^([a-z]+):.*## \S", MAKEFILE, re.MULTILINE))

    assert explained == {
        *("help", "run", "test", "lint", "fmt"),
        *("bench", "campaign", "lock", "convex", "chromium"),
    }


@pytest.mark.parametrize("document", ["README.md"])
def test_every_command_a_document_names_exists(document: str) -> None:
    text = (ROOT / document).read_text()

    made = set(re.findall(r"\bmake ([a-z]+)\b", "\n".join(_code(text))))
    typed = set(re.findall(r"(?<!/)\bzapdev ([a-z][a-z-]*)\b", "\n".join(_code(text))))
    assert made <= targets(), made - targets()
    assert typed <= commands(), typed - commands()
    assert {"run", "test"} <= made
    assert {"build", "doctor", "replay"} <= typed


@pytest.mark.parametrize("document", ["README.md"])
def test_every_setting_a_document_names_exists(document: str) -> None:
    text = (ROOT / document).read_text()
    named = set(re.findall(r"\b(?:ZAPDEV|OPENROUTER|E2B|CONVEX|CLERK|SLACK)_[A-Z0-9_]+", text))

    unknown = named - set(variables()) - AT_CONVEX
    assert unknown == set()


def _code(text: str) -> list[str]:
    """What stands in backticks or in fenced blocks."""
    return re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL)


def test_what_checks_a_change_is_what_the_readme_says() -> None:
    assert "make test" in (ROOT / ".ci" / "run").read_text()
