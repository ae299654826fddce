"""The environment of HTML templates: filters for numbers, intervals and times, and names of figures."""

from datetime import datetime, tzinfo
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from benchmark_qa.stats.intervals import Interval

HERE = Path(__file__).parent


_NOT_SAID = "cannot be said: items not in random order"


_ARROWS = {"above the bar": "▲", "below the bar": "▼", "undecided": "◆", "too few tasks": "○", _NOT_SAID: "?"}


_CLASSES = {
    "above the bar": "good",
    "below the bar": "bad",
    "undecided": "open",
    "too few tasks": "few",
    _NOT_SAID: "few",
}


def environment(folder: Path) -> Environment:
    """Environment with the templates of `folder` and the shared ones of `page/`, filters, and autoescape."""
    environment = Environment(
        loader=FileSystemLoader([folder, HERE]),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(figure=figure, share=share, moment=moment, percent=percent)
    environment.filters.update(breakable=breakable, duration=duration, place=place)
    environment.globals.update(arrows=_ARROWS, verdict_classes=_CLASSES)
    return environment


def figure(value: float | None, digits: int = 3) -> Markup:
    """A number rounded for reading, with its full value in the `value` attribute."""
    if value is None:
        return Markup('<span class="none">n/a</span>')
    return Markup('<data value="{}">{}</data>').format(repr(float(value)), f"{value:.{digits}f}")


def share(interval: Interval) -> Markup:
    """An interval: the estimate and its two ends, or the reason why there is none."""
    if interval.estimate is None:
        return Markup('<span class="none" title="{}">n/a</span>').format(interval.reason or "not applicable")
    return Markup('{} <span class="ends">{:.2f}–{:.2f}</span>').format(
        figure(interval.estimate), interval.low, interval.high
    )


def percent(value: float | None) -> float:
    """A position on a bar, from 0 to 100."""
    return round(100.0 * min(max(value or 0.0, 0.0), 1.0), 2)


def place(value: float) -> str:
    """A coordinate of a drawing; the media has height 1."""
    return f"{value:.4f}"


def moment(value: datetime, zone: tzinfo) -> str:
    """A moment in the given time zone, with the zone's name."""
    local = value.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M} {local.tzname()}"


def duration(seconds: float | None) -> Markup:
    """A duration for reading, with its seconds in the `value` attribute."""
    if seconds is None:
        return Markup('<span class="none">n/a</span>')
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    under_an_hour = f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
    words = f"{hours} h {minutes:02} min" if hours else under_an_hour
    return Markup('<data value="{}">{}</data>').format(repr(float(seconds)), words)


def breakable(name: str) -> Markup:
    """An e-mail address whose first possible line break is after the `@`."""
    return Markup("@<wbr>").join(name.split("@"))


NAMES = {
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "mean_similarity": "mean overlap",
    "accuracy": "accuracy",
    "attribute_accuracy": "attributes right",
    "score": "score",
    "passed": "tasks passed",
}
