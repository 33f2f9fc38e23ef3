"""Which models there are, what each is called with, and what it costs. Pure data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from agents.types import Usage

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """One model: the key people use, the provider's id, and how it is called.

    Prices are dollars per million tokens. They are needed only where the provider does not
    report a cost by itself, as OpenRouter does.
    """

    key: str
    id: str
    temperature: float = 0.7
    max_tokens: int = 8000
    prompt_usd_per_million: float | None = None
    completion_usd_per_million: float | None = None

    def priced(self, usage: Usage) -> Usage:
        """The usage with its cost filled in from our prices, unless it has one already."""
        if usage.cost_usd or self.prompt_usd_per_million is None:
            return usage
        millionths = usage.prompt_tokens * self.prompt_usd_per_million + usage.completion_tokens * (
            self.completion_usd_per_million or 0.0
        )
        return usage.model_copy(update={"cost_usd": millionths / 1_000_000})


MODEL_CONFIGS: Mapping[str, ModelConfig] = {
    AUTO: ModelConfig(AUTO, "openrouter/auto"),
    "anthropic/claude-haiku-4.5": ModelConfig(
        "anthropic/claude-haiku-4.5", "anthropic/claude-haiku-4.5"
    ),
    "google/gemini-2.5-flash-lite": ModelConfig(
        "google/gemini-2.5-flash-lite", "google/gemini-2.5-flash-lite"
    ),
    "openai/gpt-4o": ModelConfig("openai/gpt-4o", "openai/gpt-4o"),
}
"""The models everybody has; keys equal OpenRouter's ids, but for `auto`."""

FIXER = ModelConfig("fixer", "anthropic/claude-haiku-4.5", temperature=0.3, max_tokens=4000)
"""Repairs what lint, build or preview report."""

SELECTOR = ModelConfig("selector", "google/gemini-2.5-flash-lite", temperature=0.3, max_tokens=50)
"""Answers one word: the framework."""


@dataclass(frozen=True, slots=True)
class ModelCatalog:
    """The models of one installation, put together once by `build_catalog`.

    `models` always holds `auto`. `fallbacks` are ids that OpenRouter tries by itself when the
    asked model fails; other servers are never told.
    """

    models: Mapping[str, ModelConfig] = field(default_factory=lambda: MODEL_CONFIGS)
    fixer: ModelConfig = FIXER
    selector: ModelConfig = SELECTOR
    fallbacks: tuple[str, ...] = ()

    @property
    def default(self) -> ModelConfig:
        """The model of whoever names none."""
        return self.models[AUTO]

    def by_id(self) -> dict[str, ModelConfig]:
        """Provider's id -> model, for whoever has to price a call."""
        return {model.id: model for model in self.models.values()}


DEFAULT_CATALOG = ModelCatalog()


def build_catalog(
    *,
    default: str = AUTO,
    sole: bool = False,
    extra: Iterable[ModelConfig] = (),
    fallbacks: Iterable[str] = (),
) -> ModelCatalog:
    """Put the settings together.

    Args:
        default: what `auto` stands for: a known key, or any id the server knows.
        sole: the server is not OpenRouter and serves `default` alone (Ollama, llama.cpp): it is
            then used for choosing and fixing too, and OpenRouter's own models are not offered.
            Without a named `default` there is nothing to be alone, and this changes nothing.
        extra: more models, from a settings file; same key as a known one replaces it.
        fallbacks: ids for OpenRouter's own `models` parameter.
    """
    named = {model.key: model for model in extra}
    offered = {**MODEL_CONFIGS, **named}
    chosen = replace(offered.get(default) or ModelConfig(default, default), key=AUTO)
    if not sole or default == AUTO:
        return ModelCatalog({**offered, AUTO: chosen}, fallbacks=tuple(fallbacks))
    return ModelCatalog(
        {**named, AUTO: chosen},
        fixer=replace(FIXER, id=chosen.id),
        selector=replace(SELECTOR, id=chosen.id),
    )


def get_model(key: str, catalog: ModelCatalog = DEFAULT_CATALOG) -> tuple[ModelConfig, bool]:
    """The model of that key, and whether there is one: an unknown key gets `auto`."""
    model = catalog.models.get(key)
    return (catalog.default, False) if model is None else (model, True)
