"""The command `benchmark-qa`. Each subcommand is imported when it is called, so that `--help` is fast."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from shutil import get_terminal_size
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from benchmark_qa import __version__

SETTING_UP, AT_WORK, RESULTS, LOOP, HIDDEN = (
    "Setting up",
    "At work (the same as Encord's calls do, by hand)",
    "Scores and people",
    "Round again: models, and what to label next",
    "",
)


BOXED_FROM = 120
"""Columns that a terminal needs for help in boxes."""


class CommandEntry(NamedTuple):
    """A command: name, module and attribute that define it, panel in the help, and help text."""

    name: str
    module: str
    attribute: str
    panel: str
    help: str


ENTRIES = (
    CommandEntry(
        "setup",
        "commands.setup.command",
        "setup",
        SETTING_UP,
        "Folders, datasets, ontology and both projects from one file.",
    ),
    CommandEntry(
        "register",
        "commands.register.command",
        "register",
        SETTING_UP,
        "Registration files: build, check, and register what they name.",
    ),
    CommandEntry(
        "upload",
        "commands.register.upload_command",
        "upload",
        SETTING_UP,
        "Upload local files to Encord's own storage.",
    ),
    CommandEntry(
        "curate",
        "commands.curate.command",
        "curate",
        SETTING_UP,
        "Pictures: quality, duplicates, clusters, search, map, choice.",
    ),
    CommandEntry("benchmark", "commands.curation.command", "benchmark", SETTING_UP, "Benchmark items: choose them."),
    CommandEntry(
        "truth",
        "commands.truth.command",
        "truth",
        SETTING_UP,
        "Ground truth: import it, list items, take out, put back, accept another answer.",
    ),
    CommandEntry(
        "doctor",
        "commands.operations.doctor",
        "doctor",
        SETTING_UP,
        "Check settings, key, database, projects, stages, pathways, ontologies and datasets, and say what to fix.",
    ),
    CommandEntry(
        "status",
        "commands.operations.status",
        "status",
        AT_WORK,
        "Where everything is: tasks by stage, whom the oldest wait for, scores, and what to type next.",
    ),
    CommandEntry("serve", "commands.serve.command", "serve", AT_WORK, "Serve the agents that Encord calls."),
    CommandEntry(
        "route",
        "commands.operations.by_hand",
        "route",
        AT_WORK,
        "Route every task that waits at the routing stage, in bundles, also where the stage is on Auto.",
    ),
    CommandEntry(
        "evaluate",
        "commands.operations.by_hand",
        "evaluate",
        AT_WORK,
        "Score every benchmark task that waits at a scoring stage, or has passed one or is finished without a score.",
    ),
    CommandEntry(
        "prelabel",
        "commands.hand_out.command",
        "prelabel",
        AT_WORK,
        "Pre-labels: a model's predictions on tasks that nobody has started.",
    ),
    CommandEntry(
        "assign",
        "commands.hand_out.command",
        "assign",
        AT_WORK,
        "Assign the waiting tasks of the production project; nobody meets a data unit twice.",
    ),
    CommandEntry("pace", "commands.pace.command", "pace", AT_WORK, "How often people meet benchmark items, and when."),
    CommandEntry(
        "report",
        "report.command",
        "report",
        RESULTS,
        "Report every annotator: tasks, matches, precision, recall, F1 with its 95 % interval, verdict; and much more.",
    ),
    CommandEntry(
        "alerts",
        "alerts.command",
        "alerts",
        RESULTS,
        "Hold the rules of 'alerts' against the current verdicts, and send each change once to ALERT_WEBHOOK_URL.",
    ),
    CommandEntry(
        "act",
        "commands.act.command",
        "act",
        RESULTS,
        "List, and with --enforce take, the actions that 'actions' in the configuration asks for.",
    ),
    CommandEntry(
        "actions",
        "commands.operations.audit",
        "actions",
        RESULTS,
        "What people and rules have done: list it, undo it.",
    ),
    CommandEntry(
        "rescore",
        "commands.operations.by_hand",
        "rescore",
        RESULTS,
        "Score again every data unit whose labels, ground truth, scoring rules or engine differ from its score's.",
    ),
    CommandEntry(
        "score",
        "commands.score_exports.command",
        "score",
        RESULTS,
        "Score labels against the ground truth of the same data units: the same data hash, or the same image.",
    ),
    CommandEntry("db", "commands.operations.database", "db", RESULTS, "The database of scores."),
    CommandEntry(
        "export",
        "commands.export.command",
        "export",
        LOOP,
        "Export labels to Encord JSON, COCO, YOLO and Parquet, with a manifest.",
    ),
    CommandEntry(
        "evaluate-predictions",
        "commands.predictions.command",
        "evaluate_predictions",
        LOOP,
        "Print mAP and mAR (COCO protocol), F1, precision and recall by class, confusion and calibration.",
    ),
    CommandEntry(
        "find",
        "commands.findings.command",
        "find",
        LOOP,
        "Find likely label errors, failure slices, what is missing and spurious, contradictions and rare classes.",
    ),
    CommandEntry(
        "choose",
        "commands.findings.choose_command",
        "choose",
        LOOP,
        "Choose what goes round again: work of weak annotators, and ground truth that is suspect.",
    ),
    CommandEntry(
        "send-back",
        "commands.send_back.command",
        "send_back",
        LOOP,
        "Send chosen data units back: collected, with issues, re-opened, and first in the queue.",
    ),
    CommandEntry(
        "container", "commands.serve.command", "container", HIDDEN, "Start what the host of a container asks for."
    ),
    CommandEntry(
        "healthy", "commands.serve.command", "healthy", HIDDEN, "Whether the service on this machine answers."
    ),
)


def load(entry: CommandEntry) -> Any:
    """Import and return the command of an entry."""
    found = getattr(import_module(f"benchmark_qa.{entry.module}"), entry.attribute)
    if isinstance(found, typer.Typer):
        command: Any = get_group(found)
    else:
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command(entry.name)(found)
        command = get_command(alone)
    command.name = entry.name
    if get_terminal_size().columns < BOXED_FROM:
        _without_boxes(command)
    return command


def _without_boxes(command: Any) -> None:
    """Print the help of a command and its subcommands as plain lines.

    A narrow box cuts the names of options.
    """
    command.rich_markup_mode = None
    for below in getattr(command, "commands", {}).values():
        _without_boxes(below)


class Commands(TyperGroup):
    """The group of `ENTRIES`. Help shows their help texts; calling one imports it."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._listing = False
        self._entries = {entry.name: entry for entry in ENTRIES}
        self.commands = {
            entry.name: TyperCommand(
                entry.name, help=entry.help, rich_help_panel=entry.panel, hidden=entry.panel == HIDDEN
            )
            for entry in ENTRIES
        }

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command itself, or while help is printed only its entry."""
        entry = self._entries.get(cmd_name)
        if entry is None or self._listing:
            return super().get_command(ctx, cmd_name)
        return load(entry)

    def invoke(self, ctx: Any) -> Any:
        """Run a command.

        A file, folder or address that cannot be used gives a one-line message and exit code 2.
        """
        from benchmark_qa.terminal.failures import clear_failures, write_what_the_terminal_can  # noqa: PLC0415

        write_what_the_terminal_can()
        with clear_failures():
            try:
                return super().invoke(ctx)
            except typer.BadParameter as error:
                error.message = error.message.replace("Input should be", "must be")  # typer shows pydantic's words
                raise

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the list without importing a command."""
        with self._as_list():
            super().format_help(ctx, formatter)

    @contextmanager
    def _as_list(self) -> Iterator[None]:
        self._listing = True
        try:
            yield
        finally:
            self._listing = False


app = typer.Typer(
    name="benchmark-qa",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a traceback with local variables would print keys and labels
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[  # noqa: ARG001 - its callback prints it
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Benchmark QA for Encord: route benchmark tasks, score annotators against ground truth, report."""
    from benchmark_qa.terminal.printing import guard_terminal  # noqa: PLC0415

    guard_terminal()
