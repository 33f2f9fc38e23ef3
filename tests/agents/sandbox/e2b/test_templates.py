"""Templates at E2B: built from our definitions, compared by digest, used by the next sandbox."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from agents.errors import AuthFailed, PackagesUnavailable
from agents.sandbox.e2b import E2BSandboxProvider
from agents.templates import Template
from agents.types import Framework
from bot.cli.preparing import list_templates
from bot.cli.shell import Outcome
from bot.config import Settings
from tests.agents.sandbox.at_e2b import only, tiny_e2b_provider
from tests.agents.sandbox.tiny import TASK, tiny_template
from tests.fakes.e2b.faults import Status
from tests.fakes.e2b.server import StandIn


def newer(framework: Framework) -> Template:
    old = tiny_template(framework)
    return replace(old, files={**old.files, "new.txt": b"new"})


async def test_a_built_template_is_what_the_next_sandbox_starts_from(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    assert await provider.template_state(Framework.SVELTE) == "absent"
    await provider.prepare(Framework.SVELTE)
    assert await provider.template_state(Framework.SVELTE) == "current"
    sandbox = await provider.create(Framework.SVELTE, task_id=TASK)
    assert only(cloud).body["templateID"] == "zapdev-svelte"
    assert sandbox.notice is None
    assert await sandbox.tree() == dict(tiny_template(Framework.SVELTE).files)
    assert (await sandbox.run("cat node_modules/dep/index.js", timeout_s=9)).output == "installed\n"


async def test_what_is_current_is_not_built_again(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    for _ in range(3):
        await provider.prepare(Framework.SVELTE)
    assert cloud.requests.count("template") == 1


async def test_a_changed_definition_is_outdated_until_it_is_built(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    await provider.prepare(Framework.SVELTE)
    changed = tiny_e2b_provider(cloud, templates=newer)
    assert await changed.template_state(Framework.SVELTE) == "outdated"
    await changed.prepare(Framework.SVELTE)
    assert await changed.template_state(Framework.SVELTE) == "current"
    assert await provider.template_state(Framework.SVELTE) == "outdated"
    await changed.close()


async def test_a_sandbox_after_a_build_no_longer_starts_from_the_base_image(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    assert (await provider.create(Framework.SVELTE, task_id=TASK)).notice is not None
    await provider.prepare(Framework.SVELTE)
    assert (await provider.create(Framework.SVELTE, task_id=TASK)).notice is None


async def test_a_step_that_fails_says_what_it_said(cloud: StandIn) -> None:
    def broken(framework: Framework) -> Template:
        return replace(tiny_template(framework), install="echo no such package; exit 3")

    provider = tiny_e2b_provider(cloud, templates=broken)
    with pytest.raises(PackagesUnavailable, match="no such package"):
        await provider.prepare(Framework.SVELTE)
    assert await provider.template_state(Framework.SVELTE) == "absent"
    await provider.close()


async def test_a_refused_key_is_told_as_such(cloud: StandIn, provider: E2BSandboxProvider) -> None:
    cloud.faults.at("tags", Status(401))
    with pytest.raises(AuthFailed):
        await provider.prepare(Framework.SVELTE)


async def test_the_command_line_says_what_e2b_has(
    cloud: StandIn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(
        data_dir=tmp_path,
        e2b_api_key=SecretStr(cloud.key),
        e2b_api_url=cloud.url,
        e2b_sandbox_url=cloud.url,
    )
    assert await list_templates(settings) is Outcome.DONE
    assert capsys.readouterr().out.count("absent") == len(Framework)
