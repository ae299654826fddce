"""`benchmark-qa choose`: choose data units to label again, by scores alone."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from benchmark_qa.terminal.failures import USAGE_ERROR, clear_failures


def choose(
    output: Annotated[Path, typer.Argument(help="The choice to write (JSON); 'send-back' reads it.")],
    *,
    name: Annotated[str, typer.Option(help="Of the choice; its collection in Encord is named after it.")] = "By scores",
    below_bar: Annotated[bool, typer.Option(help="Production work of annotators below the bar.")] = True,
    undecided: Annotated[bool, typer.Option("--undecided", help="And of those of whom too little is known.")] = False,
    suspects: Annotated[bool, typer.Option(help="Benchmark items whose truth the annotators contradict.")] = True,
    most: Annotated[int | None, typer.Option(min=1, help="Data units at most, the strongest first.")] = None,
    control_of: Annotated[
        Path | None,
        typer.Option(
            metavar="CHOICE",
            help="Instead: as many production data units as this choice has, at random. What it gains above them is "
            "owed to the choosing.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the random choice.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print the choice as JSON, too.")] = False,
) -> None:
    """Choose what goes round again: work of weak annotators, and ground truth that is suspect.

    Needs no model. Nothing is changed on Encord. Exit code 0, 2 for faulty settings or files, 3 when Encord or the
    database cannot be used.
    """
    with clear_failures():
        from benchmark_qa.commands.findings.by_scores import choose_by_scores, choose_control
        from benchmark_qa.config.settings import load_settings
        from benchmark_qa.formats.chosen_items import ReasonKind
        from benchmark_qa.tasks.connections import Connections
        from benchmark_qa.terminal.files import read_choice

        connections = Connections(load_settings(endpoints=False))
        now = datetime.now(UTC)
        if control_of is not None:
            chosen = choose_control(connections.projects, read_choice(control_of), seed=seed, made_at=now)
        else:
            wanted: dict[ReasonKind, bool] = {
                "low_score": below_bar, "undecided": undecided, "suspect_truth": suspects,
            }  # fmt: skip
            kinds = [kind for kind, on in wanted.items() if on]
            chosen = choose_by_scores(
                connections.projects, connections.store, name=name, made_at=now, kinds=kinds, most=most
            )
        document = chosen.model_dump_json(indent=2)
        try:
            output.write_text(document)
        except OSError as error:
            typer.echo(f"{output}: {error.strerror or error}", err=True)
            raise typer.Exit(USAGE_ERROR) from None
        if json:
            typer.echo(document)
            return
        for item in chosen.items:
            typer.echo(f"{item.data_hash}  {item.strength:.2f}  {item.title}: {item.reasons[0].text}")
        typer.echo(f"{len(chosen.items):,} data units in {output}")
