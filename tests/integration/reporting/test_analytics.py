"""How people work, from Encord's analytics: real SDK clients label and review on the emulator, and the service asks."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from typer.testing import CliRunner

import benchmark_qa.encord_api.analytics
from benchmark_qa.cli import app
from benchmark_qa.encord_api.analytics import WorkAnalytics
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.errors import AnswerTooLarge
from benchmark_qa.report.reading_work import people_at_work, seconds_at_work
from emulator.analytics.models import TimeSpent, Where
from emulator.testing import OWNER, Sandbox, running, sandbox
from tests.integration.service.sandbox import CONSENSUS_STAGE, PRODUCTION, Unit, service_environment, uuid, world

pytestmark = pytest.mark.encord

ANNA, BOB = "anna@example.com", "bob@example.com"


@pytest.fixture(scope="module")
def site() -> Iterator[Sandbox]:
    """Anna and Bob have done one image each, in 60 and in 120 seconds; Anna's was rejected once."""
    with sandbox(images=3, people={ANNA: "annotator", BOB: "annotator"}) as site:
        project = site.project()
        for task, annotator in zip(
            list(project.workflow.get_stage(name="Annotate").get_tasks()), (ANNA, BOB, ANNA), strict=True
        ):
            task.assign(annotator)
        label(site, ANNA, 0, seconds=40)
        review(site, 0, "reject")
        label(site, ANNA, 0, seconds=20)
        review(site, 0, "approve")
        label(site, BOB, 1, seconds=120)
        review(site, 1, "approve")
        yield site


def label(site: Sandbox, annotator: str, image: int, *, seconds: float) -> None:
    project = site.project(annotator)
    (row,) = project.list_label_rows_v2(data_hashes=[site.data_hashes[image]])
    row.initialise_labels()
    requests.post(f"{site.url}/_emulator/clock", json={"advance_seconds": seconds}, timeout=10).raise_for_status()
    row.save()
    (task,) = project.workflow.get_stage(name="Annotate").get_tasks(data_hash=site.data_hashes[image])
    task.submit()


def review(site: Sandbox, image: int, verdict: str) -> None:
    (task,) = site.project().workflow.get_stage(name="Review").get_tasks(data_hash=site.data_hashes[image])
    getattr(task, verdict)()


def analytics_of(site: Sandbox) -> WorkAnalytics:
    encord = Encord(ssh_private_key=site.private_keys[OWNER], domain=site.url, user_agent_suffix="test")
    return WorkAnalytics(encord, site.project_hash)


def hour_about() -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    return now - timedelta(hours=1), now + timedelta(hours=1)


def test_tasks_done_and_rejections_are_those_of_the_people_who_did_them(site: Sandbox) -> None:
    analytics = analytics_of(site)
    kinds = {stage.uuid: stage.kind for stage in analytics.encord.project(site.project_hash).stages}
    people = people_at_work(analytics.task_actions(*hour_about()), analytics.in_hand(), kinds)
    anna, bob = people[ANNA], people[BOB]
    assert (anna.done, anna.assigned, anna.reviewed, anna.accepted_at_once, anna.rejections) == (1, 2, 1, 0, 1)
    assert (bob.done, bob.assigned, bob.reviewed, bob.accepted_at_once, bob.rejections) == (1, 1, 1, 1, 0)
    assert set(people) == {ANNA, BOB}, "the reviewer has annotated nothing"


def test_time_at_annotation_stages_is_added_up(site: Sandbox) -> None:
    analytics = analytics_of(site)
    kinds = {stage.uuid: stage.kind for stage in analytics.encord.project(site.project_hash).stages}
    seconds = seconds_at_work(analytics.time_at_work(*hour_about()), kinds, set(site.data_hashes))
    assert 59 <= seconds[ANNA, site.data_hashes[0]] <= 75
    assert 119 <= seconds[BOB, site.data_hashes[1]] <= 135


def test_every_page_is_read_and_a_failing_one_is_asked_for_again(
    site: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    analytics = analytics_of(site)
    activity = site.emulator.platform.projects[site.project_hash].activity
    (entry, *_) = activity.time_spent
    before = len(list(analytics.time_at_work(*hour_about())))
    activity.time_spent.extend([entry] * 2_500)
    fault = {"kind": "status", "status": 503, "operation": "GET analytics/time-spent", "times": 1}
    requests.post(f"{site.url}/_emulator/faults", json=fault, timeout=10)
    assert len(list(analytics.time_at_work(*hour_about()))) == before + 2_500
    monkeypatch.setattr(benchmark_qa.encord_api.analytics, "MOST_ENTRIES", 2_000)
    with pytest.raises(AnswerTooLarge, match="ask for fewer days"):
        list(analytics.time_at_work(*hour_about()))
    del activity.time_spent[-2_500:]


def test_the_command_asks_once_and_later_reports_know_from_the_database(
    pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    images = [image for image in pedestrians["images"] if image["ground_truth"]][:2]
    units = [Unit(image, stage="Score") for image in images]
    with running(world(units, "http://127.0.0.1:9")) as platform:
        environment = service_environment(platform.url, tmp_path, {})
        run("evaluate", environment=environment)
        before = json.loads(run("report", "--json", environment=environment))
        assert before["analytics"] is None
        assert {line["seconds_per_task"] for line in before["ratings"]} == {None}
        spend(platform.emulator.platform.projects[PRODUCTION], units, seconds=90)
        asked = json.loads(run("report", "--json", "--analytics-days", "1", environment=environment))
    later = json.loads(run("report", "--json", environment=environment))
    assert later["ratings"] == asked["ratings"]
    assert later["analytics"] == asked["analytics"]
    drawn = {name: sum(len(unit.annotations[name]) for unit in units) for name in units[0].annotations}
    for line in later["ratings"]:
        assert line["seconds_per_task"] == pytest.approx(90.0)
        assert line["timed_tasks"] == 2
        assert line["objects_per_hour"] == pytest.approx(drawn[line["annotator"]] / (2 * 90 / 3600))
        assert line["part_time"] == pytest.approx(1.0)
    assert "Time per task of the median annotator: 90 s" in run(
        "report", "--format", "markdown", environment=environment
    )
    csv = run("report", "--format", "csv", "--table", "ratings", environment=environment)
    assert csv.startswith("annotator,rating,part_quality,")


def spend(project: Any, units: Sequence[Unit], *, seconds: float) -> None:
    """As if everybody had been at work for so long on every image, at the consensus stage."""
    stage = project.flow.graph.stages[CONSENSUS_STAGE]
    now = datetime.now(UTC) - timedelta(minutes=10)
    for unit in units:
        where = Where(unit.data_hash, uuid(f"task {unit.data_hash}"), stage)
        project.activity.time_spent.extend(
            TimeSpent(now, now + timedelta(seconds=seconds), annotator, where) for annotator in unit.annotations
        )


def run(*arguments: str, environment: dict[str, str]) -> str:
    result = CliRunner().invoke(app, arguments, env=environment)
    assert result.exit_code == 0, result.output
    return result.stdout
