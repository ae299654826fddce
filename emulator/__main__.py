"""`python -m emulator`: serve, schema, ledger, verify, and a sandbox to begin with (init, play)."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from emulator import ledger
from emulator.emulator import Emulator
from emulator.errors import WorldError
from emulator.quickstart.sandbox import BENCHMARK_PICTURES, PRODUCTION_PICTURES, Places, commands, write_sandbox
from emulator.server import listen, serve
from emulator.tls import make_certificate
from emulator.world import World

app = typer.Typer(add_completion=False, help="A stateful emulator of the Encord platform.")


@app.command("serve")
def serve_command(
    port: Annotated[int, typer.Option(help="0 takes a free one")] = 0,
    world: Annotated[Path | None, typer.Option(help="a world file", exists=True, dir_okay=False)] = None,
    host: Annotated[str, typer.Option(help="the control interface is not authenticated: keep it local")] = "127.0.0.1",
    tls: Annotated[
        Path | None,
        typer.Option(help="serve HTTPS; a directory where emulator.crt and emulator.key are written", file_okay=False),
    ] = None,
    tls_name: Annotated[
        list[str] | None,
        typer.Option(help="one more name of the certificate, such as api.encord.com; may be given several times"),
    ] = None,
) -> None:
    """Serves the platform until interrupted."""
    if tls_name and tls is None:
        raise typer.BadParameter(
            "give --tls DIRECTORY as well: the certificate is written there", param_hint="--tls-name"
        )
    try:
        emulator = Emulator(World.read(world) if world else World())
    except WorldError as error:
        raise typer.BadParameter(str(error), param_hint="--world") from None
    certificate = None
    if tls is not None:
        tls.mkdir(parents=True, exist_ok=True)
        certificate = make_certificate(tls, host, tls_name or [])
    try:
        listening = listen(host, port)
    except OSError as error:
        raise typer.BadParameter(f"{host}:{port}: {error.strerror}", param_hint="--port") from None
    serve(emulator, listening, certificate)


@app.command()
def schema() -> None:
    """Prints the JSON Schema of the world file."""
    typer.echo(json.dumps(World.model_json_schema(), indent=2))


@app.command("ledger")
def ledger_command(
    write_into: Annotated[
        Path | None, typer.Option("--write", help="put it into this README, between its marks", exists=True)
    ] = None,
) -> None:
    """Prints what the emulator claims of the platform, and on what evidence."""
    text = ledger.table(ledger.read_ledger(), datetime.now(UTC).date())
    if write_into is None:
        typer.echo(text, nl=False)
        return
    try:
        ledger.write(write_into, text)
    except WorldError as error:
        raise typer.BadParameter(str(error), param_hint="--write") from None


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="an empty folder, or one that does not exist yet", file_okay=False)],
    port: Annotated[int, typer.Option(help="where the emulator will listen", min=1, max=65535)] = 8123,
    service_port: Annotated[int, typer.Option(help="where the service will listen", min=1, max=65535)] = 8080,
) -> None:
    """Writes a sandbox: a world with people, keys and templates, pictures, a set-up; prints what to type next."""
    places = Places(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{service_port}")
    try:
        write_sandbox(folder, places)
    except FileExistsError:
        raise typer.BadParameter(f"{folder} is not empty: name another folder", param_hint="FOLDER") from None
    except OSError as error:
        raise typer.BadParameter(f"{error.filename}: {error.strerror}", param_hint="FOLDER") from None
    typer.echo(f"{folder}: 5 people, 2 workflow templates, {BENCHMARK_PICTURES + PRODUCTION_PICTURES} pictures\n")
    for command, purpose in commands(folder, places):
        typer.echo(f"  # {purpose}\n  {command}")


@app.command("play")
def play_command(
    folder: Annotated[Path, typer.Argument(help="the sandbox that 'init' has written", exists=True, file_okay=False)],
) -> None:
    """Lets the people of a sandbox work: three label, one reviews, and the service's agents are called."""
    from emulator.quickstart.people import NothingToPlayError, play  # noqa: PLC0415 - loads the SDK

    try:
        play(folder, Places.of_sandbox(folder), typer.echo)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="FOLDER") from None
    except NothingToPlayError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(4) from None


@app.command("verify")
def verify_command(
    folder: Annotated[
        Path | None, typer.Argument(help="the sandbox that 'init' has written", exists=True, file_okay=False)
    ] = None,
    *,
    url: Annotated[str | None, typer.Option(help="another emulator that serves the sandbox's world")] = None,
    live: Annotated[bool, typer.Option("--live", help="a real account, instead of a sandbox")] = False,
    template: Annotated[
        str | None, typer.Option(help="with --live: the workflow template, made as the README says")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="with --live: private key of an admin", envvar="ENCORD_SSH_KEY_FILE")
    ] = None,
    user: Annotated[str | None, typer.Option("--email", help="with --live: whose key that is")] = None,
    second_key: Annotated[Path | None, typer.Option(help="of a second person: consensus can be tried")] = None,
    second_email: Annotated[str | None, typer.Option(help="whose key that is")] = None,
    public_url: Annotated[str | None, typer.Option(help="a public address that leads to --port here")] = None,
    port: Annotated[int, typer.Option(help="where what the platform sends is recorded", min=1, max=65535)] = 8900,
    domain: Annotated[
        str, typer.Option(help="the platform's address", envvar="ENCORD_DOMAIN")
    ] = "https://api.encord.com",
    journals: Annotated[Path, typer.Option(help="where the run's journal is written", file_okay=False)] = Path(),
    budget: Annotated[int, typer.Option(help="most requests of a run", min=1)] = 600,
    record_in: Annotated[
        Path | None, typer.Option("--record", help="a folder: ledger.toml and evidence are written there")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="a behaviour of the ledger, by its id; may be given several times")
    ] = None,
    clean: Annotated[str | None, typer.Option(help="clean up after this run, which was ended", metavar="RUN")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="ask nothing")] = False,
) -> None:
    """Tries what the ledger says, and tells what is otherwise: exit code 0, 5 (differs) or 6 (could not be tried)."""
    from emulator.verify import command  # noqa: PLC0415 - loads the SDK
    from emulator.verify.journal import Journal, journal_of  # noqa: PLC0415

    try:
        if live:
            account = command.live_account(
                domain, template, (key, user), (second_key, second_email), public_url=public_url, port=port
            )
        elif folder is not None:
            account, journals = command.account_of_sandbox(folder, url), folder
        else:
            raise ValueError("name a sandbox, or give --live")
        account = replace(account, only=tuple(only or ()))
        account.expected()
        if clean is not None and not journal_of(journals, clean).exists():
            raise ValueError(f"there is no journal {journal_of(journals, clean)}: give its folder with --journals")
    except (OSError, ValueError) as error:
        raise typer.BadParameter(str(error), param_hint="verify") from None
    if clean is not None:
        cleaned = command.clean_run(account, Journal(journal_of(journals, clean)), typer.echo)
        raise typer.Exit(command.ALL_SO if cleaned else command.NOT_TRIED)
    if live and not yes:
        for line in command.plan(account, budget):
            typer.echo(line)
        typer.confirm("Go on?", abort=True)
    raise typer.Exit(command.verify(account, journals, typer.echo, budget=budget, record_in=record_in))


if __name__ == "__main__":
    app()
