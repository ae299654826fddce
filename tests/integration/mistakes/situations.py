"""Every mistake of docs/mistakes.md: what is typed, and what is wrong around it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.integration.service.sandbox import (
    BENCHMARK_DATASET,
    EDITOR_TOKEN,
    PRODUCTION,
    ROUTE_SECRET,
    SCORING_STAGE,
    Key,
    uuid,
)

STRANGER = Key.create()
SCORING = [{"uuid": SCORING_STAGE, "pass_pathway": "Done"}]
TRUTH_FILE = {"images": [], "annotations": [], "categories": []}


def _rsa() -> str:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


@dataclass(frozen=True)
class Situation:
    """A command in a folder with these files, under the sandbox's settings with these changes."""

    command: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Go over the configuration document"""
    variables: Mapping[str, str | None] = field(default_factory=dict)
    """Go over the environment; None takes a variable away"""
    files: Mapping[str, str] = field(default_factory=dict)


def _routing(**changes: Any) -> dict[str, Any]:
    return {"stages": {"routing": {"name": "Routing"} | changes, "scoring": SCORING}}


SITUATIONS: dict[str, Situation] = {
    # Settings
    "no configuration": Situation("doctor", variables={"BENCHMARK_QA_CONFIG": None}),
    "a configuration file that is not there": Situation("doctor", variables={"BENCHMARK_QA_CONFIG": "benchmark.json"}),
    "a configuration that is not JSON": Situation(
        "doctor", variables={"BENCHMARK_QA_CONFIG": "qa.json"}, files={"qa.json": "production_project: x"}
    ),
    "a misspelt key": Situation("doctor", settings={"verdikt": {"threshold": 0.7}}),
    "a key in the wrong place": Situation("doctor", settings={"verdict": {"treshold": 0.7}}),
    "a value out of range": Situation("doctor", settings={"verdict": {"threshold": 70}}),
    "a project's title instead of its hash": Situation("doctor", settings={"production_project": "Parking"}),
    "one project as both": Situation("doctor", settings={"benchmark_projects": [PRODUCTION]}),
    "no benchmark project": Situation("doctor", settings={"benchmark_projects": []}),
    "no key": Situation("doctor", variables={"ENCORD_SSH_KEY": None}),
    "a key file that is not there": Situation(
        "doctor", variables={"ENCORD_SSH_KEY": None, "ENCORD_SSH_KEY_FILE": "keys/ops"}
    ),
    "a key of another kind": Situation("doctor", variables={"ENCORD_SSH_KEY": _rsa()}),
    "a public key": Situation("doctor", variables={"ENCORD_SSH_KEY": STRANGER.public}),
    "no secret of the routing agent": Situation("serve", variables={"ROUTE_SECRET": None, "NOTIFICATION_SECRET": None}),
    "one secret for two agents": Situation("serve", variables={"SCORE_SECRET": ROUTE_SECRET}),
    "a secret that ends in a comma": Situation("serve", variables={"ROUTE_SECRET": f"{ROUTE_SECRET},"}),
    "a token that can be guessed": Situation("serve", variables={"SCORE_EDITOR_TOKEN": "secret"}),
    "an unknown level of logging": Situation("serve", variables={"LOG_LEVEL": "LOUD"}),
    "a webhook without https": Situation("serve", variables={"ALERT_WEBHOOK_URL": "hooks.example.com/qa"}),
    "a database URL that is none": Situation("report", variables={"DATABASE_URL": "scores.sqlite"}),
    "a database in a folder that is not there": Situation(
        "report", variables={"DATABASE_URL": "sqlite:///none/scores.sqlite"}
    ),
    # Encord
    "an address where nothing listens": Situation("route", variables={"ENCORD_DOMAIN": "http://127.0.0.1:9"}),
    "a key that Encord does not know": Situation("doctor", variables={"ENCORD_SSH_KEY": STRANGER.private}),
    "a project that does not exist": Situation("doctor", settings={"benchmark_projects": [uuid("nobody's")]}),
    "a misspelt stage": Situation("doctor", settings=_routing(name="Rooting")),
    "a misspelt pathway": Situation("doctor", settings=_routing(benchmark_pathway="Yess")),
    "pathways the wrong way round": Situation(
        "doctor", settings=_routing(benchmark_pathway="No", production_pathway="Yes")
    ),
    "one pathway for both": Situation("doctor", settings=_routing(benchmark_pathway="No")),
    "no stage": Situation("doctor", settings={"stages": {}}),
    "the benchmark's dataset as production": Situation("doctor", settings={"production_datasets": [BENCHMARK_DATASET]}),
    "a dataset that is not attached": Situation("doctor", settings={"production_datasets": [uuid("elsewhere")]}),
    "routing by hand without a routing stage": Situation("route", settings={"stages": {"scoring": SCORING}}),
    # Commands
    "a misspelt command": Situation("reprot"),
    "a misspelt option": Situation("report --jsom"),
    "a moment that is none": Situation("report --as-of yesterday"),
    "a time zone that is none": Situation("report --timezone Mars/Olympus"),
    "a report into a folder that is not there": Situation("report --format html --output none/report.html"),
    "a port out of range": Situation("serve --port 99999"),
    "an item that nobody has": Situation(f"truth exclude {uuid('unknown')} --reason wrong"),
    "a hash that was cut": Situation("truth exclude 5e0b3a44 --reason wrong"),
    "truth from a file that is not there": Situation("truth import truth.json"),
    "truth from a file that is not JSON": Situation("truth import truth.json", files={"truth.json": "images: []"}),
    "a set-up file that is not there": Situation("setup plan setup.toml"),
    "a set-up file that is not TOML": Situation("setup plan setup.toml", files={"setup.toml": "name: parking"}),
    "an unknown key in the set-up file": Situation(
        "setup plan setup.toml", files={"setup.toml": 'name = "parking"\nontologie = "Cars"\n'}
    ),
    "an example over a file that is there": Situation("setup init setup.toml", files={"setup.toml": "mine"}),
    "labels that are not there": Situation("score truth.json labels.json", files={"truth.json": "[]"}),
    "labels that are no label rows": Situation(
        "score truth.json labels.json", files={"truth.json": "[]", "labels.json": '[{"image": 1}]'}
    ),
    "a choice that is none": Situation("send-back choice.json", files={"choice.json": json.dumps(TRUTH_FILE)}),
    "an action that nobody took": Situation("actions undo 4711 --reason mistake"),
    "a manifest that is not there": Situation("register build manifest.csv --out registration --storage s3"),
    "predictions that are not there": Situation(
        "evaluate-predictions labels.json predictions.json", files={"labels.json": json.dumps(TRUTH_FILE)}
    ),
}

SECRETS = (ROUTE_SECRET, EDITOR_TOKEN)
