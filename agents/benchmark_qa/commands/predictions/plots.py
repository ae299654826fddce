"""The plots of an evaluation's page."""

from markupsafe import Markup

from benchmark_qa.commands.predictions.result import Calibration
from benchmark_qa.page.svg import ACCENT, SOFT, Plot, even_ticks


def calibration_plot(calibration: Calibration) -> Markup | None:
    """Share of right predictions over their mean confidence; None if there are no predictions."""
    known = [
        (each.confidence, each.precision, each.predictions)
        for each in calibration.bins
        if each.confidence is not None and each.precision is not None
    ]
    if not known:
        return None
    most = max(count for *_, count in known)
    plot = Plot(
        label=f"Share of right predictions over confidence, in {len(known)} bins; on the dashed line both are equal",
        width=460.0,
        height=340.0,
        across=(-0.03, 1.03),
        up=(-0.03, 1.06),
    )
    ticks = [(value, f"{value:g}") for value in even_ticks(0.0, 1.0)]
    plot.name_across(ticks, "mean confidence")
    plot.name_up(ticks, "share that is right")
    plot.line([(0.0, 0.0), (1.0, 1.0)], SOFT, width=1.2, dashes="5 4")
    plot.line([(confidence, precision) for confidence, precision, _ in known], ACCENT, width=1.6)
    for confidence, precision, count in known:
        plot.dots([(confidence, precision)], ACCENT, (20 + 180 * count / most) ** 0.5 * 1.25)
    return plot.svg()
