"""Two instances that work between each other's requests while the truth changes: random interleavings.

This module needs nothing that commit 0116cba lacks, so that `python -m benchmarks interleavings` runs it there, too.
"""

import random
from collections.abc import Callable
from pathlib import Path

from benchmark_qa.tasks.drain import handle_event
from benchmark_qa.tasks.errors import TruthChanging
from benchmark_qa.tasks.score import Scorer
from tests.unit.tasks.fake_encord import BENCHMARK, COMPLETE, OTHER, PRODUCTION, RIGHT, Row, platform, scorer_on, uuid

UNITS = 1
STEPS = 3
"""Of one interleaving; each of them may let others work in between."""


class Interleaved:
    """Two instances on one store and one platform; each answer of the platform's may let the other one work first."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.fake = platform(UNITS)
        url = f"sqlite:///{folder}/scores.sqlite"
        self.instances = [scorer_on(self.fake, url) for _ in range(2)]
        for instance in self.instances:
            instance.truth.rows([])  # the first look holds a lock, and here nobody else could give way
        self.depth = 0
        self.store = self.instances[0].store

    def begin(self, number: int) -> None:
        """Other data units, on the same store."""
        hashes = [uuid(f"unit {n} of {number}") for n in range(UNITS)]
        self.fake.work = {h: Row(h, RIGHT, COMPLETE, self.fake.now) for h in hashes}
        self.fake.truth = {h: Row(h, RIGHT, COMPLETE, self.fake.now) for h in hashes}
        self.hashes = hashes
        for instance in self.instances:
            instance.truth.forget(hashes)

    def run(self) -> None:
        self.fake.meanwhile = self._meanwhile
        for _ in range(STEPS):
            self._something(self.random.randrange(2))
        self.fake.meanwhile = lambda _: None

    def _meanwhile(self, _: str) -> None:
        if self.depth < 2 and self.random.random() < 0.35:
            self.depth += 1
            self._something(self.random.randrange(2))
            self.depth -= 1

    def _something(self, who: int) -> None:
        data_hash = self.random.choice(self.hashes)
        work = self.random.choice((self._correct_truth, self._save_again, self._score, self._score))
        work(self.instances[who], data_hash)

    def _correct_truth(self, instance: Scorer, data_hash: str) -> None:
        row = self.fake.truth[data_hash]
        self.fake.edit(row, OTHER if row.boxes == RIGHT else RIGHT)
        _patiently(lambda: handle_event(instance, BENCHMARK, [data_hash]))

    def _save_again(self, instance: Scorer, data_hash: str) -> None:
        row = self.fake.work[data_hash]
        self.fake.edit(row, row.boxes)
        self._score(instance, data_hash)

    def _score(self, instance: Scorer, data_hash: str) -> None:
        _patiently(lambda: list(instance.score_in_bundles([data_hash])))

    def faults(self) -> list[str]:
        """What is wrong with the current records: of an older truth, or judged by another content than they name."""
        found = []
        counting = {record.identity.data_hash: record for record in self.store.latest(PRODUCTION)}
        for data_hash in self.hashes:
            record, truth = counting.get(data_hash), self.fake.truth[data_hash]
            if record is None:
                continue
            right = truth.boxes == self.fake.work[data_hash].boxes
            if record.identity.truth_edited_at != truth.edited_at:
                found.append("older truth")
            elif record.score != (1.0 if right else 0.0):
                found.append("other content")
        return found


def _patiently(work: Callable[[], object]) -> None:
    """As Encord, or the next `evaluate`, does it again."""
    try:
        work()
    except TruthChanging:
        return
