"""More models from a settings file, JSON or TOML: a list (`[[models]]` in TOML) of objects.

Each has `key`, and may have `id` (default: the key), `temperature`, `max_tokens`,
`prompt_usd_per_million` and `completion_usd_per_million`.
"""

import json
import tomllib
from pathlib import Path

from pydantic import Field, TypeAdapter, ValidationError

from agents.errors import BadRequest
from agents.models import ModelConfig
from agents.types import Frozen

FIELD = "ZAPDEV_MODELS_FILE"


class _Entry(Frozen):
    key: str = Field(min_length=1, max_length=100)
    id: str | None = None
    temperature: float = Field(default=0.7, ge=0, le=2)
    max_tokens: int = Field(default=8000, ge=1)
    prompt_usd_per_million: float | None = Field(default=None, ge=0)
    completion_usd_per_million: float | None = Field(default=None, ge=0)


_ENTRIES: TypeAdapter[list[_Entry]] = TypeAdapter(list[_Entry])


def read_models(path: Path) -> list[ModelConfig]:
    """The models of a file. Raises: BadRequest, naming the file and what is wrong in it."""
    try:
        text = path.read_text(encoding="utf-8")
        loaded = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        listed = loaded.get("models") if isinstance(loaded, dict) else loaded
        entries = _ENTRIES.validate_python(listed)
    except OSError as error:
        raise BadRequest(f"{path} cannot be read: {error.strerror}.", field=FIELD) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "models"
        raise BadRequest(f"{path}: {place}: {first['msg']}.", field=FIELD) from error
    except ValueError as error:
        raise BadRequest(f"{path} is not valid JSON or TOML: {error}.", field=FIELD) from error
    return [ModelConfig(**{**entry.model_dump(), "id": entry.id or entry.key}) for entry in entries]
