"""Plots as SVG that take the page's colours, light or dark."""

from collections.abc import Sequence
from importlib.util import find_spec

from markupsafe import Markup

from benchmark_qa.quality.breakdown import Group
from benchmark_qa.quality.leaderboard import Leaderboard


def overview(board: Leaderboard) -> Markup | None:
    """As `plots.overview_plot`."""
    if find_spec("matplotlib") is None:
        return None
    from benchmark_qa.report.plots import overview_plot  # noqa: PLC0415 - needs the extra

    return overview_plot(board)


def trend(weeks: Sequence[Group], headline: str, *, threshold: float, name: str, key: str, wide: bool) -> Markup | None:
    """As `plots.trend_plot`."""
    if find_spec("matplotlib") is None:
        return None
    from benchmark_qa.report.plots import trend_plot  # noqa: PLC0415 - needs the extra

    return trend_plot(weeks, headline, threshold=threshold, name=name, key=key, wide=wide)
