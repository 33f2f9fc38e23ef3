"""Settings: the only reader of the environment and of `.env`.

`Settings` is a plain value, so a test builds one without touching the environment;
`load_settings` fills it from the environment. Each field's description is its line in
`.env.example`; `tests/test_docs.py` holds the two together.
"""

import os
from pathlib import Path
from typing import Any, Literal, Self

from dotenv import dotenv_values
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from agents.errors import UserError
from agents.ports import Budget
from bot.setting_names import explain, name_warnings, names_of
from bot.setting_values import (
    ROLES,
    AppsUrl,
    Folder,
    Origins,
    PlanCredits,
    PreviewTemplate,
    Roles,
    Seconds,
    Url,
    check_apart,
    clerk_issuer_of,
    is_loopback,
    own_origins,
)

ENV_FILE = Path(".env")
_BUDGET = Budget()


class ConfigError(UserError):
    """A setting that cannot be used; `str()` names each variable and says what it may be."""

    key = "config"


def _env(
    variable: str, default: Any, meaning: str, *, alias: str | None = None, **more: Any
) -> Any:
    """One setting: the variable's name, its default, and its line in `.env.example`."""
    names = AliasChoices(variable, alias) if alias else AliasChoices(variable)
    return Field(default, validation_alias=names, description=meaning, **more)


