"""`python -m emulator serve` and `python -m emulator schema`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from emulator.emulator import Emulator
from emulator.errors import WorldError
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


if __name__ == "__main__":
    app()
