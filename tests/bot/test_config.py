"""Settings: what is read, what is refused and in which words, what never prints."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from agents.ports import Budget
from bot.config import ConfigError, Settings, load_settings, variables
from bot.setting_names import name_warnings
from bot.setting_values import is_loopback

NO_FILE = Path("no-such-file.env")


def refusal(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        load_settings(NO_FILE)
    return str(caught.value)


def test_with_nothing_set_everything_is_embedded_and_offline() -> None:
    settings = load_settings(NO_FILE)

    assert settings.offline
    assert (settings.store_kind, settings.sandbox_kind) == ("sqlite", "local")
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8787, 2)
    assert settings.app_url == "http://127.0.0.1:8787"
    assert settings.roles == {"slack", "sidecar", "worker"}
    assert settings.budget == Budget()
    assert settings.secrets() == ()


def test_the_environment_wins_over_the_file_and_a_given_value_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("ZAPDEV_PORT=1000\nZAPDEV_MODEL=filed\nOPENROUTER_API_KEY=sk-1\n")
    monkeypatch.setenv("ZAPDEV_PORT", "2000")

    assert load_settings(env_file).port == 2000
    assert load_settings(env_file).model == "filed"
    assert not load_settings(env_file).offline
    assert load_settings(env_file, port=3000).port == 3000


@pytest.mark.parametrize(
    ("alias", "value", "field"),
    [
        ("NEXT_PUBLIC_CONVEX_URL", "https://x.convex.cloud", "convex_url"),
        ("NEXT_PUBLIC_APP_URL", "https://app.example", "public_url"),
        ("PORT", "4000", "port"),
    ],
)
def test_names_that_an_existing_frontend_uses_are_read_too(
    alias: str, value: str, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(alias, value)

    assert str(getattr(load_settings(NO_FILE), field)) == value


def test_an_empty_value_means_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "")
    monkeypatch.setenv("ZAPDEV_PORT", "")

    assert load_settings(NO_FILE).offline
    assert load_settings(NO_FILE).port == 8787


def test_every_bad_value_is_named_at_once_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = refusal(
        monkeypatch,
        ZAPDEV_PORT="eighty",
        OPENROUTER_BASE_URL="hunter2-not-an-address",
        ZAPDEV_ROLES="slack, cook",
        ZAPDEV_E2B_PREVIEW_URL="https://{hostname}",
        ZAPDEV_MAX_STEPS="0",
    )

    lines = said.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "OPENROUTER_BASE_URL",
        "ZAPDEV_E2B_PREVIEW_URL",
        "ZAPDEV_PORT",
        "ZAPDEV_ROLES",
        "ZAPDEV_MAX_STEPS",
    ]
    assert "hunter2" not in said


def test_listening_beyond_loopback_needs_accounts_or_an_explicit_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = refusal(monkeypatch, ZAPDEV_HOST="0.0.0.0")
    assert "ZAPDEV_HOST is 0.0.0.0" in said
    assert "ZAPDEV_ALLOW_REMOTE=1" in said

    monkeypatch.setenv("ZAPDEV_ALLOW_REMOTE", "1")
    assert load_settings(NO_FILE).host == "0.0.0.0"

    monkeypatch.delenv("ZAPDEV_ALLOW_REMOTE")
    monkeypatch.setenv("CLERK_ISSUER", "https://clerk.example/")
    assert load_settings(NO_FILE).sign_in_url == "https://clerk.example"


@pytest.mark.parametrize(
    "apps",
    [
        "https://apps.example",
        "https://x-{key}.apps.example",
        "https://a.{key}.apps.example",
        "https://{key}.{key}.example",
        "https://{key}.apps.example/p",
        "https://user@{key}.apps.example",
        "ftp://{key}.apps.example",
        "{key}.apps.example",
    ],
)
def test_apps_are_reached_at_hosts_that_begin_with_their_key(
    monkeypatch: pytest.MonkeyPatch, apps: str
) -> None:
    assert "ZAPDEV_APPS_URL" in refusal(monkeypatch, ZAPDEV_APPS_URL=apps)


@pytest.mark.parametrize(
    ("apps", "ours"),
    [
        ("https://{key}.zapdev.example", "https://zapdev.example"),
        ("https://{key}.example.com", "https://zapdev.example.com"),
        ("https://{key}.apps.zapdev.example", "https://zapdev.example:8443"),
    ],
)
def test_no_app_is_where_it_could_set_cookies_for_us(
    monkeypatch: pytest.MonkeyPatch, apps: str, ours: str
) -> None:
    said = refusal(monkeypatch, ZAPDEV_APPS_URL=apps, ZAPDEV_PUBLIC_URL=ours)
    assert "a domain of their own" in said


def test_apps_at_a_domain_of_their_own_do_not_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZAPDEV_APPS_URL", "http://{key}.localhost:8787/")
    assert load_settings(NO_FILE).apps_url == "http://{key}.localhost:8787"
    assert load_settings(NO_FILE).apps_stay_here
    monkeypatch.setenv("ZAPDEV_APPS_URL", "https://{key}.zapdev-apps.example:8443")
    monkeypatch.setenv("ZAPDEV_PUBLIC_URL", "https://zapdev.example")
    assert not load_settings(NO_FILE).apps_stay_here
    assert not Settings(e2b_api_key=SecretStr("e2b_0")).apps_stay_here


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.evil.example", False),
        ("", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_the_issuer_is_read_from_clerks_publishable_key() -> None:
    key = "pk_test_" + base64.b64encode(b"happy-cat-1.clerk.accounts.dev$").decode().rstrip("=")

    settings = Settings(clerk_publishable_key=key)

    assert settings.sign_in_url == "https://happy-cat-1.clerk.accounts.dev"


def test_a_publishable_key_of_somebody_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "CLERK_PUBLISHABLE_KEY" in refusal(monkeypatch, CLERK_PUBLISHABLE_KEY="pk_live_%%%")


def test_e2b_without_its_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "E2B_API_KEY is not set" in refusal(monkeypatch, ZAPDEV_SANDBOX="e2b")


def test_secrets_never_print_but_the_scrubber_gets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = {name: f"value-of-{name}" for name in variables() if _is_secret(name)}
    for name, value in secret.items():
        monkeypatch.setenv(name, value)

    settings = load_settings(NO_FILE)

    assert len(secret) == 14
    assert set(settings.secrets()) == set(secret.values())
    assert "value-of" not in repr(settings) + str(settings) + settings.model_dump_json()


def _is_secret(name: str) -> bool:
    sizes = ("ZAPDEV_MAX_TOKENS", "ZAPDEV_CONTEXT_TOKENS")
    public = ("CLERK_PUBLISHABLE_KEY", "CLERK_JWT_KEY", *sizes)
    return name not in public and any(
        word in name for word in ("KEY", "TOKEN", "SECRET", "SENTRY_DSN")
    )


def test_slips_of_the_pen_are_reported_and_other_peoples_names_are_not() -> None:
    names = ["ZAPDEV_PROT", "SLACK_BOT_TOKN", "ZAPDEV_COLOUR", "PATH", "GITHUB_ACTIONS"]
    names += ["SENTRY_RELEASE", "E2B_ACCESS_TOKEN", "PORT", "zapdev_port", *variables()]

    assert name_warnings(names, Settings.model_fields) == [
        "SLACK_BOT_TOKN is not a setting. Did you mean SLACK_BOT_TOKEN?",
        "ZAPDEV_COLOUR is not a setting and does nothing. See .env.example.",
        "ZAPDEV_PROT is not a setting. Did you mean ZAPDEV_PORT?",
    ]


@given(
    st.dictionaries(
        st.sampled_from(sorted(variables())),
        st.text(max_size=40).filter(lambda s: "\0" not in s and s.isascii()),
    )
)
def test_whatever_stands_in_the_environment_the_answer_is_settings_or_a_refusal(
    environment: dict[str, str],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            port = load_settings(NO_FILE).port
        except ConfigError:
            return
        assert 0 <= port <= 65_535


def test_credits_are_read_by_plan() -> None:
    assert Settings().plan_credits == {"free": 5, "pro": 100}
    settings = Settings(plan_credits="free=0,team = 40, ")  # type: ignore[arg-type]
    assert settings.plan_credits == {"free": 0, "team": 40}


@pytest.mark.parametrize("value", ["", "pro=5", "free", "free=-1", "free=many", "5"])
def test_credits_that_cannot_be_read_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str
) -> None:
    with pytest.raises(ValidationError):
        Settings(plan_credits=value)  # type: ignore[arg-type]
    monkeypatch.setenv("ZAPDEV_PLAN_CREDITS", value or "pro=1")
    with pytest.raises(ConfigError, match="ZAPDEV_PLAN_CREDITS"):
        load_settings(tmp_path / ".env")
