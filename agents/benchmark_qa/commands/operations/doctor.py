"""`benchmark-qa doctor`: check whether this deployment works, and say how to fix it."""

import json as json_module
from dataclasses import asdict
from typing import Annotated

import typer

from benchmark_qa.terminal.failures import INCOMPLETE, clear_failures


def doctor(
    *,
    url: Annotated[
        str | None, typer.Option(help="Public address of the service: is it reached from here as Encord reaches it?")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check settings, key, database, projects, stages, pathways, ontologies and datasets, and say what to fix.

    Exit code 0 when all is fine, 4 when something is not, 2 for settings that cannot be read.
    """
    with clear_failures():
        from rich.console import Console
        from rich.markup import escape

        from benchmark_qa.config.settings import load_settings
        from benchmark_qa.store.errors import StoreError
        from benchmark_qa.tasks.checks import Finding, check_deployment
        from benchmark_qa.tasks.connections import Connections
        from benchmark_qa.tasks.shadow import compare_decisions
        from benchmark_qa.tasks.waiting import check_people, check_queues
        from benchmark_qa.terminal.printing import printable

        settings = load_settings(endpoints=True)
        connections = Connections(settings)
        findings = [Finding("settings", True, "complete")]
        try:
            connections.store.latest(str(settings.config.production_project))
            findings.append(Finding("database", True, "reachable"))
        except StoreError as error:
            findings.append(Finding("database", False, str(error), "check DATABASE_URL and 'benchmark-qa db upgrade'"))
        findings += check_deployment(connections.projects)
        if all(finding.fine for finding in findings):
            findings += [*check_queues(connections.projects), *check_people(connections.projects)]
        if url is not None:
            from benchmark_qa.commands.operations.reaching import check_service

            findings.append(check_service(url))
        decisions = compare_decisions(connections.projects, connections.store) if settings.config.shadow else {}
        for (pathway, stage), tasks in sorted(decisions.items()):
            findings.append(Finding("shadow", True, f"{tasks} decided {pathway!r} are now at '{stage}'"))
        if json:
            typer.echo(json_module.dumps([asdict(finding) for finding in findings], indent=2))
        else:
            console = Console(highlight=False)
            for finding in findings:
                mark = "[green]ok[/]  " if finding.fine else "[red]fix[/] "
                console.print(f"{mark} {escape(printable(finding.check))}: ", end="")
                console.print(printable(finding.message), markup=False)
                if finding.remedy:
                    console.print(f"     -> {printable(finding.remedy)}", markup=False)
        if not all(finding.fine for finding in findings):
            raise typer.Exit(INCOMPLETE)
