from pathlib import Path

import pytest

from agents.errors import BadRequest
from agents.models import ModelConfig, get_model
from bot.adapters import model_catalog
from bot.config import load_settings
from bot.model_file import read_models


def test_a_toml_file_adds_models(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text('[[models]]\nkey = "fast"\nid = "x/fast"\nprompt_usd_per_million = 0.5\n')
    assert read_models(path) == [ModelConfig("fast", "x/fast", prompt_usd_per_million=0.5)]


def test_a_json_list_adds_models_and_the_key_is_the_id(tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    path.write_text('[{"key": "x/y", "max_tokens": 100}]')
    assert read_models(path) == [ModelConfig("x/y", "x/y", max_tokens=100)]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[{}]", "0.key"),
        ('[{"key": "a", "temperature": 9}]', "0.temperature"),
        ('[{"key": "a", "colour": 1}]', "0.colour"),
        ("{", "not valid"),
        ("{}", "models"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "models.json"
    path.write_text(text)
    with pytest.raises(BadRequest, match=named) as refused:
        read_models(path)
    assert str(path) in str(refused.value)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="cannot be read"):
        read_models(tmp_path / "none.json")


def test_whatever_model_is_asked_for_without_a_key_it_is_the_offline_one_that_is_named(
    tmp_path: Path,
) -> None:
    catalog = model_catalog(load_settings(data_dir=tmp_path, model="openai/gpt-4o"))
    assert [get_model(key, catalog)[0].id for key in ("gpt", "auto")] == ["offline", "offline"]
