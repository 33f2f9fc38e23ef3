"""Which adapter each port gets, by the settings. Only the composition root calls this."""

import asyncio
from contextlib import AsyncExitStack

from pydantic import SecretStr

from agents.errors import StoreError, StoreUnavailable, UserError
from agents.imports.figma.client import Figma
from agents.imports.github import GitHub
from agents.logger import create_logger
from agents.models import ModelCatalog, build_catalog
from agents.offline import NAME, OfflineModel, Pace
from agents.ports import LLM, Clock, Ids
from agents.sandbox.local import LocalOptions, LocalSandboxProvider
from agents.sandbox.manager import Sandboxes
from bot.config import Settings
from bot.feed import Hub
from bot.model_file import read_models
from bot.store.port import Store
from bot.store.sqlite import SqliteStore

log = create_logger(__name__)

DATABASE = "zapdev.db"
OFFLINE_PACE = Pace(piece_s=0.004)
"""Quick, but slow enough that a person sees the files arrive."""


async def open_store(settings: Settings, clock: Clock, ids: Ids, hub: Hub) -> Store:
    """The store that the settings name. Raises: UserError, StoreError, StoreUnavailable (SQLite)."""
    try:
        await asyncio.to_thread(settings.data_dir.mkdir, mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"The data folder {settings.data_dir} cannot be made: {error.strerror}.",
            field="ZAPDEV_DATA_DIR",
        ) from error
    if settings.convex_url is None:
        path = settings.data_dir / DATABASE
        return await SqliteStore.open(path, clock=clock, ids=ids, waker=hub)
    return await _open_convex(settings.convex_url, settings.convex_service_key, clock, ids, hub)


async def _open_convex(url: str, key: SecretStr | None, clock: Clock, ids: Ids, hub: Hub) -> Store:
    """Raises: UserError (the key), StoreError (older functions are deployed there)."""
    if key is None:
        raise UserError(
            "CONVEX_URL is set, but CONVEX_SERVICE_KEY is not.",
            field="CONVEX_SERVICE_KEY",
            hint="Make one: zapdev convex key >> .env, then see README, “Convex”.",
        )
    from bot.store.convex import ConvexStore  # noqa: PLC0415 - only who uses it waits for its import
    from bot.store.convex_client import KeyRefused  # noqa: PLC0415
    from bot.store.convex_token import ServiceKey  # noqa: PLC0415

    service_key = ServiceKey.parse(key.get_secret_value())
    store = await ConvexStore.open(url, service_key, clock=clock, ids=ids, waker=hub)
    try:
        await store.check()
    except KeyRefused as error:
        await store.close()
        raise UserError(
            str(error),
            field="CONVEX_SERVICE_KEY",
            hint="Set it: zapdev convex auth | npx convex env set ZAPDEV_AUTH --force",
        ) from error
    except StoreUnavailable as error:  # begin all the same: work waits until it is back
        log.info("store unavailable", action="start", reason=str(error))
    except StoreError:
        await store.close()
        raise
    return store


def open_sandboxes(settings: Settings, clock: Clock, ids: Ids) -> Sandboxes:
    key = settings.e2b_api_key
    if settings.sandbox_kind == "e2b" and key is not None:
        from agents.sandbox.e2b import (  # noqa: PLC0415 - the SDK takes a second to import
            E2BAccount,
            E2BSandboxProvider,
        )

        account = E2BAccount(
            api_key=key.get_secret_value(),
            domain=settings.e2b_domain,
            api_url=settings.e2b_api_url,
            sandbox_url=settings.e2b_sandbox_url,
            preview_url=settings.e2b_preview_url,
        )
        return E2BSandboxProvider(account, clock=clock)
    options = LocalOptions(
        cache=settings.cache_dir / "templates",
        allow_unisolated=settings.offline or settings.allow_unisolated,
    )
    return LocalSandboxProvider(
        settings.data_dir / "sandboxes", clock=clock, ids=ids, options=options
    )


def open_sources(settings: Settings, clock: Clock) -> GitHub:
    """Where apps are imported from; an async context manager."""
    token = settings.github_token
    return GitHub(
        clock,
        api_url=settings.github_api_url,
        token=token.get_secret_value() if token is not None else None,
    )


def open_designs(settings: Settings, clock: Clock) -> Figma:
    """Where designs are imported from; an async context manager."""
    token = settings.figma_token
    return Figma(
        clock,
        api_url=settings.figma_api_url,
        token=token.get_secret_value() if token is not None else None,
    )


def model_catalog(settings: Settings) -> ModelCatalog:
    extra = read_models(settings.models_file) if settings.models_file is not None else ()
    if settings.offline:
        return build_catalog(default=NAME, sole=True)
    return build_catalog(default=settings.model, sole=_serves_one_model(settings), extra=extra)


def _serves_one_model(settings: Settings) -> bool:
    """Whether another server than OpenRouter answers, which knows none of its models."""
    if settings.openrouter_base_url is None:
        return False
    from agents.client import Endpoint  # noqa: PLC0415 - openai takes a second to import

    return not Endpoint(settings.openrouter_base_url).is_openrouter


def open_model(
    settings: Settings, models: ModelCatalog, clock: Clock, stack: AsyncExitStack
) -> LLM:
    if settings.offline:
        return OfflineModel(clock, OFFLINE_PACE)
    from agents.client import (  # noqa: PLC0415 - openai takes a second to import
        OPENROUTER_URL,
        Endpoint,
        OpenRouterLLM,
    )

    key, base_url = settings.openrouter_api_key, settings.openrouter_base_url
    endpoint = Endpoint(
        base_url=base_url or OPENROUTER_URL,
        api_key=key.get_secret_value() if key is not None else "",
        referer=settings.public_url or "https://zapdev.app",
    )
    model = OpenRouterLLM(endpoint, catalog=models)
    stack.push_async_callback(model.aclose)
    return model
