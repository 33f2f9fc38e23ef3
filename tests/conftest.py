"""What every test stands on: no settings of the developer's, loopback only, quiet properties.

`pytest-socket` (pyproject) refuses every connection that leaves this machine.
"""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from bot.config import Settings, variables

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
    for name in variables():
        monkeypatch.delenv(name, raising=False)
    for name in ("PORT", "NEXT_PUBLIC_CONVEX_URL", "NEXT_PUBLIC_APP_URL", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def house_settings(tmp_path: Path) -> Settings:
    """Settings of a fresh installation that keeps everything below `tmp_path`."""
    return Settings(data_dir=tmp_path / "data", cache_dir=tmp_path / "cache", port=0)
