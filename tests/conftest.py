"""What every test stands on: no settings of the developer's, loopback only, quiet properties.

`pytest-socket` (pyproject) refuses every connection that leaves this machine.
"""

import pytest
from hypothesis import HealthCheck, settings
from pydantic import AliasChoices

from bot.config import Settings

_IN_CI = settings.get_current_profile_name() == "ci"

settings.register_profile(
    "zapdev",
    deadline=None,
    max_examples=50 if _IN_CI else 100,
    derandomize=_IN_CI,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("zapdev")


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees a key or a setting of the shell it was started from."""
    for field in Settings.model_fields.values():
        assert isinstance(field.validation_alias, AliasChoices)
        for name in field.validation_alias.choices:
            monkeypatch.delenv(str(name), raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
