"""The index of the ground truth: what changes is seen, whoever was told and whatever else was under way."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from encord import EncordUserClient

from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.models import LabelRow
from benchmark_qa.labels.annotations import Annotations
from benchmark_qa.service.service import Service, _Context, _in_worker_process
from benchmark_qa.tasks import ground_truth as truth_module
from benchmark_qa.tasks.drain import handle_event
from benchmark_qa.tasks.ground_truth import GroundTruth, TruthRow, bytes_of
from emulator.testing import Running
from tests.integration.service.in_process import service_in_process
from tests.integration.service.sandbox import BENCHMARK, KEY, PRODUCTION, Unit

pytestmark = pytest.mark.encord


@pytest.fixture
def units(pedestrians: dict[str, Any]) -> list[Unit]:
    images = [image for image in pedestrians["images"] if len(image["ground_truth"]) > 2]
    return [Unit(image, stage="Score") for image in images[:3]]


@pytest.fixture
def both(units: list[Unit], tmp_path: Path) -> Iterator[tuple[Service, Running]]:
    with service_in_process(units, tmp_path) as running:
        yield running


def correct_truth(platform: Running, data_hash: str) -> None:
    """Somebody takes one box out of the ground truth, through the SDK."""
    client = EncordUserClient.create_with_ssh_private_key(KEY.private, domain=platform.url)
    (row,) = client.get_project(BENCHMARK).list_label_rows_v2(data_hashes=[data_hash])
    row.initialise_labels()
    row.remove_object(row.get_object_instances()[0])
    row.save()


class SlowToTell:
    """Encord whose answers about label rows are true when given, and arrive when the test lets them."""

    def __init__(self, encord: Encord) -> None:
        self._encord = encord
        self.answered, self.may_arrive = threading.Event(), threading.Event()
        self.may_arrive.set()

    def label_rows(self, *arguments: Any, **named: Any) -> list[LabelRow]:
        rows = self._encord.label_rows(*arguments, **named)
        may_arrive = self.may_arrive
        self.answered.set()
        assert may_arrive.wait(20)
        return rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encord, name)


def in_thread(call: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=call)
    thread.start()
    return thread


def truth_that_changes_while_it_is_looked_at(
    service: Service, platform: Running, data_hash: str
) -> tuple[SlowToTell, GroundTruth, TruthRow, threading.Thread]:
    """The older answer has been given and is held back; the truth before, and the thread that waits for the answer."""
    slow = SlowToTell(service.connections.encord)
    truth = GroundTruth(replace(service.connections.projects, encord=cast(Encord, slow)), ttl_seconds=3600)
    (old,) = truth.rows([data_hash]).values()
    truth.forget([data_hash])
    slow.answered.clear()
    slow.may_arrive.clear()
    looking = in_thread(lambda: truth.rows([data_hash]))
    assert slow.answered.wait(20)
    correct_truth(platform, data_hash)
    return slow, truth, old, looking


def test_a_truth_that_changes_while_the_index_looks_is_looked_at_again(
    both: tuple[Service, Running], units: list[Unit]
) -> None:
    service, platform = both
    data_hash = units[0].data_hash
    slow, truth, old, looking = truth_that_changes_while_it_is_looked_at(service, platform, data_hash)
    truth.forget([data_hash])  # the event that tells of it is here before the older answer
    slow.may_arrive.set()
    looking.join()
    (new,) = truth.rows([data_hash]).values()
    assert old.edited_at is not None
    assert new.edited_at is not None
    assert new.edited_at > old.edited_at


def test_an_older_answer_does_not_undo_a_newer_one(both: tuple[Service, Running], units: list[Unit]) -> None:
    service, platform = both
    data_hash = units[0].data_hash
    slow, truth, old, looking = truth_that_changes_while_it_is_looked_at(service, platform, data_hash)
    time.sleep(0.01)
    held_back, slow.may_arrive = slow.may_arrive, threading.Event()
    slow.may_arrive.set()  # for the next one
    truth.distrust(time.time())
    (new,) = truth.rows([data_hash]).values()
    held_back.set()
    looking.join()
    assert old.edited_at != new.edited_at
    assert truth.rows([data_hash]) == {data_hash: new}


def test_a_worker_scores_against_the_truth_that_the_server_was_told_has_changed(
    both: tuple[Service, Running], units: list[Unit], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, platform = both
    worker = Service(server.settings)
    monkeypatch.setattr("benchmark_qa.service.service._workers_own", [worker])
    data_hash = units[0].data_hash

    def score_in_worker() -> None:
        context: _Context = server._context()
        _in_worker_process(Service._score_and_decide, (PRODUCTION, data_hash), context)

    score_in_worker()
    before = worker.connections.store.latest(PRODUCTION)
    correct_truth(platform, data_hash)
    handle_event(server.connections.scorer, BENCHMARK, [data_hash])
    score_in_worker()
    (row,) = worker.connections.scorer.truth.rows([data_hash]).values()
    assert {record.identity.truth_edited_at for record in worker.connections.store.latest(PRODUCTION)} == {
        row.edited_at
    }
    assert row.edited_at not in {record.identity.truth_edited_at for record in before}


def test_truth_is_kept_up_to_so_many_bytes(
    both: tuple[Service, Running], units: list[Unit], monkeypatch: pytest.MonkeyPatch
) -> None:
    service, _ = both
    ontology = service.connections.scorer.truth.ontology(service.connections.projects.production)

    def kept_within(size: int) -> int:
        """How many of the three rows need no second request."""
        monkeypatch.setattr(truth_module, "BYTES_KEPT", size)
        truth = GroundTruth(service.connections.projects, ttl_seconds=3600)
        rows = list(truth.rows([unit.data_hash for unit in units]).values())
        sizes = [bytes_of(each) for each in truth.annotations(rows, ontology).annotations.values()]
        assert all(200 < each < 20_000 for each in sizes)
        return len(truth._annotations)

    assert kept_within(1_000_000) == 3
    assert kept_within(100) == 0
    largest = max(bytes_of(each) for each in _all_truths(service, units).values())
    assert 1 <= kept_within(largest) < 3


def _all_truths(service: Service, units: list[Unit]) -> dict[str, Annotations]:
    truth = service.connections.scorer.truth
    rows = truth.rows([unit.data_hash for unit in units]).values()
    read = truth.annotations(rows, truth.ontology(service.connections.projects.production))
    return {data_hash: each for data_hash, each in read.annotations.items() if isinstance(each, Annotations)}
