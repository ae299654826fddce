"""From an Encord with people and two workflow templates to a scored production project: the steps of docs/setup.md.

What the team does is a command. Only what people do in Encord's app is done by their scripts: pasting two URLs, handing
work out, labelling, reviewing.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from demo.people import Annotator, Operator, Reviewer
from demo.world import Account
from emulator.testing import running
from emulator.world import World
from tests.integration.service.sandbox import free_port, service_process
from tests.integration.setup.conftest import (
    ANNOTATE,
    INTEGRATION,
    KEYS,
    OPERATOR,
    PRODUCTION_TEMPLATE,
    REVIEWER,
    TRUTH_TEMPLATE,
    Site,
    production_stages,
)
from tests.integration.truth.coco_files import coco_of

pytestmark = pytest.mark.encord

SERVICE = "benchmark-qa@example.com"
ROUTE_SECRET, SCORE_SECRET = "the secret that Encord shows for Route", "the secret that Encord shows for Score"
BENCHMARK_IMAGES, PRODUCTION_IMAGES = 6, 4
Image = Mapping[str, Any]


@dataclass(frozen=True)
class Team:
    """Everybody who has an account, the images, and who has labelled them in reality."""

    benchmark: Sequence[Image]
    production: Sequence[Image]
    accounts: Mapping[str, Account]

    @property
    def annotators(self) -> list[str]:
        return sorted(self.benchmark[0]["annotations"])

    def answers(self, annotator: str) -> dict[str, tuple[Any, ...]]:
        """Boxes by the title of the image."""
        images = [*self.benchmark, *self.production]
        return {f"{image['id']}.jpg": tuple(map(tuple, image["annotations"][annotator])) for image in images}


@pytest.fixture
def team(pedestrians: dict[str, Any]) -> Team:
    first = sorted(pedestrians["images"][0]["annotations"])
    images = [image for image in pedestrians["images"] if sorted(image["annotations"]) == first]
    images = images[: BENCHMARK_IMAGES + PRODUCTION_IMAGES]
    accounts = {email: Account.create(email) for email in (SERVICE, *first)}
    accounts |= {email: Account(email, KEYS[email].private, KEYS[email].public) for email in (OPERATOR, REVIEWER)}
    return Team(images[:BENCHMARK_IMAGES], images[BENCHMARK_IMAGES:], accounts)


@pytest.fixture
def site(team: Team) -> Iterator[Site]:
    world = {
        "switches": {"auto_retries": 0},
        "users": [{"email": a.email, "public_keys": [a.public_key]} for a in team.accounts.values()],
        "integrations": [{"title": INTEGRATION}],
        "workflow_templates": [
            {"uuid": TRUTH_TEMPLATE, "title": "Truth", "stages": ANNOTATE},
            {"uuid": PRODUCTION_TEMPLATE, "title": "QA", "stages": production_stages(people=len(team.annotators))},
        ],
    }
    with running(World.model_validate(world)) as served:
        yield Site(served)


def manifest(path: Path, images: Sequence[Image]) -> Path:
    """What a team knows of its bucket: where each photo lies, and what it is."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["url", "width", "height", "file_size", "mime_type", "metadata.camera"])
        for image in images:
            url = f"s3://photos/pedestrians/{image['id']}.jpg"
            table.writerow([url, image["width"], image["height"], 250_000, "image/jpeg", "front"])
    return path


