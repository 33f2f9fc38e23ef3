"""`zapdev preview-blocks`: every message of the bot as a file for Slack's Block Kit Builder."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents.errors import UserError
from bot.cli.shell import Outcome, say
from bot.render.slack_blocks import SlackMessage, section
from bot.render.slack_gallery import message_states, view_states

BUILDER = "https://app.slack.com/block-kit-builder"
_FOLDERS: Mapping[str, tuple[str, str]] = {
    "message": ("messages", "Message Preview"),
    "modal": ("modals", "Modal Preview"),
    "home": ("home", "App Home Preview"),
}
"""What it is -> its folder, and what to choose in the Builder."""


async def write_blocks(folder: Path) -> Outcome:
    """Write them below `folder`; files of the same names are replaced, no other is touched.

    Raises: UserError when the folder cannot be written.
    """
    payloads = builder_payloads()
    try:
        await asyncio.to_thread(_write, folder, payloads)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}.") from error
    counts = Counter(path.partition("/")[0] for path in payloads)
    for name, mode in _FOLDERS.values():
        say(f"{counts[name]:3} in {folder / name}: paste under “{mode}”")
    say(f"The Builder: {BUILDER}")
    return Outcome.DONE


def builder_payloads() -> dict[str, Any]:
    """Path -> what the Builder takes: a message's blocks, or a whole modal or home."""
    views = view_states()
    found: dict[str, Any] = {}
    for name, message in message_states().items():
        payload = views.get(name) or {"blocks": _blocks(message)}
        folder, _ = _FOLDERS[payload.get("type", "message")]
        found[f"{folder}/{_file_name(name)}.json"] = payload
    return found


def _blocks(message: SlackMessage) -> list[dict[str, Any]]:
    """A message of text alone looks like one paragraph, which is what the Builder can show."""
    return message.blocks or [section(message.text)]


def _file_name(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _write(folder: Path, payloads: Mapping[str, Any]) -> None:
    """Raises: OSError. Blocks."""
    for path, payload in payloads.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(payload, indent=2, ensure_ascii=False) + "\n", "utf-8")
