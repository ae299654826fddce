"""The store unreachable: routing works, scoring answers and says so, and the next delivery records."""

from pathlib import Path
from typing import Any

from benchmark_qa.service.service import Service
from benchmark_qa.store.score_store import SqlScoreStore
from tests.integration.service.in_process import service_in_process
from tests.integration.service.sandbox import PRODUCTION, Unit


def test_people_do_not_wait_for_our_database(pedestrians: dict[str, Any], tmp_path: Path) -> None:
    images = [image for image in pedestrians["images"] if image["ground_truth"]]
    units = [Unit(images[0], stage="Score"), Unit(images[1])]
    with service_in_process(units, tmp_path) as (service, _):
        broken = SqlScoreStore(f"sqlite:///{tmp_path}/gone/scores.sqlite")
        service.connections.__dict__["store"] = broken
        assert Service(service.settings).route(PRODUCTION, units[1].data_hash).decision == "Yes"
        answer = service.score(PRODUCTION, units[0].data_hash)
        assert answer.decision is not None
        assert answer.message == "Scored, but the score could not be recorded."
        (tmp_path / "gone").mkdir()
        answer = service.score(PRODUCTION, units[0].data_hash)
        assert answer.message != "Scored, but the score could not be recorded."
        assert len(broken.latest(PRODUCTION)) == len(units[0].annotations)
        broken.close()
