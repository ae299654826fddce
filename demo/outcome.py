"""What came of it: the service's report as a table, where every task went, and whether all is as it should be."""

import json
from collections import Counter
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from demo.control import TaskTrace
from demo.labels import LabelSet
from demo.measure_crowd import tally
from demo.sandbox import Sandbox
from demo.world import BENCHMARK_PATHWAY, COMPLETE, PRODUCTION_PATHWAY

POOLED = "(all)"
"""How the report calls the line of all annotators together."""

CROWD_DOMAIN = "@example.com"
"""Left out of names in the table: it is what every annotator of the packaged crowd has."""

COLOURS = {"above the bar": "green", "below the bar": "red"}


@dataclass(frozen=True)
class Outcome:
    """The end state of a run. `problems` is empty when everything ended where it should."""

    labels: LabelSet
    report: dict[str, Any]
    """What `benchmark-qa report --json` prints."""
    truth_stages: Counter[str]
    benchmark_tasks: tuple[TaskTrace, ...]
    production_tasks: tuple[TaskTrace, ...]

    @classmethod
    def read(cls, sandbox: Sandbox) -> "Outcome":
        """Ask the service for its report and the emulator for its tasks."""
        world, control = sandbox.world, sandbox.control
        tasks = control.tasks(world.production_project)
        return cls(
            labels=world.labels,
            report=json.loads(sandbox.benchmark_qa("report", "--json")),
            truth_stages=control.tasks_by_stage(world.benchmark_project),
            benchmark_tasks=tuple(task for task in tasks if task.data_hash in world.benchmark_units),
            production_tasks=tuple(task for task in tasks if task.data_hash in world.production_units),
        )

    @property
    def problems(self) -> list[str]:
        """Everything that is not as it should be, in words."""
        return [*self._strayed_tasks(), *self._missing_scores(), *self._differing_counts()]

    def _strayed_tasks(self) -> list[str]:
        expected = [
            ("Benchmark", self.benchmark_tasks, BENCHMARK_PATHWAY),
            ("Production", self.production_tasks, PRODUCTION_PATHWAY),
        ]
        strayed = [
            f"{name} task {task.title} went {' then '.join(task.pathways) or 'nowhere'} and is at {task.stage}"
            for name, tasks, pathway in expected
            for task in tasks
            if task.stage != COMPLETE or task.pathways[:1] != (pathway,)
        ]
        wanted = {"Benchmark": len(self.labels), "Production": len(self.labels)}
        lost = [f"{wanted[name] - len(tasks)} {name} tasks are missing" for name, tasks, _ in expected]
        unfinished = len(self.labels) - self.truth_stages[COMPLETE]
        return [
            *strayed,
            *(line for line in lost if not line.startswith("0 ")),
            *([f"{unfinished} benchmark project tasks are not finished"] if unfinished else []),
        ]

    def _missing_scores(self) -> list[str]:
        wanted = Counter(email for image in self.labels for email in image.answers)
        scored = {line["annotator"]: line["tasks"] for line in self.report["annotators"]}
        return [
            f"{email} submitted {wanted[email]} benchmark tasks, {scored.get(email, 0)} are scored"
            for email in sorted(wanted.keys() | scored.keys())
            if wanted[email] != scored.get(email, 0)
        ]

    def _differing_counts(self) -> list[str]:
        """The labels matched by the demo's own small matcher must give the same counts."""
        if self.labels.kind == "question":
            return []
        tallies = tally(self.labels).values()
        matches = sum(len(one.errors) for one in tallies)
        true_boxes = sum(one.true_boxes for one in tallies)
        own = (matches, sum(one.spurious for one in tallies), true_boxes - matches)
        pooled = self.report["pooled"]
        reported = (pooled["true_positives"], pooled["false_positives"], pooled["false_negatives"])
        return [f"matches, spurious, missing: {reported} reported, {own} counted by hand"] if own != reported else []

    def show(self, console: Console) -> None:
        """Print the table of annotators, where tasks went, and the problems."""
        console.print()
        console.print(_table_of_boxes(self.report) if self.labels.kind == "boxes" else _table_of_answers(self.report))
        console.print(self._summary())
        console.print()
        console.print(self._whereabouts())
        for problem in self.problems:
            console.print(f"[red]wrong:[/] {escape(problem)}")

    def _summary(self) -> str:
        pooled, people = self.report["pooled"], self.report["annotators"]
        if self.labels.kind == "question":
            mean = fmean(line["accuracy"]["estimate"] for line in people)
            return f"{len(people)} annotators: mean accuracy {mean:.4f}, majority vote {self.majority_accuracy:.4f}"
        return (
            f"{len(people)} annotators, pooled: {pooled['tasks']:,} tasks, {pooled['true_positives']:,} matches, "
            f"{pooled['false_positives']:,} spurious, {pooled['false_negatives']:,} missing, "
            f"F1 {pooled['f1']['estimate']:.4f} at IoU 0.5"
        )

    @property
    def majority_accuracy(self) -> float:
        """How many of the questions most annotators answered rightly, by the service's score records."""
        right: Counter[str] = Counter()
        asked: Counter[str] = Counter()
        for task in self.report["tasks"]:
            right[task["data_hash"]] += task["classifications_correct"]
            asked[task["data_hash"]] += task["classifications_total"]
        return fmean(right[data_hash] > asked[data_hash] / 2 for data_hash in asked)

    def _whereabouts(self) -> Table:
        table = Table("where tasks of", "took pathway", "and ended in", "tasks", box=SIMPLE_HEAD, pad_edge=False)
        table.columns[-1].justify = "right"
        for name, tasks in (("Benchmark", self.benchmark_tasks), ("Production", self.production_tasks)):
            ways = Counter((task.pathways[:1], task.stage) for task in tasks)
            for (pathways, stage), count in sorted(ways.items()):
                table.add_row(name, *(pathways or ("none",)), stage, f"{count:,}")
        return table


