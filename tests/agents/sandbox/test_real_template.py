"""The React template as it is shipped: installed, linted, built and served behind the wall."""

from pathlib import Path

from agents.sandbox.local import LocalOptions, LocalSandboxProvider
from agents.system import RandomIds, SystemClock
from agents.templates import get_template
from agents.types import Framework
from tests.agents.sandbox.tiny import TASK, eventually, fetch

SHARED = Path.home() / ".cache" / "zapdev"
"""Between runs, so that only the first one installs packages."""


async def test_the_react_template_builds_and_serves_in_a_sandbox() -> None:
    template = get_template(Framework.REACT)
    options = LocalOptions(cache=SHARED / "prepared")
    provider = LocalSandboxProvider(
        SHARED / "sandboxes", clock=SystemClock(), ids=RandomIds(), options=options
    )
    try:
        sandbox = await provider.create(Framework.REACT, task_id=TASK)
        assert await sandbox.tree() == dict(template.files)
        built = await sandbox.run(template.build, timeout_s=120)
        assert built.ok, built.output
        linted = await sandbox.run(template.lint, timeout_s=60)
        assert linted.ok, linted.output
        assert set(await sandbox.tree()) == set(template.files)
        url = await sandbox.serve(template.preview, port=template.port)
        assert "<script" in await eventually(lambda: fetch(url))
    finally:
        await provider.close()
