"""The demo's world: accounts, ontology, datasets and projects, as a world file for the emulator.

The production project stands without datasets at first: the story attaches them once the truth is finished,
and its tasks then arrive at the routing stage as they would on the platform.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from demo.labels import LabelledImage, LabelSet

ROUTE, CONSENSUS, REFINE, SCORE = "Route", "Consensus", "Review & Refine", "Score"
ANNOTATE, REVIEW, COMPLETE = "Annotate", "Review", "Complete"
BENCHMARK_PATHWAY, PRODUCTION_PATHWAY = "Yes", "No"

BENCHMARK_DATASET = "Benchmark images"
PRODUCTION_DATASET = "Production images"


@dataclass(frozen=True)
class Account:
    """Somebody who signs requests: an e-mail address and an Ed25519 key pair in OpenSSH's formats."""

    email: str
    private_key: str
    public_key: str

    @classmethod
    def create(cls, email: str) -> "Account":
        """An account with a new key."""
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        return cls(email, private.decode(), f"{public.decode()} {email}")


@dataclass(frozen=True)
class AgentEndpoint:
    """Where an agent stage calls the service, and the secret that signs the calls."""

    url: str
    secret: str


class DemoWorld:
    """Everything that exists before the story starts; the hashes depend on the images' ids alone."""

    def __init__(self, labels: LabelSet, route: AgentEndpoint, score: AgentEndpoint) -> None:
        self.labels = labels
        self.route = route
        self.score = score
        self.operator = Account.create("operator@demo.example")
        self.expert = Account.create("expert@demo.example")
        self.reviewer = Account.create("reviewer@demo.example")
        self.service = Account.create("benchmark-qa@demo.example")
        self.annotators = {email: Account.create(email) for email in labels.annotators}
        self.ontology = hash_of("ontology")
        self.benchmark_dataset, self.production_dataset = hash_of("benchmark data"), hash_of("production data")
        self.benchmark_project, self.production_project = hash_of("benchmark project"), hash_of("production project")

    @cached_property
    def benchmark_units(self) -> dict[str, LabelledImage]:
        """The data units whose truth is known, by data hash."""
        return {hash_of(f"benchmark data/{image.id}"): image for image in self.labels}

    @cached_property
    def production_units(self) -> dict[str, LabelledImage]:
        """Other data units of the same images, by data hash: nobody knows their truth."""
        return {hash_of(f"production data/{image.id}"): image for image in self.labels}

    @cached_property
    def consensus_work(self) -> dict[str, list[str]]:
        """Who labels each benchmark data unit."""
        return {data_hash: sorted(image.answers) for data_hash, image in self.benchmark_units.items()}

    @cached_property
    def production_work(self) -> dict[str, str]:
        """Who labels each production data unit: one of the people who know the image, in turn."""
        people = [sorted(image.answers) for image in self.production_units.values()]
        return {
            data_hash: emails[turn % len(emails)]
            for turn, (data_hash, emails) in enumerate(zip(self.production_units, people, strict=True))
        }

    def world_file(self, *, auto_retries: int) -> dict[str, Any]:
        """The world as the emulator reads it; `auto_retries` is how often it calls a failing agent again."""
        staff = [self.operator, self.expert, self.reviewer, self.service]
        people = [*staff, *self.annotators.values()]
        return {
            "switches": {"auto_retries": auto_retries},
            "users": [{"email": one.email, "public_keys": [one.public_key]} for one in people],
            "ontologies": [{"hash": self.ontology, "title": "Demo", "editor": ontology_editor(self.labels)}],
            "datasets": [
                self._dataset(self.benchmark_dataset, BENCHMARK_DATASET, self.benchmark_units),
                self._dataset(self.production_dataset, PRODUCTION_DATASET, self.production_units),
            ],
            "projects": [
                {
                    "hash": self.benchmark_project,
                    "title": "Benchmark",
                    "ontology": self.ontology,
                    "datasets": [self.benchmark_dataset],
                    "users": self._staff_roles() | {self.expert.email: "annotator"},
                    "workflow": self._benchmark_workflow(),
                },
                {
                    "hash": self.production_project,
                    "title": "Production",
                    "ontology": self.ontology,
                    "users": self._staff_roles() | dict.fromkeys(self.annotators, "annotator"),
                    "workflow": self._production_workflow(),
                },
            ],
        }

    def _staff_roles(self) -> dict[str, str]:
        return {self.operator.email: "admin", self.service.email: "admin", self.reviewer.email: "reviewer"}

    def _dataset(self, dataset: str, title: str, units: dict[str, LabelledImage]) -> dict[str, Any]:
        return {
            "hash": dataset,
            "title": title,
            "users": {self.operator.email: "admin", self.service.email: "admin"},
            "data": [
                {"hash": data_hash, "title": f"{image.id}.jpg", "width": image.width, "height": image.height}
                for data_hash, image in units.items()
            ],
        }

    def _benchmark_workflow(self) -> dict[str, Any]:
        return {
            "start": ANNOTATE,
            "stages": [
                _stage("annotation", ANNOTATE, next=REVIEW),
                _stage("review", REVIEW, next=COMPLETE, reject=ANNOTATE),
                _stage("complete", COMPLETE),
            ],
        }

    def _production_workflow(self) -> dict[str, Any]:
        crowd = self.labels.annotators_per_image
        return {
            "start": ROUTE,
            "stages": [
                _agent_stage(ROUTE, self.route, {BENCHMARK_PATHWAY: CONSENSUS, PRODUCTION_PATHWAY: ANNOTATE}),
                _stage("consensus_annotation", CONSENSUS, annotators=crowd, next=REFINE),
                _stage("consensus_review", REFINE, next=SCORE, reject=CONSENSUS),
                _agent_stage(SCORE, self.score, {COMPLETE: COMPLETE}),
                _stage("annotation", ANNOTATE, next=REVIEW),
                _stage("review", REVIEW, next=COMPLETE, reject=ANNOTATE),
                _stage("complete", COMPLETE),
            ],
        }


def ontology_editor(labels: LabelSet) -> dict[str, Any]:
    """Encord's ontology JSON: one kind of box, or one yes/no question."""
    if labels.kind == "boxes":
        box = {"id": "1", "name": labels.label, "color": "#D33115", "shape": "bounding_box"}
        return {"objects": [box | {"featureNodeHash": "demo0001"}], "classifications": []}
    options = [
        {"id": f"1.1.{number}", "label": label, "value": label.lower(), "featureNodeHash": f"demo001{number}"}
        for number, label in enumerate(("Yes", "No"), start=1)
    ]
    question = {"id": "1.1", "name": labels.label, "type": "radio", "required": True, "options": options}
    radio = {"id": "1", "featureNodeHash": "demo0001", "attributes": [question | {"featureNodeHash": "demo0002"}]}
    return {"objects": [], "classifications": [radio]}


def _stage(kind: str, title: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "title": title, **more}


def _agent_stage(title: str, endpoint: AgentEndpoint, pathways: dict[str, str]) -> dict[str, Any]:
    agent = {"mode": "auto", "url": endpoint.url, "secret": endpoint.secret}
    ways = [{"name": name, "to": target} for name, target in pathways.items()]
    return _stage("agent", title, pathways=ways, agent=agent)


def hash_of(what: str) -> str:
    """The hash of a thing of the demo: the same in every run."""
    return str(uuid5(NAMESPACE_URL, f"https://demo.example/{what}"))
