"""Pages with pictures: quality lists, duplicates, clusters, and the map. One file each, nothing is loaded."""

import base64
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from benchmark_qa.commands.curate.index import Index
from benchmark_qa.images.quality_lists import THUMBNAIL
from benchmark_qa.page.template import HERE, environment

if TYPE_CHECKING:
    from benchmark_qa.commands.curate.analysis import Clusters, Duplicates
    from benchmark_qa.images.quality_lists import QualityList

Bars = Sequence[tuple[str, int, float]]
"""Label, count, and share of the largest count"""


def quality_page(
    index: Index, lists: "Sequence[QualityList]", unread: Sequence[tuple[str, str]], strongest: int
) -> str:
    """The quality lists with measure, cut, histogram and their strongest pictures."""
    items = index.pictures.items
    shown = {at for one in lists for at in one.indices[:strongest]}
    uris = _uris(index, [items[at].item for at in shown])
    sections = [
        {
            "name": one.name,
            "lead": f"{len(one.members):,} of {len(items):,}: {one.measure} {one.cut}",
            "bars": _bars([f"{low:.3g}" for low in one.histogram[1][:-1]], one.histogram[0]),
            "groups": [[_figure(uris, items[at], f"{value:.3g}") for at, value in one.members[:strongest]]],
        }
        for one in lists
    ]
    words = [f"{title}: {reason}" for title, reason in unread]
    sections.append(
        {"name": "unreadable", "lead": f"{len(unread):,} pictures", "bars": [], "groups": [], "words": words}
    )
    return _lists("Quality of the pictures", "No list removes anything by itself.", sections)


def duplicates_page(index: Index, found: "Duplicates", most: int) -> str:
    """Groups of duplicates, the picture to keep first, and leaks."""
    items = index.pictures.items
    groups, leaking = found.groups[:most], found.leaks[:most]
    uris = _uris(index, [items[at].item for group in (*groups, *leaking) for at in group.members[:8]])
    histogram = _bars([f"{low:.2f}" for low, _, _ in found.histogram], [count for _, _, count in found.histogram])

    def section(name: str, lead: str, shown: Sequence[Any], bars: Bars) -> dict[str, Any]:
        rows = [[_figure(uris, items[at], "keep" if at == one.keep else "") for at in one.members[:8]] for one in shown]
        return {"name": name, "lead": lead, "bars": bars, "groups": rows}

    return _lists(
        "Duplicates",
        "The first of each group is the one to keep. The histogram shows the distance of each picture to its nearest.",
        [
            section("groups", f"{len(found.groups):,} groups", groups, histogram),
            section("leaks", f"{len(found.leaks):,} between {found.between}", leaking, []),
        ],
    )


def clusters_page(index: Index, found: "Clusters") -> str:
    """Clusters with typical pictures, the surest failures first if failures are known."""
    items = index.pictures.items
    uris = _uris(index, [items[at].item for group in found.typical for at in group])
    about = {one.cluster: one for one in found.failing or ()}
    sections = []
    for number in list(about) or range(len(found.sizes)):
        one = about.get(number)
        lead = f"{found.sizes[number]:,} pictures"
        if one is not None:
            chance = "" if one.certain else ", may be chance"
            lead += f"; {one.inside:.0%} fail against {one.outside:.0%} elsewhere, "
            lead += f"gap {one.gap:+.2f} [{one.gap_low:+.2f}, {one.gap_high:+.2f}]{chance}"
        figures = [_figure(uris, items[at], "") for at in found.typical[number]]
        sections.append({"name": f"cluster {number}", "lead": lead, "bars": [], "groups": [figures]})
    return _lists("Clusters", "Four typical pictures of each. The intervals hold for all clusters at once.", sections)


def _lists(title: str, lead: str, sections: Sequence[Mapping[str, Any]]) -> str:
    template = environment(Path(__file__).parent).get_template("lists.html.j2")
    return template.render(title=title, lead=lead, sections=sections, style=_style())


