"""`benchmark-qa doctor`: check this deployment, also from outside by its address, say how to fix it, and fix it."""

import json as json_module
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from benchmark_qa.config.account import is_loopback
from benchmark_qa.terminal.failures import INCOMPLETE, clear_failures
from benchmark_qa.terminal.options import OperatorOption, operator_of

if TYPE_CHECKING:
    from benchmark_qa.tasks.checks import Finding
    from benchmark_qa.tasks.connections import Connections


def doctor(
    *,
    url: Annotated[
        str | None, typer.Option(help="Public address of the service: is it reached from here as Encord reaches it?")
    ] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Say what can be put right here: tables, pathways in the file, stale locks.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --fix: do it. It is recorded in 'actions list'.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    operator: OperatorOption = "",
) -> None:
    """Check settings, key, database, projects, stages, pathways, ontologies and datasets, and say what to fix.

    Exit code 0 when all is fine, 4 when something is not, 2 for settings that cannot be read.
    """
    with clear_failures():
        from benchmark_qa.config.settings import load_settings
        from benchmark_qa.tasks.connections import Connections
        from benchmark_qa.terminal.failures import refuse

        if yes and not fix:
            refuse("--yes belongs to --fix")
        who = operator_of(operator) if yes else ""
        connections = Connections(load_settings(endpoints=True))
        findings = _findings(connections, url)
        repairs = _repairs(connections, findings) if fix else []
        for repair in repairs if yes else ():
            repair.do()
        if yes and repairs:
            _record(connections, repairs, who)
            connections = Connections(connections.settings if _config_file() is None else load_settings(endpoints=True))
            findings = _findings(connections, url)
        _print(findings, repairs, done=yes, as_json=json, fix=fix)
        if not all(finding.fine for finding in findings):
            raise typer.Exit(INCOMPLETE)


def _findings(connections: "Connections", url: str | None) -> "list[Finding]":
    from benchmark_qa.tasks.checks import Finding, check_deployment, check_store
    from benchmark_qa.tasks.held import check_people, check_queues
    from benchmark_qa.tasks.shadow import compare_decisions

    settings = connections.settings
    findings = [Finding("settings", True, "complete"), check_store(connections.store.database)]
    findings += check_deployment(connections.projects)
    if all(finding.fine for finding in findings):
        findings += [*check_queues(connections.projects), *check_people(connections.projects)]
    findings += check_clock(settings.domain, settings.signature_tolerance_seconds)
    if url is not None:
        findings.append(check_service(url))
    decisions = compare_decisions(connections.projects, connections.store) if settings.config.shadow else {}
    for (pathway, stage), tasks in sorted(decisions.items()):
        findings.append(Finding("shadow", True, f"{tasks} decided {pathway!r} are now at '{stage}'"))
    return findings


GROUPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("this machine", "configuration.md", ("settings", "clock")),
    ("scores", "store.md", ("score store",)),
    ("projects", "setup.md", ("production project", "benchmark project", "role in")),
    ("workflow", "agents.md", ("stages", "routing stage", "scoring stage", "pathways", "consensus block")),
    ("data", "setup.md", ("same ontology", "benchmark datasets", "production datasets")),
    ("people and queues", "setup.md", ("queue of", "people for")),
    ("service", "deploy.md", ("service at", "shadow")),
)
"""Groups of findings: title, page of docs/, and how the names of their checks begin"""


def group_of(check: str) -> tuple[str, str]:
    """The group of a check, and the page about it."""
    for title, page, names in GROUPS:
        if check.startswith(names):
            return title, page
    raise LookupError(check)


def _print(
    findings: "Sequence[Finding]", repairs: "Sequence[_Repair]", *, done: bool, as_json: bool, fix: bool
) -> None:
    from rich.console import Console
    from rich.markup import escape

    from benchmark_qa.terminal.printing import printable

    console = Console(highlight=False, stderr=as_json)
    if as_json:
        typer.echo(json_module.dumps([_document(finding) for finding in findings], indent=2))
    for title, page, _ in () if as_json else GROUPS:
        here = [finding for finding in findings if group_of(finding.check)[0] == title]
        if not here:
            continue
        faulty = any(not finding.fine for finding in here)
        console.print(f"[bold]{title}[/]" + (f" (docs/{page})" if faulty else ""))
        for finding in here:
            mark = "[green]ok[/]  " if finding.fine else "[red]fix[/] "
            console.print(f"{mark} {escape(printable(finding.check))}: ", end="")
            console.print(printable(finding.message), markup=False)
            if finding.remedy:
                console.print(f"     -> {printable(finding.remedy)}", markup=False)
    for repair in repairs:
        console.print(f"{'fixed' if done else 'would fix'}: {repair.what}", markup=False)
    if fix and not repairs:
        console.print("nothing here can be fixed by --fix")
    elif fix and not done:
        console.print("nothing was done: run it with --fix --yes")
    if not as_json:
        wrong = sum(not finding.fine for finding in findings)
        console.print(f"{len(findings):,} checks, {wrong:,} to fix")


