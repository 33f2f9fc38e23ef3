"""The command line: `zapdev build`, `serve`, `doctor`, `replay`, `eval`, `tasks`, `usage`,
`templates`, `convex`, `manifest`, `openapi`, `preview-blocks`.

Exit statuses: 0 done, 1 the task failed or a check did, 2 the command cannot be understood,
130 stopped by Ctrl-C.
"""

from pathlib import Path
from typing import Annotated

import typer

from agents.types import Framework
from bot import __version__
from bot.cli.shell import load, run

app = typer.Typer(
    name="zapdev",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
templates = typer.Typer(no_args_is_help=True, help="The prepared starting points of apps.")
app.add_typer(templates, name="templates")
convex = typer.Typer(no_args_is_help=True, help="The key that lets this program into Convex.")
app.add_typer(convex, name="convex")

Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]


def _framework(name: str) -> Framework:
    try:
        return Framework(name.strip().lower())
    except ValueError:
        known = ", ".join(Framework)
        said = f"There is no framework called “{name[:40]}”. Choose one of {known}."
        raise typer.BadParameter(said) from None


Frameworks = Annotated[
    list[Framework] | None,
    typer.Argument(help="Which ones; all when left out.", parser=_framework, metavar="FRAMEWORK"),
]


def main() -> None:
    """The console script's entry."""
    app()


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer's signature
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def about(
    _version: Annotated[  # noqa: FBT002 - a flag
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print it."),
    ] = False,
) -> None:
    """Type a sentence, watch a web app being built, get a link that works."""


@app.command(
    epilog="[bold]Examples[/]\n\n"
    'zapdev build "A kanban board for a bike shop"\n\n'
    'zapdev build "A landing page for a bakery" --framework svelte --out bakery\n\n'
    'zapdev build "Add a dark mode" --project proj_01k…'
)
def build(  # noqa: PLR0913, PLR0917 - one argument per option
    prompt: Annotated[str, typer.Argument(help="What to build or to change, in plain words.")],
    framework: Annotated[
        str | None,
        typer.Option(help=f"One of {', '.join(Framework)}; chosen for you when left out."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="A model's key, such as auto.")] = None,
    project: Annotated[str | None, typer.Option(help="Change this project's app.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the finished app into this folder.")
    ] = None,
    json: Json = False,  # noqa: FBT002 - a flag
    wait: Annotated[
        bool | None,
        typer.Option(
            "--wait/--no-wait",
            help="Keep the preview running afterwards; by default on a terminal only.",
        ),
    ] = None,
    force: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--force", help="Let --out replace files in a folder that has some.")
    ] = False,
) -> None:
    """Build an app, or change one, and watch it happen."""
    from bot.cli.build import BuildRequest, build_app  # noqa: PLC0415 - keeps --help quick

    request = BuildRequest(prompt, framework, model, project, out, json, wait, force)
    run(lambda settings: build_app(settings, request), load(for_people=True))


@app.command(
    epilog="[bold]Examples[/]\n\nzapdev serve\n\nzapdev serve --port 9000\n\n"
    "OPENROUTER_API_KEY=… zapdev serve"
)
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port; 0 takes a free one.")] = None,
) -> None:
    """Serve the page, the API and a worker, until Ctrl-C."""
    from bot.cli.serve import serve_all  # noqa: PLC0415 - keeps --help quick

    run(serve_all, load(for_people=False, host=host, port=port))


@app.command(epilog="[bold]Example[/]\n\nzapdev doctor --json")
def doctor(json: Json = False) -> None:  # noqa: FBT002 - a flag
    """Say what is configured, and whether it really answers."""
    from bot.cli.examination import show_examination  # noqa: PLC0415 - keeps --help quick

    run(lambda settings: show_examination(settings, json=json), load(for_people=True))


@app.command(epilog="[bold]Example[/]\n\nzapdev replay task_01k… --speed 10")
def replay(
    task_id: Annotated[str, typer.Argument(help="The task's id; `zapdev tasks` lists them.")],
    speed: Annotated[
        float, typer.Option(help="How many times faster than it was; 0 shows all at once.", min=0)
    ] = 1.0,
    json: Json = False,  # noqa: FBT002 - a flag
) -> None:
    """Show a past task again, from its stored log."""
    from bot.cli.history import replay_task  # noqa: PLC0415 - keeps --help quick

    run(lambda settings: replay_task(settings, task_id, speed, json=json), load(for_people=True))


@app.command()
def tasks(json: Json = False) -> None:  # noqa: FBT002 - a flag
    """List the newest tasks of each project."""
    from bot.cli.history import list_tasks  # noqa: PLC0415 - keeps --help quick

    run(lambda settings: list_tasks(settings, json=json), load(for_people=True))


@app.command(epilog="[bold]Example[/]\n\nzapdev usage --json")
def usage(json: Json = False) -> None:  # noqa: FBT002 - a flag
    """Say what was built here of late, with its tokens and dollars."""
    from bot.cli.history import show_usage  # noqa: PLC0415 - keeps --help quick

    run(lambda settings: show_usage(settings, json=json), load(for_people=True))


