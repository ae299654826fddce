"""Plots as SVG that take the page's colours, light or dark."""

import io
import re
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.figure import Figure

# Colours that stand for the page's own: replaced by its variables once drawn.
INK, FAINT, ACCENT, GOOD = "#010101", "#020202", "#030303", "#040404"


BAD, SOFT, WARN = "#050505", "#060606", "#070707"


_VARIABLES = {
    INK: "var(--ink)",
    FAINT: "var(--line)",
    ACCENT: "var(--accent)",
    GOOD: "var(--good)",
    BAD: "var(--bad)",
    SOFT: "var(--muted)",
    WARN: "var(--warn)",
}


STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "legend.frameon": False,
}


def svg(figure: Figure, key: str, label: str) -> Markup:
    """The drawing with the page's colours; `key` keeps its ids apart from other plots', `label` is read aloud."""
    file = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": key}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    # Several plots share one page: their ids must differ.
    text = re.sub(r'\bid="([^"]+)"', rf'id="{key}-\1"', text)
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{key}-", text)
    view = re.search(r'viewBox="[^"]+"', text)
    opening = f'<svg {view.group(0) if view else ""} class="plot" role="img" aria-label="{escape(label)}">'
    return Markup(re.sub(r"<svg[^>]*>", lambda _: opening, text, count=1))  # noqa: S704 - made by matplotlib above
