"""The store unreachable: routing works, tasks wait for their score, and the next delivery records it."""

from pathlib import Path
from typing import Any

import pytest

from benchmark_qa.service.service import Service
from benchmark_qa.store.errors import StoreError
from benchmark_qa.store.score_store import SqlScoreStore
from tests.integration.service.in_process import service_in_process
from tests.integration.service.sandbox import PRODUCTION, Unit


def test_routing_goes_on_and_scoring_waits_for_our_database(
    pedestrians: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmark_qa.store.database.READ_SECONDS", 0.2)
    images = [image for image in pedestrians["images"] if image["ground_truth"]]
    units = [Unit(images[0], stage="Score"), Unit(images[1])]
    with service_in_process(units, tmp_path) as (service, _):
        broken = SqlScoreStore(f"sqlite:///{tmp_path}/gone/scores.sqlite")
        service.connections.__dict__["store"] = broken
        assert Service(service.settings).route(PRODUCTION, units[1].data_hash).decision == "Yes"
        with pytest.raises(StoreError):
            service.score(PRODUCTION, units[0].data_hash)
        (tmp_path / "gone").mkdir()
        assert service.score(PRODUCTION, units[0].data_hash).decision is not None
        assert len(broken.latest(PRODUCTION)) == len(units[0].annotations)
        broken.close()
