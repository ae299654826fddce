"""Do two names mean the same image? Every command asks here, and nowhere else is it decided.

The rules, in this order; the first that finds an image decides:

1. `map`: a list that says it (`images.jsonl` of an export, `--map-images`).
2. `data hash`.
3. `image id`: the id that a COCO file gives the image, where predictions name it.
4. `path`: the whole name, as `images/names.py` spells it.
5. `tail`: the longest end of the name that only one image has. A folder in front is no contradiction, another one is.
6. `original`: the name that a file had before Roboflow or Label Studio renamed it.
7. `stem`: the name without its ending, where predictions name images so (Ultralytics' `image_id`).

Nothing is guessed. A name that fits two images, two names for one image, another size, and a name that only fits
with another case are refused, and the refusal quotes both names.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, Protocol

from benchmark_qa.formats.label_parts import Size
from benchmark_qa.images.names import Name

Rule = Literal["map", "data hash", "image id", "path", "tail", "original", "stem"]
RULES: tuple[Rule, ...] = ("map", "data hash", "image id", "path", "tail", "original", "stem")
_IN_WORDS: Mapping[Rule, str] = {
    "map": "by the map",
    "data hash": "by data hash",
    "image id": "by image id",
    "path": "by full name",
    "tail": "by the end of the name",
    "original": "by the name before a tool renamed it",
    "stem": "by the name without ending",
}


class MeansImages(Protocol):
    """A list of what names mean (`image_map.ImageMap`)."""

    def find(self, asked: "Asked") -> "Meaning | None":
        """What it says of a name."""


class Meaning(Protocol):
    """What a list says that a name means."""

    @property
    def name(self) -> str:
        """Data hash, title or URL of the image."""


SHOWN = 3
"""Refusals told in full; the rest are counted"""


@dataclass(frozen=True, slots=True)
class Known:
    """An image, or a data unit of several, by everything it is called."""

    names: tuple[str, ...] = ()
    """Titles, paths, URLs"""
    hashes: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    size: Size | None = None
    within: int | None = None
    """Place of the data unit of which this is an image: a name of both means the image"""

    @property
    def shown(self) -> str:
        """For messages."""
        return next(iter((*self.names, *self.hashes, *self.ids)), "an image without a name")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a file calls an image."""

    names: tuple[str, ...] = ()
    """Titles, paths, URLs: those that find an image must find the same"""
    hashes: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    """Ids, or names without their ending"""
    size: Size | None = None
    label: str = ""
    """What messages call it; else the first of its names"""

    @property
    def shown(self) -> str:
        """For messages."""
        return self.label or next(iter((*self.names, *self.hashes, *self.ids)), "an image without a name")


