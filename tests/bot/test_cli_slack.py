"""`zapdev manifest` and `zapdev preview-blocks`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from typer.testing import CliRunner, Result

from agents.logger import configure_logging
from bot.cli import app
from bot.cli.blocks import BUILDER, builder_payloads
from bot.cli.shell import Outcome
from bot.render.slack_gallery import message_states, view_states
from bot.slack.manifest import EXAMPLE_URL, make_manifest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where no `.env` is, with logging put back afterwards."""
    monkeypatch.chdir(tmp_path)
    yield
    configure_logging(level="warning")


def zapdev(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_the_manifest_is_the_file_and_what_to_do_with_it_is_said_beside_it() -> None:
    done = zapdev("manifest")

    assert done.exit_code == Outcome.DONE
    assert done.stdout == (ROOT / "manifest.yml").read_text()
    assert "https://api.slack.com/apps" in done.stderr
    assert "--url" in done.stderr


def test_socket_mode_is_told_which_tokens_follow() -> None:
    done = zapdev("manifest", "--socket")

    assert yaml.safe_load(done.stdout) == make_manifest(socket=True)
    assert "SLACK_BOT_TOKEN and SLACK_APP_TOKEN" in done.stderr


def test_an_address_is_put_in_everywhere() -> None:
    done = zapdev("manifest", "--url", "https://bots.example/")

    assert yaml.safe_load(done.stdout) == make_manifest("https://bots.example")
    assert EXAMPLE_URL not in done.output
    assert "SLACK_SIGNING_SECRET" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("--url", "http://bots.example"), ("--socket", "--url", "https://bots.example")],
    ids=["no https", "both"],
)
def test_what_cannot_be_meant_is_said_and_nothing_printed(arguments: tuple[str, ...]) -> None:
    done = zapdev("manifest", *arguments)

    assert done.exit_code == Outcome.USAGE
    assert done.stdout == ""
    assert "https://zapdev.example.com" in done.stderr or "either --socket or --url" in done.stderr


def test_every_message_becomes_a_file_for_the_builder(tmp_path: Path) -> None:
    done = zapdev("preview-blocks", "--out", "here")

    assert done.exit_code == Outcome.DONE
    written = {p.relative_to(tmp_path / "here").as_posix() for p in tmp_path.rglob("*.json")}
    assert written == set(builder_payloads())
    assert len(written) == len(message_states()), "two states have one file name"
    assert BUILDER in done.stderr
    assert (
        f"{len(list((tmp_path / 'here' / 'messages').iterdir()))} in here/messages" in done.stderr
    )


def test_what_is_pasted_is_what_the_builder_takes(tmp_path: Path) -> None:
    zapdev("preview-blocks")

    states, views = message_states(), view_states()
    for name, message in states.items():
        [file] = tmp_path.glob(f"block-kit/*/{name.replace(',', '').replace(' ', '-')}.json")
        payload = json.loads(file.read_text())
        if name in views:
            assert payload == views[name]
            assert file.parent.name == {"modal": "modals", "home": "home"}[payload["type"]]
        else:
            assert list(payload) == ["blocks"]
            assert payload["blocks"] == message.blocks or _said(payload) == message.text
        assert payload["blocks"]


def _said(payload: Any) -> str:
    """A message without blocks is shown as one paragraph."""
    [paragraph] = payload["blocks"]
    return str(paragraph["text"]["text"])


def test_files_of_another_name_are_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "block-kit" / "messages" / "mine.json"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")

    assert zapdev("preview-blocks").exit_code == Outcome.DONE
    assert mine.read_text() == "mine"


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = zapdev("preview-blocks", "--out", "file")

    assert done.exit_code == Outcome.USAGE
    assert "file cannot be written" in done.stderr