@app.command(
    "eval",
    epilog="[bold]Examples[/]\n\nzapdev eval --quick --framework react\n\n"
    "zapdev eval --model anthropic/claude-haiku-4.5 --out report.json",
)
def evaluate(
    framework: Annotated[
        list[Framework] | None,
        typer.Option(
            help=f"Only this one of {', '.join(Framework)}; may be given more than once.",
            parser=_framework,
            metavar="FRAMEWORK",
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="A model's key, such as auto.")] = None,
    quick: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--quick", help="One app per framework instead of two.")
    ] = False,
    json: Json = False,  # noqa: FBT002 - a flag
    out: Annotated[Path | None, typer.Option(help="Write everything to this file as JSON.")] = None,
) -> None:
    """Measure a model: fixed apps and changes to them, built for real and judged by the result.

    Of an app: its build is green and its link was checked. Of a change: it was made, and the rest
    of the app was kept. Beside that: repairs that worked, time to the link, cost. The offline
    model proves that the evaluation works; it measures nothing.
    """
    from bot.cli.evaluation import EvalRequest, evaluate_model  # noqa: PLC0415 - keeps --help quick

    request = EvalRequest(framework or list(Framework), model, quick=quick, json=json, out=out)
    run(lambda settings: evaluate_model(settings, request), load(for_people=True))


@app.command(
    epilog="[bold]Examples[/]\n\nzapdev manifest --socket\n\n"
    "zapdev manifest --url https://zapdev.example.com"
)
def manifest(
    socket: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--socket", help="For Socket Mode: no public address is needed.")
    ] = False,
    url: Annotated[
        str | None, typer.Option(help="For HTTP: your server's address, as Slack reaches it.")
    ] = None,
) -> None:
    """Print the manifest from which Slack makes the app."""
    from bot.cli.manifest import print_manifest  # noqa: PLC0415 - keeps --help quick

    run(lambda _: print_manifest(url, socket=socket), load(for_people=True))


@app.command(epilog="[bold]Example[/]\n\nzapdev openapi > openapi.json")
def openapi() -> None:
    """Print the API's OpenAPI document; a server shows it at /openapi.json, and at /docs to read."""
    from bot.cli.openapi import print_openapi  # noqa: PLC0415 - keeps --help quick

    print_openapi()


@app.command("preview-blocks", epilog="[bold]Example[/]\n\nzapdev preview-blocks --out block-kit")
def preview_blocks(
    out: Annotated[Path, typer.Option(help="The folder to write into.")] = Path("block-kit"),
) -> None:
    """Write all Slack messages as JSON for the Block Kit Builder."""
    from bot.cli.blocks import write_blocks  # noqa: PLC0415 - keeps --help quick

    run(lambda _: write_blocks(out), load(for_people=True))


@templates.command("list")
def templates_list() -> None:
    """Name the frameworks, what their apps are made of, and what of it E2B has."""
    from bot.cli.preparing import list_templates  # noqa: PLC0415 - keeps --help quick

    run(list_templates, load(for_people=True))


@templates.command("prepare", epilog="[bold]Example[/]\n\nzapdev templates prepare react vue")
def templates_prepare(
    frameworks: Frameworks = None,
) -> None:
    """Install the templates' packages now, so that no task waits for them."""
    from bot.cli.preparing import prepare_templates  # noqa: PLC0415 - keeps --help quick

    chosen = frameworks or list(Framework)
    run(lambda settings: prepare_templates(settings, chosen), load(for_people=False))


@templates.command("build", epilog="[bold]Example[/]\n\nzapdev templates build react vue")
def templates_build(
    frameworks: Frameworks = None,
) -> None:
    """Build the templates at E2B, where they are missing or older than this program's."""
    from bot.cli.preparing import build_templates  # noqa: PLC0415 - keeps --help quick

    chosen = frameworks or list(Framework)
    run(lambda settings: build_templates(settings, chosen), load(for_people=False))


@convex.command("key", epilog="[bold]Example[/]\n\nzapdev convex key >> .env")
def convex_key() -> None:
    """Make a new private key and print it as a line for .env."""
    from bot.cli.convex_keys import print_key  # noqa: PLC0415 - keeps --help quick

    print_key()


@convex.command(
    "auth",
    epilog="[bold]Examples[/]\n\nzapdev convex auth | npx convex env set ZAPDEV_AUTH\n\n"
    "zapdev convex auth --also next.env | npx convex env set ZAPDEV_AUTH --force",
)
def convex_auth(
    also: Annotated[
        Path | None,
        typer.Option(help="A file with a second CONVEX_SERVICE_KEY=…, to change keys."),
    ] = None,
) -> None:
    """Print what the deployment's ZAPDEV_AUTH has to be: whose tokens it believes."""
    from bot.cli.convex_keys import print_auth  # noqa: PLC0415 - keeps --help quick

    run(lambda settings: print_auth(settings, also), load(for_people=True))