class Settings(BaseModel):
    """Everything that can be set. Secrets are `SecretStr`: they never print."""

    model_config = ConfigDict(
        frozen=True, populate_by_name=True, extra="forbid", validate_default=True
    )

    # the model
    openrouter_api_key: SecretStr | None = _env(
        "OPENROUTER_API_KEY",
        None,
        "OpenRouter's key; without it and without a base URL, the offline model answers",
    )
    openrouter_base_url: Url | None = _env(
        "OPENROUTER_BASE_URL",
        None,
        "any OpenAI-compatible server, such as Ollama's or vLLM's; the key is then optional",
    )
    model: str = _env(
        "ZAPDEV_MODEL", "auto", "the model used when a request names none", min_length=1
    )
    models_file: Folder | None = _env(
        "ZAPDEV_MODELS_FILE", None, "a JSON or TOML file with more models"
    )

    # sandboxes
    e2b_api_key: SecretStr | None = _env(
        "E2B_API_KEY", None, "E2B's key: apps then run in E2B sandboxes"
    )
    e2b_domain: str | None = _env("E2B_DOMAIN", None, "the domain of a self-hosted E2B")
    e2b_api_url: Url | None = _env("E2B_API_URL", None, "another E2B API endpoint")
    e2b_sandbox_url: Url | None = _env("E2B_SANDBOX_URL", None, "another E2B sandbox endpoint")
    e2b_preview_url: PreviewTemplate = _env(
        "ZAPDEV_E2B_PREVIEW_URL",
        "https://{host}",
        "how a preview's address is made: {host}, {port}, {sandbox_id}",
    )
    sandbox: Literal["auto", "e2b", "local"] = _env(
        "ZAPDEV_SANDBOX", "auto", "auto (e2b with a key, else local), e2b or local"
    )
    allow_unisolated: bool = _env(
        "ZAPDEV_ALLOW_UNISOLATED",
        default=False,
        meaning="1: a real model's code may run where isolation is missing",
    )

    # state
    convex_url: Url | None = _env(
        "CONVEX_URL",
        None,
        "the Convex deployment; without it, SQLite",
        alias="NEXT_PUBLIC_CONVEX_URL",
    )
    convex_service_key: SecretStr | None = _env(
        "CONVEX_SERVICE_KEY",
        None,
        "the private key of our service identity at Convex, PEM or base64",
    )
    data_dir: Folder = _env(
        "ZAPDEV_DATA_DIR", Path(".zapdev"), "where the SQLite file and local sandboxes live"
    )
    cache_dir: Folder = _env(
        "ZAPDEV_CACHE_DIR",
        Path("~/.cache/zapdev"),
        "where prepared templates are kept between projects",
    )

    # sign-in
    clerk_issuer: Url | None = _env(
        "CLERK_ISSUER", None, "Clerk's Frontend API address: switches sign-in on"
    )
    clerk_publishable_key: str | None = _env(
        "CLERK_PUBLISHABLE_KEY",
        None,
        "Clerk's public key; the issuer is read from it",
        alias="NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
    )
    clerk_secret_key: SecretStr | None = _env(
        "CLERK_SECRET_KEY", None, "Clerk's backend key, for account look-ups"
    )
    clerk_authorized_parties: Origins = _env(
        "CLERK_AUTHORIZED_PARTIES",
        frozenset(),
        "origins whose tokens are accepted, separated by commas; else this server's own",
    )
    clerk_jwks_url: Url | None = _env(
        "CLERK_JWKS_URL", None, "another place of Clerk's signing keys"
    )
    clerk_jwt_key: str | None = _env(
        "CLERK_JWT_KEY", None, "Clerk's public signing key as PEM, for use without its JWKS"
    )
    clerk_api_url: Url = _env("CLERK_API_URL", "https://api.clerk.com", "Clerk's Backend API")
    clerk_webhook_secret: SecretStr | None = _env(
        "CLERK_WEBHOOK_SECRET", None, "the signing secret of Clerk's webhooks"
    )

    # Slack
    slack_bot_token: SecretStr | None = _env(
        "SLACK_BOT_TOKEN", None, "the bot's token (xoxb-): one workspace"
    )
    slack_app_token: SecretStr | None = _env(
        "SLACK_APP_TOKEN", None, "the app-level token (xapp-): Socket Mode"
    )
    slack_signing_secret: SecretStr | None = _env(
        "SLACK_SIGNING_SECRET", None, "checks Slack's requests: HTTP mode"
    )
    slack_client_id: str | None = _env(
        "SLACK_CLIENT_ID", None, "for many workspaces, and Sign in with Slack"
    )
    slack_client_secret: SecretStr | None = _env(
        "SLACK_CLIENT_SECRET", None, "for many workspaces, and Sign in with Slack"
    )
    encryption_keys: SecretStr | None = _env(
        "ZAPDEV_ENCRYPTION_KEYS",
        None,
        "seal workspaces' tokens: long random texts, newest first; else SLACK_CLIENT_SECRET does",
    )
    slack_api_url: Url = _env(
        "SLACK_API_URL", "https://slack.com/api", "another Slack endpoint, for tests and proxies"
    )

    # importing from elsewhere
    github_token: SecretStr | None = _env(
        "GITHUB_TOKEN", None, "reads private repositories and lifts GitHub's rate limit"
    )
    github_api_url: Url = _env(
        "GITHUB_API_URL", "https://api.github.com", "another GitHub endpoint"
    )
    figma_token: SecretStr | None = _env("FIGMA_TOKEN", None, "reads Figma files")
    figma_api_url: Url = _env("FIGMA_API_URL", "https://api.figma.com", "another Figma endpoint")

    # serving
    host: str = _env("ZAPDEV_HOST", "127.0.0.1", "the address to listen on")
    port: int = _env(
        "ZAPDEV_PORT",
        8787,
        "the port to listen on; 0 takes a free one",
        alias="PORT",
        ge=0,
        le=65_535,
    )
    public_url: Url | None = _env(
        "ZAPDEV_PUBLIC_URL",
        None,
        "how the outside reaches this server, for links",
        alias="NEXT_PUBLIC_APP_URL",
    )
    apps_url: AppsUrl | None = _env(
        "ZAPDEV_APPS_URL",
        None,
        "how the outside reaches apps that run here: https://{key}.apps.example, a separate domain",
    )
    allow_remote: bool = _env(
        "ZAPDEV_ALLOW_REMOTE", default=False, meaning="1: listen beyond loopback without sign-in"
    )
    cors_origins: Origins = _env(
        "ZAPDEV_CORS_ORIGINS", frozenset(), "other pages' origins that may use the API with a token"
    )
    requests_per_minute: int = _env(
        "ZAPDEV_REQUESTS_PER_MINUTE", 600, "of one address, and of one owner; 0 for no limit", ge=0
    )
    proxies: int = _env(
        "ZAPDEV_PROXIES", 0, "your proxies before this server: whose X-Forwarded-For counts", ge=0
    )
    metrics_token: SecretStr | None = _env(
        "ZAPDEV_METRICS_TOKEN", None, "opens /metrics to who sends it as a Bearer token"
    )
    roles: Roles = _env(
        "ZAPDEV_ROLES", ROLES, "what this process does: all, or some of slack, sidecar, worker"
    )
    workers: int = _env("ZAPDEV_WORKERS", 2, "tasks that run at once in this process", ge=1, le=64)
    poll_busy_s: Seconds = _env(
        "ZAPDEV_POLL_BUSY_S", 1.0, "seconds between looks for other processes' tasks, when busy"
    )
    poll_idle_s: Seconds = _env("ZAPDEV_POLL_IDLE_S", 10.0, "the same when idle")

    # limits of those who come by Slack or are signed in; 0 starts: no limit
    plan_credits: PlanCredits = _env(
        "ZAPDEV_PLAN_CREDITS", "free=5, pro=100", "builds in any 24 hours, by the plan at Clerk"
    )
    max_open: int = _env("ZAPDEV_MAX_OPEN", 10, "builds of one owner that wait or run", ge=1)
    person_starts: int = _env("ZAPDEV_PERSON_STARTS", 60, "starts a person has an hour", ge=0)
    group_starts: int = _env("ZAPDEV_GROUP_STARTS", 600, "starts a workspace has an hour", ge=0)

    # budgets of one task
    max_steps: int = _env("ZAPDEV_MAX_STEPS", _BUDGET.steps, "model calls one task may make", ge=1)
    max_tokens: int = _env("ZAPDEV_MAX_TOKENS", _BUDGET.tokens, "tokens one task may use", ge=1)
    max_cost_usd: float = _env(
        "ZAPDEV_MAX_COST_USD", _BUDGET.cost_usd, "dollars one task may cost", gt=0
    )
    context_tokens: int = _env(
        "ZAPDEV_CONTEXT_TOKENS", _BUDGET.context_tokens, "tokens one model call may hold", ge=4_000
    )
    max_wall_s: Seconds = _env("ZAPDEV_MAX_WALL_S", _BUDGET.wall_s, "seconds one task may take")

    # what is told
    sentry_dsn: SecretStr | None = _env(
        "SENTRY_DSN", None, "error reporting, with secrets taken out"
    )
    log: Literal["auto", "json", "text"] = _env(
        "ZAPDEV_LOG", "auto", "json, text, or auto (text on a terminal)"
    )
    log_level: Literal["debug", "info", "warning", "error"] = _env(
        "ZAPDEV_LOG_LEVEL", "info", "debug, info, warning or error"
    )

    @property
    def offline(self) -> bool:
        """Whether the built-in offline model answers."""
        return self.openrouter_api_key is None and self.openrouter_base_url is None

    @property
    def sandbox_kind(self) -> Literal["e2b", "local"]:
        """Where apps run."""
        if self.sandbox == "auto":
            return "local" if self.e2b_api_key is None else "e2b"
        return self.sandbox

    @property
    def store_kind(self) -> Literal["convex", "sqlite"]:
        """Where state is kept."""
        return "sqlite" if self.convex_url is None else "convex"

    @property
    def encryption_secrets(self) -> tuple[str, ...]:
        """What seals, and opens, the tokens of workspaces, beside Slack's client secret."""
        given = self.encryption_keys
        parts = given.get_secret_value().split(",") if given is not None else []
        return tuple(part.strip() for part in parts if part.strip())

    @property
    def sign_in_url(self) -> str | None:
        """Clerk's issuer, given or read from the publishable key; None without Clerk."""
        if self.clerk_issuer is not None or self.clerk_publishable_key is None:
            return self.clerk_issuer
        return clerk_issuer_of(self.clerk_publishable_key)

    @property
    def authorized_parties(self) -> frozenset[str]:
        """The origins whose tokens count: those given, else this server's own."""
        return (self.clerk_authorized_parties or own_origins(self.app_url)) | self.cors_origins

    @property
    def app_url(self) -> str:
        """How people reach this server: the public address, else the one listened on."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def apps_stay_here(self) -> bool:
        """Whether only this machine's own browser gets to the apps."""
        outside = self.public_url is not None and self.apps_url is not None
        return self.sandbox_kind == "local" and not outside

    @property
    def budget(self) -> Budget:
        """Where one task's run ends."""
        return Budget(
            steps=self.max_steps,
            tokens=self.max_tokens,
            cost_usd=self.max_cost_usd,
            wall_s=self.max_wall_s,
            context_tokens=self.context_tokens,
        )

    def secrets(self) -> tuple[str, ...]:
        """Every secret value that is set, for the scrubber."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(v.get_secret_value() for v in values if isinstance(v, SecretStr))

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.sandbox == "e2b" and self.e2b_api_key is None:
            raise ValueError("ZAPDEV_SANDBOX is e2b, but E2B_API_KEY is not set")
        if self.clerk_publishable_key is not None and self.sign_in_url is None:
            raise ValueError("CLERK_PUBLISHABLE_KEY is not one of Clerk's (pk_test_… or pk_live_…)")
        check_apart(self.apps_url, self.public_url)
        if self.cors_origins and self.sign_in_url is None:
            raise ValueError("ZAPDEV_CORS_ORIGINS needs sign-in: set up Clerk (CLERK_ISSUER)")
        if not (self.allow_remote or self.sign_in_url or is_loopback(self.host)):
            raise ValueError(
                f"ZAPDEV_HOST is {self.host}: without sign-in everybody who reaches it would see "
                "all projects. Set up Clerk (CLERK_ISSUER), keep 127.0.0.1, or set "
                "ZAPDEV_ALLOW_REMOTE=1 if something else guards it"
            )
        return self


class _EnvironmentSettings(Settings, BaseSettings):
    """`Settings`, filled from the environment."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore")


def variables() -> dict[str, str]:
    """Each variable's name and its one-line meaning, in the order of `.env.example`."""
    return {
        names[0]: field.description or ""
        for field in Settings.model_fields.values()
        if (names := names_of(field))
    }


def load_settings(env_file: Path = ENV_FILE, **overrides: Any) -> Settings:
    """Read the environment, then `.env`; `overrides` (by field name) win over both.

    Raises: ConfigError, which names every variable that cannot be used.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        found = _EnvironmentSettings(_env_file=env_file, **given)
        return Settings.model_validate({n: getattr(found, n) for n in Settings.model_fields})
    except ValidationError as error:
        raise ConfigError("\n".join(explain(error, Settings.model_fields))) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{env_file} is not a text file in UTF-8.") from None


def read_variable(env_file: Path, name: str) -> str | None:
    """What one variable is set to in a file like `.env`; None when it, or the file, is missing."""
    return dotenv_values(env_file).get(name) or None


def unknown_names(env_file: Path = ENV_FILE) -> list[str]:
    """A warning per variable that looks like ours but is not, with the likely meaning."""
    return name_warnings([*os.environ, *dotenv_values(env_file)], Settings.model_fields)
