"""What the loop has brought, as a table, and whether it did what it should."""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from demo.loop import CHOICES, LoopStory
from demo.loop_figures import Gain, Production, between_people
from demo.world import COMPLETE

FOUND, BY_SCORES, CONTROL = CHOICES
EVERYTHING = "everything"
MEASURED_AT_A_TIME = 2
"""Each is a process of its own"""
NAMES = {
    FOUND: "found with the model",
    BY_SCORES: "by annotators' scores",
    CONTROL: "drawn at random",
}


@dataclass(frozen=True)
class LoopOutcome:
    """The end of a loop. `problems` is empty when it did what it should."""

    gains: Mapping[str, Gain]
    """By choice, on its images, against the truth"""
    everything: Gain
    """On all production images"""
    held_out: Gain
    """New benchmark images: those whose work was replaced, and those who replaced it"""
    at_choosing: Gain
    """The same people by the benchmark of round 1, by which they were chosen"""
    average_precision: float | None
    """Of the model, held against the labels of round 1"""
    sent_back: int
    problems: tuple[str, ...]

    @classmethod
    def read(cls, story: LoopStory) -> "LoopOutcome":
        """Measure both rounds."""
        world, production = story.loop_world, _production(story)
        measured = {**story.choices, EVERYTHING: [*world.production_units]}
        with ThreadPoolExecutor(MEASURED_AT_A_TIME) as threads:
            gains = dict(zip(measured, threads.map(production.gain, measured, measured.values()), strict=True))
        everything = gains.pop(EVERYTHING)
        replaced = Counter(story.first_annotator(data_hash) for data_hash in story.sent_back)
        replacing = Counter(story.second_annotators.values())
        held_out = between_people(story.reports[1], world.held_out_units, replaced, replacing)
        at_choosing = between_people(story.reports[0], world.benchmark_units, replaced, replacing)
        return cls(
            gains=gains,
            everything=everything,
            held_out=held_out,
            at_choosing=at_choosing,
            average_precision=story.evaluation["summary"]["AP"],
            sent_back=len(story.sent_back),
            problems=(
                *_strayed(story),
                *_not_sent(story),
                *_labels_not_replaced(story, production),
                *_unscored(story),
                *_no_gain(gains),
            ),
        )

    def show(self, console: Console) -> None:
        """Print the gains, what the benchmark says, and the problems."""
        console.print()
        console.print(self._table())
        excess, low, high = self.gains[FOUND].above(self.gains[CONTROL])
        owed = "that is owed to the finding" if low > 0 else "which may be chance"
        more = escape(_signed(excess, low, high))
        console.print(
            f"What was found gains {more} more than a random choice of the same size: {owed}. The model is simulated "
            "from the truth; a real one finds less."
        )
        held_out = self.held_out
        known = escape(_signed(held_out.gain, held_out.low, held_out.high))
        console.print(
            f"On {held_out.images} benchmark images that nobody had met, those whose work was replaced have F1 "
            f"{held_out.before:.3f}, those who replaced it {held_out.after:.3f}: {known}. That can be known without "
            f"production's truth. On the images that they were chosen by it was {self.at_choosing.gain:+.3f}."
        )
        ap = "n/a" if self.average_precision is None else f"{self.average_precision:.3f}"
        console.print(f"{self.sent_back} images labelled again; the model's AP against the labels of round 1: {ap}")
        for problem in self.problems:
            console.print(f"[red]wrong:[/] {escape(problem)}")

    def _table(self) -> Table:
        columns = ("production images", "images", "F1 before", "F1 after", escape("gain [95 %]"))
        table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
        for column in table.columns[1:]:
            column.justify = "right"
        for name, gain in self.gains.items():
            table.add_row(NAMES[name], *_cells(gain))
        table.add_section()
        table.add_row("all, chosen or not", *_cells(self.everything))
        return table


def _production(story: LoopStory) -> Production:
    return Production(story.sandbox, story.directory, story.loop_world.production_units, story.exports)


def _cells(gain: Gain) -> tuple[str, ...]:
    change = escape(_signed(gain.gain, gain.low, gain.high))
    return f"{gain.images:,}", f"{gain.before:.3f}", f"{gain.after:.3f}", change


def _signed(difference: float, low: float, high: float) -> str:
    return f"{difference:+.3f} [{low:+.2f}, {high:+.2f}]"


def _strayed(story: LoopStory) -> list[str]:
    tasks = story.sandbox.control.tasks(story.world.production_project)
    astray = [f"task {task.title} is at {task.stage}" for task in tasks if task.stage != COMPLETE]
    missing = story.tasks_of_both_rounds - len(tasks)
    return [*astray, *([f"{missing} tasks are missing"] if missing else [])]


def _not_sent(story: LoopStory) -> list[str]:
    """Every step once: taken in the first run (or another choice has done it already), in the second nothing."""
    problems = [f"{name}: no image was chosen" for name, hashes in story.choices.items() if not hashes]
    for name in CHOICES:
        problems += _other_states(story.sent[name], f"{name}, sent back", {"done", "nothing to do"})
        problems += [f"{name}: {item['title']} was refused: {item['reason']}" for item in story.sent[name]["refused"]]
    problems += _other_states(story.sent_again, f"{FOUND}, sent back again", {"done before", "nothing to do"})
    return problems


def _other_states(sent: Mapping[str, Any], what: str, wanted: set[str]) -> list[str]:
    return [f"{what}: {step['step']} is {step['state']}" for step in sent["steps"] if step["state"] not in wanted]


def _labels_not_replaced(story: LoopStory, production: Production) -> list[str]:
    """What went back has the labels of those it was given to, and nothing else has changed."""
    before, after = production.boxes(0), production.boxes(1)
    untouched = before.keys() - set(story.sent_back)
    changed = [f"{one} was not sent back and has changed" for one in untouched if before[one] != after.get(one)]
    units, people = story.loop_world.production_units, story.second_annotators
    wanted = {one: units[one].answers[people[one]] for one in story.sent_back}
    wrong = [
        f"{one} has {len(after.get(one, []))} boxes, {people[one]} drew {len(answer)}"
        for one, answer in wanted.items()
        if not isinstance(answer, bool) and len(after.get(one, [])) != len(answer)
    ]
    return [*changed, *wrong]


def _unscored(story: LoopStory) -> list[str]:
    work = story.loop_world.held_out_work
    scored = sum(task["data_hash"] in work for task in story.reports[1]["tasks"])
    wanted = sum(map(len, work.values()))
    return [f"{wanted} new benchmark answers were submitted, {scored} are scored"] if scored != wanted else []


def _no_gain(gains: Mapping[str, Gain]) -> list[str]:
    found, control = gains[FOUND], gains[CONTROL]
    problems = []
    if found.low <= 0:
        problems.append(f"what was found has gained {_signed(found.gain, found.low, found.high)}: that may be nothing")
    if found.gain <= control.gain:
        problems.append(f"a random choice gains as much as what was found: {control.gain:+.3f}, {found.gain:+.3f}")
    return problems