def declare(path: Path, team: Team) -> Path:
    annotators = "\n".join(f'"{email}" = "annotator"' for email in team.annotators)
    path.write_text(
        f"""
name = "pedestrians"

[metadata]
camera = ["front", "rear"]

[[folders]]
path = "Pedestrians/Benchmark"
registration = ["benchmark"]
integration = "{INTEGRATION}"

[[folders]]
path = "Pedestrians/Production"
registration = ["production"]
integration = "{INTEGRATION}"

[ontology]
title = "Pedestrians"
[[ontology.structure.objects]]
name = "pedestrian"
shape = "bounding_box"

[benchmark]
title = "Pedestrians: truth"
workflow_template = "{TRUTH_TEMPLATE}"
[benchmark.dataset]
title = "Pedestrians, part 1"
folders = ["Pedestrians/Benchmark"]
[benchmark.users]
"{SERVICE}" = "admin"

[production]
title = "Pedestrians"
workflow_template = "{PRODUCTION_TEMPLATE}"
[[production.datasets]]
title = "Pedestrians, part 2"
folders = ["Pedestrians/Production"]
[production.users]
"{SERVICE}" = "admin"
"{REVIEWER}" = "reviewer"
{annotators}

[service.stages.routing]
name = "Route"
[[service.stages.scoring]]
name = "Score"
pass_pathway = "Complete"
[service.verdict]
minimum_tasks = 5
""",
        encoding="utf-8",
    )
    return path


def paste(site: Site, project: str, endpoints: Sequence[Mapping[str, Any]]) -> None:
    """What a person does in Encord with the URLs that `setup apply` has printed."""
    secrets = {"ROUTE_SECRET": ROUTE_SECRET, "SCORE_SECRET": SCORE_SECRET}
    stages = {stage.title: stage.uuid for stage in site.client().get_project(project).workflow.stages}
    for endpoint in endpoints:
        if endpoint["needed"]:
            title = endpoint["purpose"].removeprefix("stage ").strip("'")
            agent = {"mode": "auto", "url": endpoint["url"], "secret": secrets[endpoint["secret"]]}
            site.control("PUT", f"projects/{project}/stages/{stages[title]}/agent", json=agent)


def where(site: Site, project: str) -> dict[str, int]:
    """Tasks at each stage that has any."""
    projects = site.control("GET", "state")["projects"]
    stages = next(p for p in projects if p["hash"] == project)["stages"]
    return {stage["title"]: stage["tasks"] for stage in stages if stage["tasks"]}


def settle(site: Site) -> None:
    assert site.control("GET", "idle?timeout=60") == {"idle": True}
    assert site.control("GET", "deliveries?outcome=failed")["deliveries"] == []


def people_work(site: Site, team: Team, project: str) -> None:
    """The work is handed out, everybody draws what they drew in reality, a reviewer approves."""
    url, untold = site.running.url, lambda _: None
    operator = Operator(team.accounts[OPERATOR], project, url)
    titles = {row.data_hash: row.data_title for row in operator.project.list_label_rows_v2()}
    operator.hand_out_consensus("Consensus", dict.fromkeys(titles, team.annotators))
    turns = {data_hash: team.annotators[n % len(team.annotators)] for n, data_hash in enumerate(sorted(titles))}
    operator.hand_out("Annotate", turns)
    for email in team.annotators:
        drawn = team.answers(email)
        answers = {data_hash: drawn[title] for data_hash, title in titles.items()}
        annotator = Annotator(team.accounts[email], project, url)
        annotator.work_off_consensus("Consensus", answers, untold)
        annotator.work_off("Annotate", answers, untold)
    reviewer = Reviewer(team.accounts[REVIEWER], project, url)
    reviewer.approve("Review", untold)
    reviewer.approve_consensus("Review & Refine", untold)


def matches(truth: Sequence[Sequence[float]], drawn: Sequence[Sequence[float]]) -> int:
    """Most pairs of boxes with an IoU of at least 0.5: the figure that the report must come to."""
    if not truth or not drawn:
        return 0
    t, d = np.array(truth, float)[:, None], np.array(drawn, float)[None]
    sides = np.minimum(t[..., :2] + t[..., 2:], d[..., :2] + d[..., 2:]) - np.maximum(t[..., :2], d[..., :2])
    common = np.prod(np.clip(sides, 0, None), axis=-1)
    union = np.prod(t[..., 2:], axis=-1) + np.prod(d[..., 2:], axis=-1) - common
    possible = common / union >= 0.5
    return int(possible[linear_sum_assignment(possible, maximize=True)].sum())


