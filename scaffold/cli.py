"""The command line: commands, options, help. The code of a command is imported when the command runs."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from scaffold.console import emit, note
from scaffold.environment import open_standard_streams
from scaffold.errors import ExitStatus, RefusedError, ScaffoldError

# Without rich, help appears in half the time.
app = typer.Typer(
    name="mcp-scaffold",
    help="Render complete, hardened MCP server repositories, and keep them current.",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)

Plan = Annotated[bool, typer.Option("--plan", help="Tell what would happen, with every difference; write nothing.")]
NoVerify = Annotated[bool, typer.Option("--no-verify", help="Do not lock, test and prove the result first.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def main() -> NoReturn:
    """Run the command line; no traceback reaches a user unless `--debug` asks for it."""
    open_standard_streams()
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    as_document = "--json" in arguments
    try:
        # On its own Typer explains wrong usage to people only.
        status = app(arguments, standalone_mode=not as_document)
    except Exception as error:  # noqa: BLE001 -- nothing above can make a sentence of it
        if len(arguments) < len(sys.argv) - 1:
            traceback.print_exc()
        status = _report(error, as_document=as_document)
    sys.exit(status)


def _report(error: Exception, *, as_document: bool) -> ExitStatus:
    """Say what went wrong, a sentence for each reason, and return the exit status."""
    status: ExitStatus
    match error:
        case RefusedError():
            sentences, status = list(error.sentences), error.exit_status
        case ScaffoldError():
            sentences, status = [str(error)], error.exit_status
        case typer.TyperException():
            sentences, status = (
                [f"{error.format_message()} (--help shows what can be given)"],
                ExitStatus(error.exit_code),
            )
        case _:
            sentences, status = [f"{type(error).__name__}: {error} (--debug shows where)"], ExitStatus.FAILED
    for sentence in sentences:
        note(f"mcp-scaffold: {sentence}")
    if as_document:
        emit({"error": " ".join(sentences), "errors": sentences, "exit_status": status})
    return status


def _print_version(wanted: bool) -> None:  # noqa: FBT001 -- Typer's calling convention
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 -- slow, and only here

        print(f"mcp-scaffold {version('mcp-scaffold')}")
        raise typer.Exit


@app.callback()
def _global_options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")] = False,
) -> None:
    del version, debug


@app.command()
def new(
    *,
    destination: Annotated[
        Path, typer.Argument(metavar="DEST", help="A new or empty folder, or a git repository without commits.")
    ],
    preset: Annotated[str | None, typer.Option(metavar="NAME", help="Start from a preset.")] = None,
    data: Annotated[
        list[str] | None, typer.Option("-d", "--data", metavar="KEY=VALUE", help="Answer a question.")
    ] = None,
    data_file: Annotated[Path | None, typer.Option(metavar="FILE", help="Take answers from a YAML file.")] = None,
    defaults: Annotated[bool, typer.Option("--defaults", help="Take defaults; ask nothing.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="List the files and whose they are; write nothing.")] = False,
    json: Json = False,
    no_lock: Annotated[bool, typer.Option("--no-lock", help="Do not resolve the dependencies.")] = False,
    no_git: Annotated[bool, typer.Option("--no-git", help="Do not make a git repository.")] = False,
    no_prove: Annotated[bool, typer.Option("--no-prove", help="Do not install, boot and probe.")] = False,
) -> None:
    """Render a new repository, lock it, prove it and commit it."""
    from scaffold.commands.new import Request, create  # noqa: PLC0415 -- lazy, as every command

    request = Request(
        destination=destination,
        preset=preset,
        assignments=tuple(data or ()),
        data_file=data_file,
        defaults=defaults,
        plan=plan,
        json=json,
        lock=not no_lock,
        prove=not no_prove,
        git=not no_git,
    )
    raise typer.Exit(create(request))


@app.command()
def update(
    *,
    path: Annotated[
        Path | None, typer.Argument(metavar="PATH", help="A rendered repository; default: this one.")
    ] = None,
    plan: Plan = False,
    to: Annotated[
        str | None, typer.Option(metavar="VERSION", help="To this version; HEAD is the latest commit.")
    ] = None,
    no_verify: NoVerify = False,
    json: Json = False,
) -> None:
    """Merge a newer version of the template into a repository, after trying the result."""
    from scaffold.commands import update as command  # noqa: PLC0415 -- lazy, as every command
    from scaffold.updating.updates import Request  # noqa: PLC0415 -- lazy, as every command

    request = Request(path or Path(), plan=plan, verify=not no_verify)
    raise typer.Exit(command.update(request, to, json=json))


@app.command(name="set")
def set_answers(
    *,
    assignments: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="The answers to change.")],
    path: Annotated[Path | None, typer.Option(metavar="PATH", help="A rendered repository; default: this one.")] = None,
    plan: Plan = False,
    no_verify: NoVerify = False,
    json: Json = False,
) -> None:
    """Change answers of a repository, after trying the result."""
    from scaffold.commands import set as command  # noqa: PLC0415 -- lazy, as every command
    from scaffold.updating.updates import Request  # noqa: PLC0415 -- lazy, as every command

    request = Request(path or Path(), plan=plan, verify=not no_verify)
    raise typer.Exit(command.set_answers(request, assignments, json=json))


@app.command()
def questions(*, json: Json = False) -> None:
    """Print every question, its choices and when it is asked."""
    from scaffold.commands.questions import show_questions  # noqa: PLC0415 -- lazy, as every command

    show_questions(json=json)


@app.command()
def presets(*, json: Json = False) -> None:
    """Print the presets and their answers."""
    from scaffold.commands.presets import show_presets  # noqa: PLC0415 -- lazy, as every command

    show_presets(json=json)


@app.command()
def source(
    *, env: Annotated[bool, typer.Option("--env", help="Print exports with which plain Copier finds it.")] = False
) -> None:
    """Print where the template comes from."""
    from scaffold.commands.source import show_source  # noqa: PLC0415 -- lazy, as every command

    show_source(env=env)


@app.command()
def check(
    *,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A rendered repository; default: this one.")] = Path(),
    json: Json = False,
) -> None:
    """Tell whether every control of a repository is still in place."""
    from scaffold.commands import check as command  # noqa: PLC0415 -- lazy, as every command

    raise typer.Exit(command.check(path, json=json))


@app.command()
def evidence(
    *,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A rendered repository; default: this one.")] = Path(),
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Write here; default: evidence/ of it.")
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="Take junit.xml, proof.json and *.sarif of here; run nothing."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail when a control is not verified, too.")] = False,
    verify: Annotated[
        Path | None, typer.Option(metavar="STATEMENT", help="Check a statement, signed or not, instead; offline.")
    ] = None,
    json: Json = False,
) -> None:
    """Test and prove a repository, and write what that shows of each control and clause."""
    from scaffold.commands import evidence as command  # noqa: PLC0415 -- lazy, as every command

    if verify is not None:
        if output or results or strict:
            raise RefusedError("--verify checks what was written: leave out -o, --from and --strict.")
        raise typer.Exit(command.verify(verify, path, json=json))
    request = command.Request(path=path, output=output, results=results, strict=strict, json=json)
    raise typer.Exit(command.evidence(request))


@app.command()
def prove(
    *,
    path: Annotated[
        Path | None, typer.Argument(metavar="PATH", help="A rendered repository; default: this one.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Ask every probe, not only the core ones.")] = False,
    url: Annotated[str | None, typer.Option(metavar="URL", help="Prove the server at this address instead.")] = None,
    token_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="With --url: where the token is; - is standard input. Else MCP_PROVE_TOKEN."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --url: load a server that is not on loopback, too.")] = False,
    json: Json = False,
) -> None:
    """Install, boot and probe a repository as production would run it, or probe any MCP server."""
    from scaffold.commands import prove as command  # noqa: PLC0415 -- lazy, as every command

    request = command.Request(path=path, full=full, url=url, token_file=token_file, may_load=yes, json=json)
    raise typer.Exit(command.prove(request))