def _document(finding: "Finding") -> dict[str, Any]:
    title, page = group_of(finding.check)
    return {"group": title, **asdict(finding), "page": f"docs/{page}"}


@dataclass(frozen=True)
class _Repair:
    """Something of ours that can be put right: what, on which thing, and how."""

    subject: str
    what: str
    do: Callable[[], object]


def _repairs(connections: "Connections", findings: "Sequence[Finding]") -> list[_Repair]:
    faulty = {finding.check for finding in findings if not finding.fine}
    return [*_migration(connections), *_stale_locks(connections), *_pathways(connections, faulty)]


def _migration(connections: "Connections") -> Iterator[_Repair]:
    from benchmark_qa.store.errors import SchemaBehindError, StoreError

    database = connections.store.database
    try:
        database.require_writable()
    except SchemaBehindError as error:
        yield _Repair("database", f"bring the tables up to date ({error})", database.upgrade)
    except StoreError:
        return


def _stale_locks(connections: "Connections") -> Iterator[_Repair]:
    """Lists of waiting tasks that no job has worked on for longer than a job may take."""
    from benchmark_qa.store.errors import StoreError
    from benchmark_qa.store.stages_at_work import StagesAtWork

    project, stages = str(connections.settings.config.production_project), StagesAtWork(connections.store.database)
    try:
        stale = stages.stale(project)
    except StoreError:
        return
    for stage_uuid, seen_at in stale.items():
        what = f"give stage {stage_uuid} free: its list of tasks is not worked on since {seen_at:%Y-%m-%d %H:%M} UTC"
        yield _Repair(stage_uuid, what, partial(stages.end, project, stage_uuid))


def _config_file() -> Path | None:
    """The configuration file, unless the variable holds the document itself."""
    given = os.environ.get("BENCHMARK_QA_CONFIG", "").strip()
    return None if not given or given.startswith("{") else Path(given).expanduser()


def _pathways(connections: "Connections", faulty: set[str]) -> Iterator[_Repair]:
    """Exchange the pathways in the configuration file if they are the wrong way round."""
    routing, file = connections.settings.config.stages.routing, _config_file()
    if routing is None or file is None or "pathways of the routing stage" not in faulty:
        return
    if routing.benchmark_pathway != routing.production_pathway:
        benchmark, production = routing.production_pathway, routing.benchmark_pathway

        def exchange() -> None:
            document = json_module.loads(file.read_text(encoding="utf-8-sig"))
            document["stages"]["routing"] |= {"benchmark_pathway": benchmark, "production_pathway": production}
            file.with_name(f"{file.name}.before").write_bytes(file.read_bytes())
            partial = file.with_name(f"{file.name}.partial")
            partial.write_text(json_module.dumps(document, indent=2) + "\n", encoding="utf-8")
            partial.replace(file)

        what = f"exchange the pathways in {file}: benchmark '{benchmark}', production '{production}'"
        yield _Repair(str(file), f"{what} (the old file stays as {file.name}.before)", exchange)


def _record(connections: "Connections", repairs: Sequence[_Repair], operator: str) -> None:
    from benchmark_qa.store.action_log import ActionLog

    log, project = ActionLog(connections.store.database), str(connections.settings.config.production_project)
    for repair in repairs:
        log.record(project, kind="doctor-fix", operator=operator, subject=repair.subject, reason=repair.what)


def check_clock(domain: str, tolerance: int, now: datetime | None = None) -> "list[Finding]":
    """This machine's clock against Encord's, by the date of an answer. 1 request; empty if there is no answer."""
    import requests

    try:
        said = requests.head(domain, timeout=SECONDS, allow_redirects=False).headers.get("Date", "")
        theirs = parsedate_to_datetime(said)
    except (requests.RequestException, ValueError, TypeError):
        return []
    return [clock_finding(theirs, now or datetime.now(UTC), tolerance)]


def clock_finding(theirs: datetime, ours: datetime, tolerance: int) -> "Finding":
    """A fault if the clocks differ by more than half of what a signature's age may be."""
    from benchmark_qa.tasks.checks import Finding

    apart = round((ours - theirs).total_seconds())
    if abs(apart) * 2 <= tolerance:
        return Finding("clock", True, f"within {max(abs(apart), 1)} s of Encord's")
    direction = "ahead of" if apart > 0 else "behind"
    message = f"{abs(apart):,} s {direction} Encord's; calls are refused from {tolerance:,} s on"
    return Finding("clock", False, message, "let the machine set its clock (NTP): systemctl status systemd-timesyncd")


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
