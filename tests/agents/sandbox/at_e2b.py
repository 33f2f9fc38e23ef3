"""The tiny template at a stand-in E2B, and a provider that speaks to it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from agents.ports import Clock
from agents.sandbox.e2b import E2BAccount, E2BOptions, E2BSandboxProvider
from agents.sandbox.e2b_calls import ANSWER_S
from agents.sandbox.e2b_guest import APP_NAME, MARKER_NAME
from agents.sandbox.toolchain import Registry
from agents.system import SystemClock
from agents.templates import Template
from agents.types import Framework
from tests.agents.sandbox.tiny import tiny_template
from tests.fakes.e2b.cloud import Image, Sandbox, built_image
from tests.fakes.e2b.server import PREVIEW_URL, StandIn

REGISTRY = Registry("https://packages.example/npm/", None, None)


async def use_registry() -> Registry:
    """As if npm here was configured so."""
    return REGISTRY


def account_of(cloud: StandIn) -> E2BAccount:
    return E2BAccount(
        api_key=cloud.key, api_url=cloud.url, sandbox_url=cloud.url, preview_url=PREVIEW_URL
    )


def tiny_e2b_provider(
    cloud: StandIn,
    *,
    clock: Clock | None = None,
    templates: Callable[[Framework], Template] = tiny_template,
    answer_s: float = ANSWER_S,
) -> E2BSandboxProvider:
    options = E2BOptions(
        templates=templates, registry=use_registry, answer_s=answer_s, create_s=answer_s
    )
    return E2BSandboxProvider(account_of(cloud), clock=clock or SystemClock(), options=options)


async def tiny_image(cloud: StandIn, framework: Framework) -> Image:
    """The tiny template as it is after a build at E2B."""
    template = tiny_template(framework)
    tree = cloud.root / f"built-{framework}"
    for path, content in template.files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(content)
    install = await asyncio.create_subprocess_shell(template.install, cwd=tree)
    assert await install.wait() == 0
    return built_image(template, tree, Path(MARKER_NAME), Path(APP_NAME))


def only(cloud: StandIn) -> Sandbox:
    """The one sandbox that runs there."""
    [sandbox] = cloud.running
    return sandbox
