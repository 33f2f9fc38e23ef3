import pytest

from agents.models import (
    FIXER,
    MODEL_CONFIGS,
    SELECTOR,
    ModelConfig,
    build_catalog,
    get_model,
)
from agents.types import Usage


def test_the_four_known_keys_have_openrouters_ids_and_the_agreed_values() -> None:
    assert {key: model.id for key, model in MODEL_CONFIGS.items()} == {
        "auto": "openrouter/auto",
        "anthropic/claude-haiku-4.5": "anthropic/claude-haiku-4.5",
        "google/gemini-2.5-flash-lite": "google/gemini-2.5-flash-lite",
        "openai/gpt-4o": "openai/gpt-4o",
    }
    assert {(m.temperature, m.max_tokens) for m in MODEL_CONFIGS.values()} == {(0.7, 8000)}
    assert (FIXER.id, FIXER.temperature, FIXER.max_tokens) == (
        "anthropic/claude-haiku-4.5", 0.3, 4000,
    )  # fmt: skip
    assert (SELECTOR.id, SELECTOR.temperature, SELECTOR.max_tokens) == (
        "google/gemini-2.5-flash-lite", 0.3, 50,
    )  # fmt: skip


@pytest.mark.parametrize("key", sorted(MODEL_CONFIGS))
def test_a_known_key_gets_its_model(key: str) -> None:
    assert get_model(key) == (MODEL_CONFIGS[key], True)


@pytest.mark.parametrize("key", ["", "gpt-9", "AUTO", "anthropic/claude-haiku-4.5 "])
def test_an_unknown_key_gets_auto_and_says_so(key: str) -> None:
    assert get_model(key) == (MODEL_CONFIGS["auto"], False)


def test_a_settings_file_adds_models_and_may_replace_known_ones() -> None:
    mine = ModelConfig("mine", "house/mine", max_tokens=100)
    cooler = ModelConfig("openai/gpt-4o", "openai/gpt-4o", temperature=0.1)
    catalog = build_catalog(extra=[mine, cooler])
    assert get_model("mine", catalog) == (mine, True)
    assert get_model("openai/gpt-4o", catalog) == (cooler, True)
    assert get_model("auto", catalog)[0].id == "openrouter/auto"


def test_the_configured_model_is_what_auto_stands_for() -> None:
    by_key = build_catalog(default="openai/gpt-4o", fallbacks=["a/b"])
    assert by_key.default.id == "openai/gpt-4o"
    assert by_key.selector == SELECTOR
    assert by_key.fixer == FIXER
    assert by_key.fallbacks == ("a/b",)
    by_id = build_catalog(default="qwen/some-new-model")
    assert get_model("auto", by_id)[0].id == "qwen/some-new-model"


def test_one_model_of_another_server_serves_every_purpose() -> None:
    catalog = build_catalog(default="llama3.1", sole=True, fallbacks=["a/b"])
    assert {catalog.default.id, catalog.fixer.id, catalog.selector.id} == {"llama3.1"}
    assert (catalog.selector.temperature, catalog.selector.max_tokens) == (0.3, 50)
    assert catalog.fallbacks == ()
    assert get_model("openai/gpt-4o", catalog) == (catalog.default, False)


def test_a_server_without_a_named_model_is_offered_everything() -> None:
    catalog = build_catalog(sole=True)
    assert get_model("openai/gpt-4o", catalog)[1]
    assert catalog.selector == SELECTOR


def test_our_prices_fill_in_a_missing_cost_and_never_override_a_reported_one() -> None:
    model = ModelConfig("m", "m", prompt_usd_per_million=2.0, completion_usd_per_million=10.0)
    usage = Usage(prompt_tokens=1_000, completion_tokens=100)
    assert model.priced(usage).cost_usd == pytest.approx(0.003)
    reported = usage.model_copy(update={"cost_usd": 0.5})
    assert model.priced(reported).cost_usd == 0.5
    assert ModelConfig("m", "m").priced(usage) == usage
