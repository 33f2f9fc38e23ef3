"""The real templates, as a stand-in E2B offers them once they are built there.

Each is made from the tree that the local sandbox prepares, so that npm runs once per machine.
"""

from pathlib import Path

from agents.sandbox.e2b_guest import APP_NAME, MARKER_NAME
from agents.sandbox.house import Wish, open_house
from agents.sandbox.preparation import Preparation
from agents.system import SystemClock
from agents.templates import get_template
from agents.types import Framework
from bot.config import Settings
from tests.fakes.e2b.cloud import built_image
from tests.fakes.e2b.server import StandIn


async def offer(cloud: StandIn, *frameworks: Framework) -> None:
    """Have `zapdev-{framework}` there for each of these."""
    cache = Settings().cache_dir / "templates"
    wish = Wish(cloud.root / "sandboxes", cache, "bwrap", allow_unisolated=True)
    house = await open_house(wish)
    preparation = Preparation(house.cache, house.toolchain, SystemClock(), lambda *_: None)
    try:
        for framework in frameworks:
            template = get_template(framework)
            tree = await preparation.prepare(template)
            image = built_image(template, tree, Path(MARKER_NAME), Path(APP_NAME))
            cloud.images[f"zapdev-{framework}"] = image
    finally:
        await preparation.close()
        house.boxes.close()