def test_from_an_empty_encord_to_a_scored_production_project(site: Site, team: Team, tmp_path: Path) -> None:
    # 1. Two manifests become registration files.
    for name, images in (("benchmark", team.benchmark), ("production", team.production)):
        listed = manifest(tmp_path / f"{name}.csv", images)
        built = site.run("register", "build", listed, "--out", tmp_path / name, "--storage", "s3")
        assert built.exit_code == 0, built.output

    # 2. One file becomes folders, items, ontology, datasets, projects, people and the service's document.
    file = declare(tmp_path / "setup.toml", team)
    assert site.run("setup", "plan", file).exit_code == 5
    host = f"http://127.0.0.1:{free_port()}"
    applied = site.run("setup", "apply", file, "--yes", "--host", host, "--json")
    assert applied.exit_code == 0, applied.output
    answer = json.loads(applied.stdout)
    document = json.loads(Path(answer["document"]).read_text())
    production = document["production_project"]
    assert where(site, production) == {"Route": BENCHMARK_IMAGES + PRODUCTION_IMAGES}

    # 3. The expert's boxes become ground truth.
    environment = {
        "BENCHMARK_QA_CONFIG": answer["document"],
        "DATABASE_URL": f"sqlite:///{tmp_path}/scores.sqlite",
        "ROUTE_SECRET": ROUTE_SECRET,
        "SCORE_SECRET": SCORE_SECRET,
    }
    truth = tmp_path / "truth.json"
    truth.write_text(json.dumps(coco_of(team.benchmark)))
    imported = site.run("truth", "import", truth, "--complete", **environment)
    assert imported.exit_code == 0, imported.output
    assert where(site, document["benchmark_projects"][0]) == {"Complete": BENCHMARK_IMAGES}

    # 4. Somebody pastes the URLs into Encord; the service runs under its own account, and Encord calls it.
    paste(site, production, answer["endpoints"])
    assert site.run("doctor", **environment).exit_code == 0
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ENCORD_")}
    serving = inherited | environment | {
        "ENCORD_SSH_KEY": team.accounts[SERVICE].private_key,
        "ENCORD_DOMAIN": site.running.url,
        "TEST_LOG": str(tmp_path / "service.log"),
    }  # fmt: skip
    with service_process(serving, int(host.rsplit(":", 1)[1])):
        routed = site.run("route", **environment)  # the tasks that waited while the stage had no agent
        assert routed.exit_code == 0, routed.output
        assert where(site, production) == {"Consensus": BENCHMARK_IMAGES, "Annotate": PRODUCTION_IMAGES}

        # 5. People work, and every benchmark task is scored on its way.
        people_work(site, team, production)
        settle(site)
        assert where(site, production) == {"Complete": BENCHMARK_IMAGES + PRODUCTION_IMAGES}

    # 6. How good is everybody?
    shown = site.run("report", "--json", **environment)
    assert shown.exit_code == 0, shown.output
    lines = {line["annotator"]: line for line in json.loads(shown.stdout)["annotators"]}
    assert sorted(lines) == team.annotators
    for email, line in lines.items():
        drawn = [(image["ground_truth"], image["annotations"][email]) for image in team.benchmark]
        found = sum(matches(truth, boxes) for truth, boxes in drawn)
        assert line["tasks"] == BENCHMARK_IMAGES
        assert line["true_positives"] == found
        assert line["false_positives"] == sum(len(boxes) for _, boxes in drawn) - found
        assert line["false_negatives"] == sum(len(truth) for truth, _ in drawn) - found

    # 7. Nothing is left to do; what somebody changes by hand afterwards is reported.
    site.forget_requests()
    assert site.run("setup", "apply", file, "--yes", "--host", host).exit_code == 0
    assert site.writes() == []
    (ontology,) = [found["ontology"] for found in site.client().get_ontologies()]
    ontology.structure.objects[0].name = "person"
    ontology.save()
    drifted = site.run("setup", "plan", file)
    assert drifted.exit_code == 4
    assert "! ontology 'Pedestrians': lacks object 'pedestrian' (bounding_box)" in drifted.stdout