@dataclass(frozen=True, slots=True)
class Match:
    """The image that is meant."""

    at: int
    """Place among the known"""
    rule: Rule
    name: str
    """The name of the known image that fits"""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no image is taken."""

    asked: str
    reason: str
    """Quotes the other name, where there is one"""
    contradicts: bool
    """False: there is no such image, which is no contradiction"""

    def __str__(self) -> str:
        return f"{self.asked!r} {self.reason}"


@dataclass(frozen=True)
class Matching:
    """The outcome for a list of names, in its order."""

    found: tuple[Match | None, ...]
    refused: Mapping[int, Refusal] = field(default_factory=dict)
    """By place in the list"""

    @property
    def by_rule(self) -> dict[Rule, int]:
        """How many images each rule has found."""
        counts = Counter(match.rule for match in self.found if match is not None)
        return {rule: counts[rule] for rule in RULES if counts[rule]}

    def in_words(self) -> str:
        """How many by which rule, how many left out and why; names are quoted for the first few."""
        found = ", ".join(f"{count:,} {_IN_WORDS[rule]}" for rule, count in self.by_rule.items())
        said = f"{len(self.found) - len(self.refused):,} of {len(self.found):,} images found"
        said += f" ({found})" if found else ""
        if self.refused:
            # Contradictions first: an image that is not there may be meant so.
            ordered = sorted(self.refused.values(), key=lambda refusal: not refusal.contradicts)
            shown = "; ".join(map(str, islice(ordered, SHOWN)))
            more = f"; and {len(ordered) - SHOWN:,} more" if len(ordered) > SHOWN else ""
            said += f"; left out: {shown}{more}"
        return said


class ImageIndex:
    """Images by everything they may be called.

    Args:
        known: the images; a data unit of several images may stand before them and be their `within`.
    """

    def __init__(self, known: Sequence[Known]) -> None:
        self.known = known
        self._hashes: dict[str, set[int]] = defaultdict(set)
        self._ids: dict[str, set[int]] = defaultdict(set)
        self._files: dict[str, list[tuple[int, Name]]] = defaultdict(list)
        self._folded: dict[str, list[tuple[int, Name]]] | None = None
        self._stems: dict[str, set[int]] | None = None
        for at, one in enumerate(known):
            for data_hash in one.hashes:
                self._hashes[data_hash].add(at)
            for own in one.ids:
                self._ids[own].add(at)
            for name in dict.fromkeys(Name.of(text) for text in one.names if text):
                self._files[name.file].append((at, name))

    def find(self, asked: Asked) -> Match | Refusal:
        """The one image that is meant, or why none is taken."""
        found = self._by_key(asked) or self._by_names(asked) or self._by_original(asked) or self._by_stem(asked)
        if found is None:
            return self._nothing(asked)
        if isinstance(found, Match):
            size = self.known[found.at].size
            if asked.size and size and asked.size != size:
                theirs, ours = (f"{width} x {height}" for width, height in (asked.size, size))
                return Refusal(asked.shown, f"is {theirs} pixels, {found.name!r} is {ours}", contradicts=True)
        return found

    def all_of(self, asked: Sequence[Asked], image_map: "MeansImages | None" = None) -> Matching:
        """The image of each; two names for one image are refused, unless one is its whole name.

        Args:
            asked: names of images.
            image_map: believed before everything else, where it names one.
        """
        outcomes = [self._mapped(one, image_map) or self.find(one) for one in asked]
        refused = {at: outcome for at, outcome in enumerate(outcomes) if isinstance(outcome, Refusal)}
        refused |= _two_names_of_one(asked, outcomes)
        found = tuple(None if at in refused else one for at, one in enumerate(outcomes))
        return Matching(found, refused)  # type: ignore[arg-type]

    def _mapped(self, asked: Asked, image_map: "MeansImages | None") -> Match | Refusal | None:
        meant = image_map.find(asked) if image_map is not None else None
        if meant is None:
            return None
        found = self.find(Asked((meant.name,), (meant.name,), size=asked.size, label=asked.shown))
        if isinstance(found, Match):
            return Match(found.at, "map", found.name)
        return Refusal(asked.shown, f"is {meant.name!r} by the map, which {found.reason}", found.contradicts)

    def _by_key(self, asked: Asked) -> Match | Refusal | None:
        tables: tuple[tuple[Rule, Iterable[str], Mapping[str, set[int]]], ...] = (
            ("data hash", (*asked.hashes, *_hashes_in(asked.names)), self._hashes),
            ("image id", asked.ids, self._ids),
        )
        for rule, keys, table in tables:
            for key in keys:
                if key in table:
                    return self._only(asked, table[key], rule, key)
        return None

    def _by_names(self, asked: Asked) -> Match | Refusal | None:
        """All names that find an image must find the same one."""
        first: Match | None = None
        refused: Refusal | None = None
        for text in asked.names:
            found = self._by_name(asked, Name.of(text))
            if isinstance(found, Refusal):
                refused = refused or found
            elif found is not None and first is None:
                first = found
            elif found is not None and first is not None and self._apart(first.at, found.at):
                reason = f"is {first.name!r} by one of its names and {found.name!r} by another ({text!r})"
                return Refusal(asked.shown, reason, contradicts=True)
        return first or refused

    def _by_name(self, asked: Asked, name: Name) -> Match | Refusal | None:
        ranked: dict[tuple[int, ...], dict[int, str]] = defaultdict(dict)
        for at, known in self._files.get(name.file, ()):
            if known.text == name.text:
                ranked[3, 0].setdefault(at, known.text)
            elif known.agrees(name):
                same = known.parts == name.parts
                rank = (2, 0) if same else (1, min(len(known.parts), len(name.parts)))
                ranked[rank].setdefault(at, known.text)
        if not ranked:
            return None
        best = max(ranked)
        return self._only(asked, ranked[best].keys(), "tail" if best[0] == 1 else "path", "", ranked[best])

    def _by_original(self, asked: Asked) -> Match | Refusal | None:
        for text in asked.names:
            original = Name.of(text).original
            found = self._by_name(asked, Name.of(original)) if original else None
            if found is not None:
                return Match(found.at, "original", found.name) if isinstance(found, Match) else found
        return None

    def _by_stem(self, asked: Asked) -> Match | Refusal | None:
        if not asked.ids:
            return None
        if self._stems is None:
            self._stems = defaultdict(set)
            for of_file in self._files.values():
                for at, name in of_file:
                    self._stems[name.stem].add(at)
                    if name.stem.isdecimal():
                        self._stems[str(int(name.stem))].add(at)
        for own in asked.ids:
            stem = Name.of(own).file
            if stem in self._stems:
                return self._only(asked, self._stems[stem], "stem", own)
        return None

    def _only(
        self, asked: Asked, places: Iterable[int], rule: Rule, key: str, names: Mapping[int, str] | None = None
    ) -> Match | Refusal:
        fitting = self._innermost(places)
        shown = [(names or {}).get(at) or self.known[at].shown for at in fitting]
        if len(fitting) == 1:
            return Match(fitting[0], rule, shown[0])
        word = {"data hash": "is the data hash", "image id": "is the id"}.get(rule, "fits")
        of = "of " if rule in ("data hash", "image id") else ""
        listed = " and ".join(f"{of}{name!r}" for name in shown[:2]) + (" and more" if len(shown) > 2 else "")
        label = key if key and rule != "stem" else asked.shown
        return Refusal(label, f"{word} {listed}: {len(fitting)} images", contradicts=True)

    def _innermost(self, places: Iterable[int]) -> list[int]:
        """Without data units of which an image is there as well."""
        all_of = sorted(places)
        outer = {self.known[at].within for at in all_of}
        return [at for at in all_of if at not in outer]

    def _apart(self, one: int, other: int) -> bool:
        return one != other and self.known[one].within != other and self.known[other].within != one

    def _nothing(self, asked: Asked) -> Refusal:
        """Which near miss there is."""
        if self._folded is None:
            self._folded = defaultdict(list)
            for of_file in self._files.values():
                for at, name in of_file:
                    folded = name.folded()
                    self._folded[folded.file].append((at, folded))
        for text in asked.names:
            name = Name.of(text)
            like = [known for _, known in self._folded.get(name.folded().file, ()) if known.agrees(name.folded())]
            if like:
                return Refusal(asked.shown, f"is {like[0].text!r} but for upper and lower case", contradicts=True)
        for text in asked.names:
            elsewhere = self._files.get(Name.of(text).file, ())
            if elsewhere:
                return Refusal(text, f"is not {elsewhere[0][1].text!r}: the folder differs", contradicts=True)
        return Refusal(asked.shown, "is not among the images", contradicts=False)


def _hashes_in(names: Iterable[str]) -> list[str]:
    """Data hashes after which files are called, as exports do."""
    return [found for name in names if (found := Name.of(name).data_hash) is not None]


def _two_names_of_one(asked: Sequence[Asked], outcomes: Sequence[Match | Refusal]) -> dict[int, Refusal]:
    """Names that differ and fit the same name of one image; its whole name stands, the others are refused."""
    fitting: dict[tuple[int, str], list[int]] = defaultdict(list)
    for place, outcome in enumerate(outcomes):
        if isinstance(outcome, Match) and outcome.rule in ("path", "tail", "original"):
            fitting[outcome.at, outcome.name].append(place)
    refused = {}
    for (_, name), places in fitting.items():
        spelt = {place: _spelling(asked[place], name) for place in places}
        if len(set(spelt.values())) == 1:
            continue
        whole = [place for place in places if outcomes[place].rule == "path"]  # type: ignore[union-attr]
        kept = set(whole) if len({spelt[place] for place in whole}) == 1 else set()
        for place in places:
            if place not in kept:
                other = next(at for at in places if spelt[at] != spelt[place])
                reason = f"and {asked[other].shown!r} both fit {name!r}: two names, one image"
                refused[place] = Refusal(asked[place].shown, reason, contradicts=True)
    return refused


def _spelling(asked: Asked, name: str) -> Hashable:
    """The name that fits, without what its address adds; one image is asked about frame by frame."""
    known = Name.of(name)
    fitting = next((own for text in asked.names if (own := Name.of(text)).agrees(known)), None)
    return asked.names if fitting is None else (fitting.host, fitting.parts)
