"""Decide whether two names mean the same image. Every command uses this module.

The rules apply in this order; the first that finds an image decides:

1. `map`: a list states it (`images.jsonl` of an export, `--map-images`).
2. `data hash`.
3. `image id`: the id of the image in a COCO file, if predictions use it.
4. `path`: the whole name, as `images/names.py` normalises it.
5. `tail`: the longest end of the name that only one image has. An additional leading folder is no contradiction, a
   different folder is.
6. `original`: the name of the file before Roboflow or Label Studio renamed it.
7. `stem`: the name without its extension, if predictions name images like this (Ultralytics' `image_id`).

Nothing is guessed. A name is refused if it fits two images, if two names fit one image, if the size differs, or if it
only fits with another case. The refusal quotes both names.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, Protocol

from benchmark_qa.formats.label_parts import ImageSize
from benchmark_qa.images.names import Name

IdentityRule = Literal["map", "data hash", "image id", "path", "tail", "original", "stem"]
RULES: tuple[IdentityRule, ...] = ("map", "data hash", "image id", "path", "tail", "original", "stem")
_IN_WORDS: Mapping[IdentityRule, str] = {
    "map": "by the map",
    "data hash": "by data hash",
    "image id": "by image id",
    "path": "by full name",
    "tail": "by the end of the name",
    "original": "by the name before a tool renamed it",
    "stem": "by the name without ending",
}


class MeansImages(Protocol):
    """A list that maps names to images (`image_map.ImageMap`)."""

    def find(self, asked: "Asked") -> "Meaning | None":
        """The entry for a name; None if there is none."""


class Meaning(Protocol):
    """The image that a list states for a name."""

    @property
    def name(self) -> str:
        """Data hash, title or URL of the image."""


SHOWN = 3
"""Refusals that a message shows in full; the others are counted."""


@dataclass(frozen=True, slots=True)
class KnownImage:
    """An image, or a data unit of several images, with all its names."""

    names: tuple[str, ...] = ()
    """Titles, paths, URLs."""
    hashes: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    size: ImageSize | None = None
    within: int | None = None
    """Position of the data unit that contains this image; a name of both means the image."""

    @property
    def shown(self) -> str:
        """The name for messages."""
        return next(iter((*self.names, *self.hashes, *self.ids)), "an image without a name")


@dataclass(frozen=True, slots=True)
class Asked:
    """An image as a file names it."""

    names: tuple[str, ...] = ()
    """Titles, paths, URLs; those that find an image must find the same one."""
    hashes: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    """Ids, or names without their extension."""
    size: ImageSize | None = None
    label: str = ""
    """The name for messages; if empty, the first of its names."""

    @property
    def shown(self) -> str:
        """The name for messages."""
        return self.label or next(iter((*self.names, *self.hashes, *self.ids)), "an image without a name")


@dataclass(frozen=True, slots=True)
class Match:
    """The image that a name means."""

    at: int
    """Position of the image in the known ones."""
    rule: IdentityRule
    name: str
    """The matching name of the known image."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reason why a name gets no image."""

    asked: str
    reason: str
    """Quotes the other name, if there is one."""
    contradicts: bool
    """False if there is no such image, which is not a contradiction."""

    def __str__(self) -> str:
        return f"{self.asked!r} {self.reason}"


@dataclass(frozen=True)
class Matching:
    """The results for a list of names, in its order."""

    found: tuple[Match | None, ...]
    refused: Mapping[int, Refusal] = field(default_factory=dict)
    """By position in the list."""

    @property
    def by_rule(self) -> dict[IdentityRule, int]:
        """Number of images that each rule found."""
        counts = Counter(match.rule for match in self.found if match is not None)
        return {rule: counts[rule] for rule in RULES if counts[rule]}

    def in_words(self) -> str:
        """Number of images per rule, and of refused names with reasons; the first few names are quoted."""
        found = ", ".join(f"{count:,} {_IN_WORDS[rule]}" for rule, count in self.by_rule.items())
        said = f"{len(self.found) - len(self.refused):,} of {len(self.found):,} images found"
        said += f" ({found})" if found else ""
        if self.refused:
            # Contradictions first: a name without an image may be intended.
            ordered = sorted(self.refused.values(), key=lambda refusal: not refusal.contradicts)
            shown = "; ".join(map(str, islice(ordered, SHOWN)))
            more = f"; and {len(ordered) - SHOWN:,} more" if len(ordered) > SHOWN else ""
            said += f"; left out: {shown}{more}"
        return said


class ImageIndex:
    """An index of images by all their names.

    Args:
        known: the images; a data unit of several images may come before them and be their `within`.
    """

    def __init__(self, known: Sequence[KnownImage]) -> None:
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
        """The image that the name means, or the reason why there is none."""
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
        """The image of each name; two names for one image are refused, unless one is its whole name.

        Args:
            asked: names of images.
            image_map: takes precedence over all other rules for the names it contains.
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
        tables: tuple[tuple[IdentityRule, Iterable[str], Mapping[str, set[int]]], ...] = (
            ("data hash", (*asked.hashes, *_hashes_in(asked.names)), self._hashes),
            ("image id", asked.ids, self._ids),
        )
        for rule, keys, table in tables:
            for key in keys:
                if key in table:
                    return self._only(asked, table[key], rule, key)
        return None

    def _by_names(self, asked: Asked) -> Match | Refusal | None:
        """The image of the names; a refusal if they find different images."""
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
        self, asked: Asked, places: Iterable[int], rule: IdentityRule, key: str, names: Mapping[int, str] | None = None
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
        """The positions, without data units that have one of their images among them."""
        all_of = sorted(places)
        outer = {self.known[at].within for at in all_of}
        return [at for at in all_of if at not in outer]

    def _apart(self, one: int, other: int) -> bool:
        return one != other and self.known[one].within != other and self.known[other].within != one

    def _nothing(self, asked: Asked) -> Refusal:
        """The refusal of a name without an image; it names a near miss if there is one."""
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
    """Data hashes in file names, as exports write them."""
    return [found for name in names if (found := Name.of(name).data_hash) is not None]


def _two_names_of_one(asked: Sequence[Asked], outcomes: Sequence[Match | Refusal]) -> dict[int, Refusal]:
    """Refusals of different names for the same name of one image, except for its whole name."""
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
    """The matching name's host and parts; equal for the frames of one image."""
    known = Name.of(name)
    fitting = next((own for text in asked.names if (own := Name.of(text)).agrees(known)), None)
    return asked.names if fitting is None else (fitting.host, fitting.parts)
