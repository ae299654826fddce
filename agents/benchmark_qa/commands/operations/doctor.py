"""`benchmark-qa doctor`: check this deployment, also from outside by its address, and say how to fix it."""

import json as json_module
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from benchmark_qa.config.account import is_loopback
from benchmark_qa.terminal.failures import INCOMPLETE, clear_failures

if TYPE_CHECKING:
    from benchmark_qa.tasks.checks import Finding


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
        from benchmark_qa.tasks.held import check_people, check_queues
        from benchmark_qa.tasks.shadow import compare_decisions
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


SECONDS = 10
"""Seconds to wait for one answer; a cold start takes less"""


_REMEDY = "check the address, its certificate, and that 'benchmark-qa serve' runs behind it"


def check_service(url: str) -> "Finding":
    """Request `/healthz` of the service from this machine. 1 request, none to Encord."""
    import requests

    from benchmark_qa.tasks.checks import Finding

    address = urlsplit(url)
    check = f"service at {url}"
    if address.scheme not in {"http", "https"} or not address.hostname:
        return Finding(check, False, "this is no address", "write it whole, such as https://qa.example.com")
    if address.scheme == "http" and not is_loopback(address.hostname):
        return Finding(check, False, "Encord calls addresses with https:// alone", "put TLS in front of the service")
    try:
        answer = requests.get(f"{url.rstrip('/')}/healthz", timeout=SECONDS, allow_redirects=False)
    except requests.exceptions.SSLError:
        return Finding(check, False, "its certificate is not trusted", _REMEDY)
    except requests.RequestException as error:
        kind = "no answer in time" if isinstance(error, requests.Timeout) else "no connection"
        return Finding(check, False, kind, _REMEDY)
    if answer.status_code == 200 and b'"alive"' in answer.content[:200]:
        return Finding(check, True, "answers")
    return Finding(check, False, f"something answers HTTP {answer.status_code}, and it is not this service", _REMEDY)
