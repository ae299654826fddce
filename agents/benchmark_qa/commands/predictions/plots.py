"""One evaluation of a model's predictions, as it is written into files and onto a page."""

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

from benchmark_qa.commands.predictions.result import Calibration
from benchmark_qa.page.svg import ACCENT, SOFT, STYLE, svg


def calibration_plot(calibration: Calibration) -> Markup | None:
    """The share of right predictions over their mean confidence; None where confidences are none."""
    known = [
        (each.confidence, each.precision, each.predictions)
        for each in calibration.bins
        if each.confidence is not None and each.precision is not None
    ]
    if not known:
        return None
    confidence, precision, counts = (list(column) for column in zip(*known, strict=True))
    most = max(counts)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 3.4))
        figure.subplots_adjust(0.13, 0.16, 0.97, 0.97)
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1.2, linestyle=(0, (4, 3)))
        axes.plot(confidence, precision, color=ACCENT, linewidth=1.6)
        sizes = [20 + 180 * count / most for count in counts]
        axes.scatter(confidence, precision, s=sizes, color=ACCENT, alpha=0.8, linewidths=0)
        axes.set_xlim(-0.03, 1.03)
        axes.set_ylim(-0.03, 1.06)
        axes.set_xlabel("mean confidence")
        axes.set_ylabel("share that is right")
        label = f"Share of right predictions over confidence, in {len(known)} bins; on the dashed line both are equal"
        return svg(figure, "calibration", label)
