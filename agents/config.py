"""Every setting of the service, validated at start-up, with the key named in the error.

Two sources: environment variables for where and who (`Settings`), and one JSON document for what the team wants
(`Deployment`), as a file or inline in `BENCHMARK_QA_CONFIG`.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from agents.scoring import ScoringConfig

MAX_PATHWAY_LENGTH = 256
"""Encord drops a longer `decision` silently and takes the default pathway."""


class SettingsError(Exception):
    """The service cannot start; the message names every faulty key, and no secret's value."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Pathway = Annotated[str, Field(min_length=1, max_length=MAX_PATHWAY_LENGTH)]


class StageReference(_Section):
    """A stage of the production project's workflow, by uuid or by title."""

    uuid: UUID | None = None
    name: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.uuid is None) == (self.name is None):
            raise ValueError("give either 'uuid' or 'name'")
        return self


class RoutingStage(StageReference):
    """The agent stage that asks: is this data unit in the benchmark dataset?"""

    benchmark_pathway: Pathway = "Yes"
    production_pathway: Pathway = "No"


class ScoringStage(StageReference):
    """An agent stage behind the annotators' work, where it is scored."""

    pass_pathway: Pathway | None = None
    """None: the stage's default pathway"""
    fail_pathway: Pathway | None = None
    """None: the same as `pass_pathway`; scores are recorded, nobody is sent back"""


class Stages(_Section):
    """Which stages of the production project this service serves."""

    routing: RoutingStage | None = None
    scoring: tuple[ScoringStage, ...] = ()


class Branches(_Section):
    """Which label branches are annotators' work. Patterns as in `fnmatch`."""

    consensus: str = "encord-*"
    ignore: tuple[str, ...] = ()


class Verdict(_Section):
    """The bar for an annotator, held against the interval of their F1 (or accuracy), never against the point."""

    threshold: float = Field(default=0.7, ge=0, le=1)
    minimum_tasks: int = Field(default=5, ge=1)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)


class Deployment(_Section):
    """What one deployment serves: a production project, its benchmark projects, stages, pathways, thresholds."""

    production_project: UUID
    benchmark_projects: tuple[UUID, ...] = Field(min_length=1)
    production_datasets: tuple[UUID, ...] | None = None
    """None: every dataset that is not a benchmark project's counts as production"""
    stages: Stages = Stages()
    branches: Branches = Branches()
    scoring: ScoringConfig = ScoringConfig()
    verdict: Verdict = Verdict()
    truth_ttl_seconds: float = Field(default=60.0, ge=0)
    """How long the state of a ground-truth row is believed before Encord is asked again"""

    @model_validator(mode="after")
    def _projects_differ(self) -> Self:
        if self.production_project in self.benchmark_projects:
            raise ValueError("'production_project' is also listed in 'benchmark_projects'")
        return self


Secrets = Annotated[tuple[SecretStr, ...], NoDecode]


class Settings(BaseSettings):
    """The environment of one instance."""

    model_config = SettingsConfigDict(frozen=True, case_sensitive=True)

    config: Annotated[Deployment, NoDecode] = Field(validation_alias="BENCHMARK_QA_CONFIG")
    """Path of a JSON file, or the JSON itself"""
    ssh_key: SecretStr | None = Field(default=None, validation_alias="ENCORD_SSH_KEY")
    ssh_key_file: Path | None = Field(default=None, validation_alias="ENCORD_SSH_KEY_FILE")
    domain: str = Field(
        default="https://api.encord.com", validation_alias="ENCORD_DOMAIN", pattern=r"^https?://[^/]+/?$"
    )
    route_secrets: Secrets = Field(default=(), validation_alias="ROUTE_SECRET")
    """Signing secret of the routing agent's endpoint; two, separated by a comma, while one is rotated"""
    score_secrets: Secrets = Field(default=(), validation_alias="SCORE_SECRET")
    database_url: str = Field(default="sqlite:///benchmark-qa.sqlite", validation_alias="DATABASE_URL")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", validation_alias="LOG_LEVEL")
    request_seconds: float = Field(default=150.0, gt=0, le=170, validation_alias="REQUEST_SECONDS")
    """Time budget of one request; Encord waits 180 s for an answer"""
    signature_tolerance_seconds: int = Field(default=300, ge=1, le=3600, validation_alias="SIGNATURE_TOLERANCE_SECONDS")

    @field_validator("config", mode="before")
    @classmethod
    def _read_document(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text = value.strip()
        if not text.startswith("{"):
            path = Path(text).expanduser()
            if not path.is_file():
                raise ValueError(f"neither inline JSON nor a file: {text[:200]!r}")
            text = path.read_text(encoding="utf-8")
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"not JSON: {error}") from None

    @field_validator("route_secrets", "score_secrets", mode="before")
    @classmethod
    def _split_secrets(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        secrets = [part.strip() for part in value.split(",")]
        if not all(secrets):
            raise ValueError("holds an empty secret")
        return secrets

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if (self.ssh_key is None) == (self.ssh_key_file is None):
            raise ValueError("set exactly one of ENCORD_SSH_KEY and ENCORD_SSH_KEY_FILE")
        shared = {s.get_secret_value() for s in self.route_secrets} & {s.get_secret_value() for s in self.score_secrets}
        if shared:
            raise ValueError("ROUTE_SECRET and SCORE_SECRET must differ: Encord gives each endpoint its own")
        return self

    def private_key(self) -> str:
        """The key's text.

        Raises:
            SettingsError: the file cannot be read.
        """
        if self.ssh_key is not None:
            return self.ssh_key.get_secret_value()
        assert self.ssh_key_file is not None  # noqa: S101 - _one_key has seen to it
        try:
            return self.ssh_key_file.expanduser().read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"ENCORD_SSH_KEY_FILE: {type(error).__name__}: {self.ssh_key_file}") from None


def load_settings(*, endpoints: bool) -> Settings:
    """Read and check the environment.

    Args:
        endpoints: the caller serves HTTP, so the signing secrets are needed, too.

    Raises:
        SettingsError: naming each key that is missing or wrong.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None
    missing = [key for key, needed in _endpoint_keys(settings) if endpoints and not needed]
    if missing:
        raise SettingsError(
            "\n".join(f"{key}: missing (the signing secret that Encord shows with the URL)" for key in missing)
        )
    return settings


def _endpoint_keys(settings: Settings) -> Sequence[tuple[str, object]]:
    stages = settings.config.stages
    return [
        ("ROUTE_SECRET", settings.route_secrets or stages.routing is None),
        ("SCORE_SECRET", settings.score_secrets or not stages.scoring),
    ]


def _explain(error: ValidationError) -> str:
    """One line a fault, the key first; never the value, which may be a secret."""
    lines = []
    for fault in error.errors(include_input=False, include_url=False):
        key = ".".join(str(part) for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        lines.append(f"{key}: {message}" if key else message)
    return "\n".join(lines)