def _style() -> Markup:
    return Markup((HERE / "style.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file


def _uris(index: Index, items: Sequence[str]) -> dict[str, str]:
    return {item: _uri(content) for item, content in index.thumbnails(list(dict.fromkeys(items)))}


def _uri(content: bytes) -> str:
    return "data:image/webp;base64," + base64.b64encode(content).decode()


def _figure(uris: Mapping[str, str], item: Any, note: str) -> dict[str, str]:
    return {"uri": uris.get(item.item, ""), "title": item.title, "note": note}


def _bars(labels: Sequence[str], counts: Sequence[int]) -> Bars:
    most = max(counts, default=0) or 1
    return [(label, count, count / most) for label, count in zip(labels, counts, strict=True)]


# --- the map -------------------------------------------------------------------------------------------------------

ATLAS: Final = 40
"""Pictures along a side of one atlas"""
MOST_BYTES: Final = 5_000_000
"""Of all atlases together; base64 makes a third more of it, and a page should stay below 8 MB"""
MOST_VALUES: Final = 40
"""A metadata field with more values is left out of the map"""


def map_page(index: Index, places: NDArray[np.float32], *, name: str) -> str:
    """The map: a place in two dimensions for each picture, colours and filters by field, thumbnails."""
    pictures = index.pictures
    side, atlases = _atlases(index)
    data = {
        "name": name,
        "items": [item.item for item in pictures.items],
        "titles": pictures.titles,
        "places": base64.b64encode(((places.T + 1) * 32767.5).round().astype("<u2").tobytes()).decode(),
        "fields": list(_fields(index)),
        "side": side,
        "atlas": ATLAS,
        "atlases": atlases,
    }
    template = environment(Path(__file__).parent).get_template("map.html.j2")
    script = (Path(__file__).parent / "map.js").read_text(encoding="utf-8")
    safe = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return template.render(
        name=name,
        count=len(pictures.items),
        style=_style(),
        script=Markup(script),  # noqa: S704 - our own file
        data=Markup(safe),  # noqa: S704 - "<" is escaped above
    )


def _fields(index: Index) -> Iterator[dict[str, Any]]:
    """Columns by which the map can colour and filter: figures, places, quality measures, client metadata."""
    pictures = index.pictures
    for name in index.figure_names():
        if name != "data_hash":
            known = index.figures(name)
            if name == "duplicate_of":
                yield _column("duplicate", ["yes" if i.item in known else "no" for i in pictures.items])
            else:
                yield _column(name, [known.get(item.item) for item in pictures.items], words=name == "cluster")
    yield _column("place", [" + ".join(one) for one in pictures.places])
    for name in ("brightness", "contrast", "sharpness"):
        yield _column(name, [getattr(one, name) for one in pictures.measures])
    for name in dict.fromkeys(name for item in pictures.items for name in item.metadata):
        values = [item.metadata.get(name) for item in pictures.items]
        simple = all(value is None or isinstance(value, str | int | float | bool) for value in values)
        if simple and (_numbers(values) or len(set(values)) <= MOST_VALUES):
            yield _column(str(name), values)


def _numbers(values: Sequence[Any]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(v, int | float) and not isinstance(v, bool) and np.isfinite(v) for v in known)


def _column(name: str, values: Sequence[Any], *, words: bool = False) -> dict[str, Any]:
    if _numbers(values) and not words:
        return {"name": name, "numbers": [None if value is None else float(f"{value:.4g}") for value in values]}
    texts = ["(none)" if value is None else str(value) for value in values]
    known = sorted(set(texts), key=lambda text: (-texts.count(text) if len(texts) < 1000 else 0, len(text), text))
    number = {text: at for at, text in enumerate(known)}
    return {"name": name, "values": known, "of": [number[text] for text in texts]}


def _atlases(index: Index) -> tuple[int, list[str]]:
    """Pictures of `side` pixels in a grid, as data URIs; smaller ones if there are many, none if there are too many."""
    order = {item.item: at for at, item in enumerate(index.pictures.items)}
    for side in (THUMBNAIL, 32, 24):
        made, size = [], 0
        for content in _grids(index, order, side):
            made.append(_uri(content))
            size += len(content)
            if size > MOST_BYTES:
                break
        else:
            return side, made
    return 0, []


def _grids(index: Index, order: Mapping[str, int], side: int) -> Iterator[bytes]:
    from PIL import Image

    each = ATLAS * ATLAS
    sheet, current = Image.new("RGB", (ATLAS * side, ATLAS * side), "white"), 0
    for item, content in index.thumbnails():
        number, within = divmod(order[item], each)
        while number > current:
            yield _webp(sheet)
            sheet, current = Image.new("RGB", sheet.size, "white"), current + 1
        with Image.open(io.BytesIO(content)) as picture:
            picture.thumbnail((side, side))
            left = (within % ATLAS) * side + (side - picture.width) // 2
            sheet.paste(picture, (left, (within // ATLAS) * side + (side - picture.height) // 2))
    yield _webp(sheet)


def _webp(sheet: Any) -> bytes:
    made = io.BytesIO()
    sheet.save(made, "WEBP", quality=50, method=2)
    return made.getvalue()
