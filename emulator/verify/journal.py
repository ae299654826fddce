"""The journal of a run: what it is about to make, and what it has made. Only what stands here may be written to."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Kind = Literal["project", "dataset", "ontology", "folder", "item", "data", "label", "task", "ground"]
MARK = "bqa-verify"
_OF_A_STORY: tuple[Kind, ...] = ("project", "dataset", "ontology")


@dataclass(frozen=True, slots=True)
class Entry:
    """Something of a run: with a title alone it was about to be made, with a uuid it was."""

    kind: Kind
    title: str | None = None
    uuid: str | None = None


class Journal:
    """A file of lines that is on the disk before the request that it is about."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run = path.stem.removeprefix(f"{MARK}-")
        self.entries = list(_read(path))
        self._ids: set[tuple[str, str]] = {(entry.kind, entry.uuid) for entry in self.entries if entry.uuid is not None}

    @property
    def mark(self) -> str:
        """What every title begins with that this run makes."""
        return f"{MARK} {self.run}"

    def title(self, name: str) -> str:
        """A title of this run; every one may be used once for each kind."""
        return f"{self.mark} {name}"

    def intend(self, kind: Kind, title: str) -> None:
        """Something is about to be made."""
        self._add(Entry(kind, title=title))

    def intended(self, kind: Kind, title: str) -> bool:
        """Whether a title is taken already."""
        return Entry(kind, title=title) in self.entries

    def made(self, kind: Kind, uuid: str) -> None:
        """Something has been made."""
        if not self.holds(kind, uuid):
            self._add(Entry(kind, uuid=uuid.lower()))
            self._ids.add((kind, uuid.lower()))

    def holds(self, kind: Kind, uuid: str) -> bool:
        """Whether this run has made it."""
        return (kind, uuid.lower()) in self._ids

    def __contains__(self, one: tuple[str, str]) -> bool:
        """Whether this run has made it, by kind and uuid."""
        return (one[0], one[1].lower()) in self._ids

    def of_kind(self, kind: Kind) -> list[str]:
        """What has been made of a kind, in order."""
        return [entry.uuid for entry in self.entries if entry.kind == kind and entry.uuid is not None]

    def titles(self, kind: Kind) -> list[str]:
        """The titles that were to be given to things of a kind, in order."""
        return [entry.title for entry in self.entries if entry.kind == kind and entry.title is not None]

    def begin(self, ground: str) -> None:
        """Where the run is: account, template and person."""
        self._add(Entry("ground", title=ground))

    def left(self, story: str) -> tuple[str, str, str] | None:
        """Project, dataset and ontology that the run has made for a story; None unless it has made all three."""
        found = []
        for kind in _OF_A_STORY:
            # What was made was noted in the order of the intents.
            of_kind = dict(zip(self.titles(kind), self.of_kind(kind), strict=False))
            found.append(of_kind.get(self.title(story)))
        project, dataset, ontology = found
        return (project, dataset, ontology) if project and dataset and ontology else None

    def _add(self, entry: Entry) -> None:
        self.entries.append(entry)
        told = {"kind": entry.kind, **({"title": entry.title} if entry.uuid is None else {"uuid": entry.uuid})}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")
            file.flush()
            os.fsync(file.fileno())


def journal_of(folder: Path, run: str) -> Path:
    """Where the journal of a run lies."""
    return folder / f"{MARK}-{run}.jsonl"


def left_by_others(journal: Journal, ground: str, story: str) -> Iterator[tuple[str, str, str]]:
    """Project, dataset and ontology of a story, as earlier runs on the same ground have left them; the newest first."""
    others = [path for path in journal.path.parent.glob(f"{MARK}-*.jsonl") if path != journal.path]
    for path in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True):
        other = Journal(path)
        left = other.left(story)
        if left is not None and other.titles("ground") == [ground]:
            yield left


def _read(path: Path) -> Iterator[Entry]:
    """What a journal holds; the last line may have been cut off by whatever ended the run.

    Raises:
        ValueError: when another line is none of a journal.
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for number, line in enumerate(lines, start=1):
        try:
            told = json.loads(line)
            if told["kind"] not in get_args(Kind):
                raise KeyError(told["kind"])
            yield Entry(told["kind"], told.get("title"), told.get("uuid"))
        except (ValueError, KeyError, TypeError, AttributeError):
            if number < len(lines):
                raise ValueError(f"{path}, line {number}: not a line of a journal") from None
