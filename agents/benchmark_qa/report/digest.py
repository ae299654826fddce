"""The report as a few lines of Markdown for a chat channel."""

from benchmark_qa.page.names import NAMES
from benchmark_qa.quality.leaderboard import Line
from benchmark_qa.quality.ratings import usual_seconds
from benchmark_qa.quality.report import Report
from benchmark_qa.stats.intervals import Interval

NAMES_TOLD = 5


def digest(report: Report) -> str:
    """Whom to train, which class is misunderstood, which ground truth is suspect."""
    board = report.leaderboard
    if not board.lines:
        return "**Benchmark QA**: no scores yet.\n"
    pooled = getattr(board.pooled, board.headline)
    lines = [
        f"**Benchmark QA**: {board.pooled.tasks:,} tasks by {len(board.lines):,} annotators, "
        f"{NAMES[board.headline]} {told(pooled)}",
        "",
        *_people(report),
    ]
    worst = report.classes[0] if report.classes else None
    if worst is not None:
        figure = worst.figures.f1 if worst.figures.f1.estimate is not None else worst.figures.accuracy
        lines.append(f"- Weakest class: {escaped(worst.name)}, {told(figure)}")
    if report.conflicts:
        first = report.conflicts[0]
        lines.append(f"- Most frequent conflict: {first.words} {escaped(first.feature)}, {first.count:,} times")
    lines.append(f"- Ground truth to look at: {_number(len(report.suspects), 'place')} the annotators contradict")
    usual = usual_seconds(report.ratings)
    if usual is not None:
        lines.append(f"- Time per task of the median annotator: {usual:,.0f} s")
    if report.stale:
        lines.append(f"- {_number(len(report.stale), 'score')} out of date: run `benchmark-qa rescore`")
    return "\n".join(lines) + "\n"


def told(interval: Interval) -> str:
    """An estimate with its interval as text."""
    if interval.estimate is None:
        return f"not applicable ({interval.reason})"
    return f"{interval.estimate:.3f} [{interval.low:.2f}, {interval.high:.2f}]"


def escaped(text: str) -> str:
    """Text with Markdown characters escaped."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|#~" else letter for letter in text)


def _people(report: Report) -> list[str]:
    board = report.leaderboard
    below = [line for line in reversed(board.lines) if line.verdict == "below the bar"]
    if board.verdicts.order.is_systematic:
        return ["- Nothing can be said of anybody: items are not met in random order"]
    if not below:
        return [f"- Nobody is below the bar of {board.bar.threshold:g}"]
    named = ", ".join(_person(report, line) for line in below[:NAMES_TOLD])
    more = f" and {len(below) - NAMES_TOLD} more" if len(below) > NAMES_TOLD else ""
    return [f"- Below the bar of {board.bar.threshold:g}: {named}{more}"]


def _person(report: Report, line: Line) -> str:
    figure = line.judged.figure if line.judged else getattr(line, report.leaderboard.headline)
    return f"{escaped(line.annotator)} {told(figure)}"


def _number(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