def _table_of_boxes(report: dict[str, Any]) -> Table:
    table = _table("matches", "spurious", "missing", "precision", "recall", "F1 [95 %]", "mean IoU")
    for line in [*report["annotators"], report["pooled"]]:
        counts = (f"{line[key]:,}" for key in ("true_positives", "false_positives", "false_negatives"))
        figures = (_figure(line[key]) for key in ("precision", "recall"))
        _add(table, line, *counts, *figures, _with_interval(line["f1"]), _figure(line["mean_similarity"]))
    return table


def _table_of_answers(report: dict[str, Any]) -> Table:
    table = _table("accuracy [95 %]")
    for line in [*report["annotators"], report["pooled"]]:
        _add(table, line, _with_interval(line["accuracy"]))
    return table


def _table(*figures: str) -> Table:
    """In a narrow terminal names and intervals stay whole, and the other headings are folded."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("annotator", no_wrap=True)
    for figure in ("tasks", *figures):
        table.add_column(escape(figure), justify="right", overflow="fold", no_wrap="[" in figure)
    table.add_column("verdict")
    return table


def _add(table: Table, line: dict[str, Any], *figures: str) -> None:
    """One annotator's row; a line is drawn above the pooled one, on which there is no verdict."""
    if line["annotator"] == POOLED:
        table.add_section()
        table.add_row("all", f"{line['tasks']:,}", *figures, "")
        return
    colour, verdict = COLOURS.get(line["verdict"]), line["verdict"]
    if line.get("still"):
        verdict += f", {line['still']}"
    name = escape(line["annotator"].removesuffix(CROWD_DOMAIN))
    table.add_row(name, f"{line['tasks']:,}", *figures, f"[{colour}]{verdict}[/]" if colour else verdict)


def _figure(interval: dict[str, Any]) -> str:
    return "n/a" if interval["estimate"] is None else f"{interval['estimate']:.3f}"


def _with_interval(interval: dict[str, Any]) -> str:
    if interval["estimate"] is None:
        return "n/a"
    return escape(f"{interval['estimate']:.3f} [{interval['low']:.2f}, {interval['high']:.2f}]")
