"""What the bot can do, for a person who has a minute. Pure."""

from bot.render.slack_blocks import Block, SlackMessage, actions, context, header, mrkdwn, section
from bot.render.slack_replies import BUILD_SOMETHING, NextStep
from bot.render.slack_text import escape_line, mention, notification

SHOW_APPS = "zd_list"
SETTINGS = "zd_settings"


def render_help(
    command: str = "/zapdev", bot_user: str | None = None, *, offline_model: bool = False
) -> SlackMessage:
    """The help message. With the bot's user id its mentions are live."""
    name = escape_line(command, 40)
    bot = mention(bot_user) or "@Zapdev"
    blocks = [
        header("Say it, watch it being built, use it"),
        section(
            "Tell me what you want. I write the app, check that it builds, start it, and give you "
            "the link. You see every step in one message, and you can stop it at any time."
        ),
        _examples(name, bot),
        _threads(bot),
        *_commands(name),
        actions([BUILD_SOMETHING.button(), NextStep("My apps", SHOW_APPS).button()]),
    ]
    if offline_model:
        blocks.append(
            context(
                "The offline model answers here: it writes one fixed sample with your words in it, "
                "no AI. A key for a model changes that; the README says how."
            )
        )
    example = f"`{notification(command, 40)} a kanban board for my team`"
    return SlackMessage(f"Tell me what to build: {example}. Reply to change it.", blocks)


def _examples(name: str, bot: str) -> Block:
    return section(
        "*Start an app*\n"
        f"`{name} a kanban board for my team`\n"
        f"`{name} a tip calculator --framework vue`\n"
        f"{bot} a sign-up page for our summer party\n"
        "A mention works in any channel I am in, and in any thread. In a direct message just write."
    )


def _threads(bot: str) -> Block:
    return section(
        "*Change it, in its thread*\n"
        "• Reply with what should be different: _make the accent colour green_. "
        "I keep the app and all we said.\n"
        "• Reply `stop` to stop what runs. A reply while I work waits for its turn.\n"
        "• Start with `!aside`, or mention somebody else, and I leave it to the people.\n"
        "• Edit the message that started a run to correct it.\n"
        "• Everybody here may change it, unless you say `share everybody view`. `share` tells more.\n"
        f"• Slash commands do not work in threads. There, write to {bot}: `status`, `retry`"
    )


_WORDS = (
    ("list", "your apps, with links"),
    ("status", "what is being built"),
    ("import owner/repo", "start from a repository of GitHub"),
    ("import figma.com/…", "build a frame of a design"),
    ("stop", "stop it"),
    ("model", "the models there are, and yours"),
    ("framework", "Next.js, React, Vue, Angular, Svelte"),
    ("usage", "what you have used, and what is left to you"),
    ("settings", "your defaults"),
)
_ACCOUNTS = "Where there are accounts: `link` yours, `unlink` it."


def _commands(name: str) -> list[Block]:
    fields = [mrkdwn(f"`{escape_line(word, 40)}`\n{words}") for word, words in _WORDS]
    return [
        section(f"*More after {name}*"),
        {"type": "section", "fields": fields},
        context("For one build only: `--framework svelte`, `--model openai/gpt-4o`"),
        context(_ACCOUNTS),
    ]
