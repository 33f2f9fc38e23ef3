"""`zapdev convex`: making the key, and telling the deployment."""

import base64
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.cli.shell import Outcome
from bot.store.convex_token import ServiceKey


def zapdev(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["convex", *arguments])


def believed(setting: str) -> list[str]:
    """The ids of the keys in a `ZAPDEV_AUTH`."""
    jwks = base64.b64decode(json.loads(setting)["service"].partition("base64,")[2])
    return [jwk["kid"] for jwk in json.loads(jwks)["keys"]]


def test_a_new_key_is_one_line_for_env_and_the_rest_is_said_beside_it() -> None:
    first, second = zapdev("key"), zapdev("key")
    assert first.exit_code == 0
    name, _, key = first.stdout.rstrip("\n").partition("=")
    assert name == "CONVEX_SERVICE_KEY"
    assert ServiceKey.parse(key).id != ServiceKey.parse(second.stdout.partition("=")[2]).id
    assert "npx convex env set ZAPDEV_AUTH" in first.stderr


def test_the_deployments_setting_belongs_to_the_key_and_holds_none_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = ServiceKey.generate()
    monkeypatch.setenv("CONVEX_SERVICE_KEY", key.export())
    monkeypatch.setenv("CLERK_ISSUER", "https://clerk.example")
    done = zapdev("auth")
    assert done.exit_code == 0
    assert believed(done.stdout) == [key.id]
    assert json.loads(done.stdout)["clerk"] == "https://clerk.example"
    assert key.export() not in done.output


def test_a_second_key_is_believed_beside_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = ServiceKey.generate(), ServiceKey.generate()
    monkeypatch.setenv("CONVEX_SERVICE_KEY", old.export())
    file = tmp_path / "next.env"
    file.write_text(f"CONVEX_SERVICE_KEY={new.export()}\n")
    assert believed(zapdev("auth", "--also", str(file)).stdout) == [old.id, new.id]


@pytest.mark.parametrize("content", [None, "", "OTHER=1\n"], ids=["no file", "empty", "another"])
def test_a_file_without_a_key_is_named(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVEX_SERVICE_KEY", ServiceKey.generate().export())
    file = tmp_path / "next.env"
    if content is not None:
        file.write_text(content)
    done = zapdev("auth", "--also", str(file))
    assert done.exit_code == Outcome.USAGE
    assert "next.env" in done.stderr.replace("\n", "")


def test_without_a_key_the_setting_says_how_to_make_one() -> None:
    done = zapdev("auth")
    assert done.exit_code == Outcome.USAGE
    assert "zapdev convex key" in done.stderr
    assert done.stdout == ""
