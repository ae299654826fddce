"""The tables of findings for the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmark_qa.commands.findings.by_class import ClassErrors
from benchmark_qa.commands.findings.contradictions import Contradiction
from benchmark_qa.commands.findings.findings import Findings
from benchmark_qa.commands.findings.label_errors import LabelError
from benchmark_qa.commands.predictions.tables import WORST, slice_table
from benchmark_qa.terminal.tables import _cell, _table, _with_interval


def print_findings(findings: Findings, names: Sequence[str], console: Console, *, most: int = WORST) -> None:
    """Print a table of each kind of finding; `names` are the titles of the images."""
    if findings.label_errors is not None:
        console.print(_error_table(findings.label_errors, names, most))
    if findings.slices is not None:
        console.print(slice_table(findings.slices))
    if findings.classes is not None:
        console.print(_missing_table(findings.classes))
        console.print(_spurious_table(findings.classes))
    if findings.contradictions is not None:
        console.print(_contradiction_table(findings.contradictions, names, most))
    if findings.rare_classes:
        console.print(_rare_table(findings))
    else:
        console.print(f"no class is in fewer than {findings.enough_examples:,} data units")


def _error_table(errors: Sequence[LabelError], names: Sequence[str], most: int) -> Table:
    title = f"the {min(most, len(errors))} likeliest of {len(errors):,} likely label errors"
    table = _table(title, "image", "fault", "class", "strength", "confidence", "overlap", words={"fault", "class"})
    for one in errors[:most]:
        cells = one.fault, escape(one.class_name), *map(_cell, (one.strength, one.confidence, one.iou))
        table.add_row(escape(names[one.image]), *cells)
    return table


def _missing_table(classes: Sequence[ClassErrors]) -> Table:
    table = _table("missing", "class", "objects", "missed", "recall [95 %]", "taken for", words={"taken for"})
    for one in sorted(classes, key=lambda each: -each.missed):
        cells = _cell(one.objects), _cell(one.missed), _with_interval(one.recall), escape(one.taken_for or "")
        table.add_row(escape(one.name), *cells)
    return table


def _spurious_table(classes: Sequence[ClassErrors]) -> Table:
    table = _table("spurious", "class", "predictions", "spurious", "precision [95 %]")
    for one in sorted(classes, key=lambda each: -each.spurious):
        table.add_row(escape(one.name), _cell(one.predictions), _cell(one.spurious), _with_interval(one.precision))
    return table


def _contradiction_table(found: Sequence[Contradiction], names: Sequence[str], most: int) -> Table:
    title = f"near-duplicates labelled differently: {len(found):,} groups"
    headings = "image", "and", "pictures", "F1", "only in the first", "only in the second"
    table = _table(title, *headings, words={"and", "only in the first", "only in the second"})
    for one in found[:most]:
        first, second = (escape(names[image]) for image in one.worst)
        only = (escape(", ".join(sorted(side))) for side in (one.only_in_first, one.only_in_second))
        table.add_row(first, second, _cell(len(one.images)), _cell(one.agreement), *only)
    return table


def _rare_table(findings: Findings) -> Table:
    title = f"classes in fewer than {findings.enough_examples:,} data units: {len(findings.rare_classes):,}"
    table = _table(title, "class", "objects", "data units", "predicted elsewhere, images")
    for one in findings.rare_classes:
        table.add_row(escape(one.name), _cell(one.objects), _cell(one.data_units), _cell(len(one.predicted)))
    return table
