"""The report's HTML page, from a template."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from benchmark_qa.page.template import HERE, NAMES, environment
from benchmark_qa.quality.crowd import Suspect
from benchmark_qa.quality.items import usual_seconds
from benchmark_qa.quality.people import Person, TaskLine
from benchmark_qa.quality.report import Report
from benchmark_qa.records.sketch import Answered, Sketch
from benchmark_qa.report.plots import Picture, draw, overview_plot, trend_plot
from benchmark_qa.stats.intervals import Interval

ITEMS_SHOWN = 15


SUSPECTS_SHOWN = 12


CONFLICTS_SHOWN = 12


def render_page(report: Report) -> str:
    """One HTML file that loads nothing from elsewhere."""
    units = _suspect_units(report)
    script = (HERE / "script.js").read_text(encoding="utf-8")
    return (
        environment(Path(__file__).parent)
        .get_template("page.html.j2")
        .render(
            report=report,
            board=report.leaderboard,
            headline=report.leaderboard.headline,
            headline_name=NAMES[report.leaderboard.headline],
            style=Markup((HERE / "style.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            script_hash=_hash(script),
            overview=overview_plot(report.leaderboard),
            trend=trend_plot(
                report.weeks,
                report.leaderboard.headline,
                threshold=report.leaderboard.bar.threshold,
                name="all annotators",
                wide=True,
            ),
            rated={line.annotator: line for line in report.ratings},
            usual_seconds=usual_seconds(report.ratings),
            people=[_Page(report, person, number) for number, person in enumerate(report.people)],
            shown={line.line.annotator: f"person-{number}" for number, line in enumerate(report.people)},
            below=[line for line in reversed(report.leaderboard.lines) if line.verdict == "below the bar"],
            suspects=units[:SUSPECTS_SHOWN],
            suspect_units=len(units),
            hardest=[item for item in report.items if item.score.estimate is not None][:ITEMS_SHOWN],
            conflicts=report.conflicts[:CONFLICTS_SHOWN],
        )
    )


class _Page:
    """One annotator, with plots and drawings."""

    def __init__(self, report: Report, person: Person, number: int) -> None:
        headline = report.leaderboard.headline
        self.id = f"person-{number}"
        self.person = person
        judged = person.line.judged
        self.figure: Interval = judged.figure if judged else getattr(person.line, headline)
        self.trend = trend_plot(
            person.weeks,
            headline,
            threshold=report.leaderboard.bar.threshold,
            name=person.name,
            wide=False,
        )
        self.worst = [(task, *_shown(task)) for task in person.worst]


def _shown(task: TaskLine) -> tuple[Picture | None, Sequence[Answered]]:
    """The drawing of a task, and the answers of both sides."""
    sketch = task.record.open_sketch()
    if sketch is None:
        return None, ()
    return draw(sketch, conflicts=task.record.details.get("conflicts", ())), sketch.answers


@dataclass(frozen=True)
class _SuspectUnit:
    """A data unit with the suspect places of its truth."""

    data_hash: str
    title: str
    places: tuple[Suspect, ...]
    picture: Picture | None
    frame: int = 0
    """The frame that is drawn"""

    @property
    def answers(self) -> tuple[Suspect, ...]:
        return tuple(place for place in self.places if place.fault == "answer")


def _suspect_units(report: Report) -> list[_SuspectUnit]:
    """Data units with suspect truth, the surest first."""
    by_unit: dict[str, list[Suspect]] = {}
    for suspect in report.suspects:
        by_unit.setdefault(suspect.data_hash, []).append(suspect)
    sketches: dict[str, Sketch] = {}
    for task in report.tasks:
        data_hash = task.record.identity.data_hash
        if data_hash in by_unit and data_hash not in sketches:
            sketch = task.record.open_sketch()
            if sketch is not None:
                sketches[data_hash] = sketch
    return [
        _SuspectUnit(
            data_hash=data_hash,
            title=places[0].data_title,
            places=tuple(places),
            picture=_suspect_drawing(sketches.get(data_hash), places),
            frame=sketches[data_hash].frame if data_hash in sketches else 0,
        )
        for data_hash, places in by_unit.items()
    ]


def _suspect_drawing(sketch: Sketch | None, places: Sequence[Suspect]) -> Picture | None:
    """The truth and the suspect places, without labels: they would be those of all annotators at once."""
    spots = [place.box for place in places if place.box is not None]
    if sketch is None or not spots:
        return None
    return draw(Sketch(frame=sketch.frame, aspect=sketch.aspect, truth=sketch.truth), spots)


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
