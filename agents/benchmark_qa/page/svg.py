"""Small SVG plots, with a label for screen readers, in the page's colours, also dark and in print."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, log10

from markupsafe import Markup, escape

INK, FAINT, ACCENT, GOOD = "var(--ink)", "var(--line)", "var(--accent)", "var(--good)"
BAD, SOFT, WARN = "var(--bad)", "var(--muted)", "var(--warn)"
"""CSS variables of the page's style"""
_LETTER = 13
_ABOVE, _RIGHT, _BELOW, _LEFT = 10.0, 12.0, 40.0, 52.0
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scale:
    """Converts values to places along an axis; the scale can be logarithmic."""

    low: float
    high: float
    first: float
    last: float
    is_logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """The place of a value; a value beyond an end gets the place of that end."""
        turn: Callable[[float], float] = log10 if self.is_logarithmic else float
        low, high = turn(self.low), turn(self.high)
        share = (turn(min(max(value, self.low), self.high)) - low) / (high - low)
        return self.first + share * (self.last - self.first)


@dataclass
class Plot:
    """A plot that is built mark by mark, from back to front.

    Args:
        label: what the plot shows, for screen readers.
        width, height: of the view.
        across, up: lowest and highest value of the horizontal and the vertical axis.
        is_logarithmic: whether the horizontal axis is logarithmic.
        right: space on the right for text.
    """

    label: str
    width: float
    height: float
    across: Point
    up: Point
    is_logarithmic: bool = False
    right: float = _RIGHT
    _marks: list[str] = field(default_factory=list)

    @property
    def x(self) -> Scale:
        """The scale of the horizontal axis."""
        return Scale(*self.across, _LEFT, self.width - self.right, self.is_logarithmic)

    @property
    def y(self) -> Scale:
        """The scale of the vertical axis."""
        return Scale(*self.up, self.height - _BELOW, _ABOVE)

    def name_across(self, ticks: Iterable[tuple[float, str]], title: str = "") -> None:
        """Draw the grid lines, numbers and title of the horizontal axis."""
        bottom, middle = self.height - _BELOW, (_LEFT + self.width - self.right) / 2
        self._axis("across", [(f"M{self.x(at):.1f} {_ABOVE}V{bottom}", self.x(at), bottom + 17, t) for at, t in ticks])
        if title:
            self._text(middle, self.height - 4, title, "middle", INK)

    def name_up(self, ticks: Iterable[tuple[float, str]], title: str = "") -> None:
        """Draw the grid lines, numbers and title of the vertical axis."""
        end, middle = self.width - self.right, (_ABOVE + self.height - _BELOW) / 2
        places = [(f"M{_LEFT} {self.y(at):.1f}H{end}", _LEFT - 7, self.y(at) + 4, text) for at, text in ticks]
        self._axis("up", places, anchor="end")
        if title:
            turned = f'<text transform="rotate(-90)" x="{-middle:.1f}" y="13" text-anchor="middle"'
            self._marks.append(f'{turned} font-size="{_LETTER}" fill="{INK}">{escape(title)}</text>')

    def level(self, value: float, words: str = "") -> None:
        """Draw a dashed horizontal line at a value."""
        end = self.width - self.right
        self._path(f"M{_LEFT} {self.y(value):.1f}H{end}", SOFT, 1.2, dashes="5 4")
        if words:
            self._text(end + 5, self.y(value) + 4, words, "start", SOFT)

    def line(self, points: Sequence[Point], colour: str, *, width: float = 2.0, dashes: str = "") -> None:
        """Draw a line through the points."""
        self._path(f"M{'L'.join(self._place(point) for point in points)}", colour, width, dashes=dashes)

    def band(self, points: Sequence[tuple[float, float, float]], colour: str) -> None:
        """Fill the area between two lines, given as (x, low, high)."""
        upper = [self._place((x, high)) for x, _, high in points]
        lower = [self._place((x, low)) for x, low, _ in reversed(points)]
        self._marks.append(f'<path d="M{"L".join(upper + lower)}Z" fill="{colour}" fill-opacity=".18"/>')

    def bars(self, points: Iterable[tuple[float, float, float]], colour: str, width: float = 1.2) -> None:
        """Draw vertical lines, given as (x, low, high)."""
        path = "".join(f"M{self.x(x):.1f} {self.y(low):.1f}V{self.y(high):.1f}" for x, low, high in points)
        self._path(path, colour, width, opacity=0.85)

    def dots(self, points: Iterable[Point], colour: str, size: float = 8.0) -> None:
        """Draw round points: lines of length 0 with round ends."""
        path = "".join(f"M{self._place(point)}h0" for point in points)
        self._path(path, colour, size, opacity=0.85)

    def svg(self) -> Markup:
        """The whole plot as SVG."""
        label = escape(self.label)
        head = f'<svg viewBox="0 0 {self.width:g} {self.height:g}" class="plot" role="img" aria-label="{label}">'
        return Markup("".join([head, f"<title>{label}</title>", *self._marks, "</svg>"]))  # noqa: S704 - made here

    def _axis(self, name: str, ticks: Sequence[tuple[str, float, float, str]], anchor: str = "middle") -> None:
        self._path("".join(path for path, *_ in ticks), FAINT, 0.8)
        words = "".join(f'<text x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>' for _, x, y, text in ticks)
        style = f'font-size="{_LETTER}" fill="{INK}" text-anchor="{anchor}"'
        self._marks.append(f'<g class="axis-{name}" {style}>{words}</g>')

    def _path(self, path: str, colour: str, width: float, *, dashes: str = "", opacity: float = 1.0) -> None:
        if path:
            more = f' stroke-dasharray="{dashes}"' if dashes else ""
            more += f' stroke-opacity="{opacity:g}"' if opacity < 1 else ""
            cap = "" if dashes else ' stroke-linecap="round"'
            self._marks.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}"{cap}{more}/>')

    def _text(self, x: float, y: float, words: str, anchor: str, colour: str) -> None:
        place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
        self._marks.append(f'<text {place} font-size="{_LETTER}" fill="{colour}">{escape(words)}</text>')

    def _place(self, point: Point) -> str:
        return f"{self.x(point[0]):.1f} {self.y(point[1]):.1f}"


def even_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers between `low` and `high`, at even steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / most
    size = 10.0 ** floor(log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough * (1 - 1e-9))
    return [round(step * number, 10) for number in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def count_ticks(low: float, high: float) -> list[int]:
    """Whole numbers for a logarithmic axis: round ones below a decade, else 1, 2 and 5 of each decade."""
    if high < 10 * low:
        return sorted({round(value) for value in even_ticks(low, high) if value >= low and value == round(value)})
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    leading = (1, 2, 5) if high < 10_000 * low else (1,)
    values = (factor * 10.0**decade for decade in decades for factor in leading)
    return [round(value) for value in values if low <= value <= high and value >= 1]
