"""The configuration of a deployment: one JSON document, in a file or inline in `BENCHMARK_QA_CONFIG`."""

from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from benchmark_qa.engine.config import ScoringConfig

MAX_PATHWAY_LENGTH = 256
"""Characters; Encord silently drops a longer `decision` and takes the default pathway."""


class Section(BaseModel):
    """A part of the document: an unknown key is an error, not a silent no-op."""

    model_config = ConfigDict(extra="forbid", frozen=True)


PersonFigure = Literal[
    "f1", "precision", "recall", "mean_similarity", "accuracy", "attribute_accuracy", "score", "passed"
]
"""Figures that a verdict about a person can use. Each is between 0 and 1 in every task."""
Pathway = Annotated[str, Field(min_length=1, max_length=MAX_PATHWAY_LENGTH)]


class StageReference(Section):
    """A stage of the production project's workflow, by uuid or by title."""

    uuid: UUID | None = None
    name: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.uuid is None) == (self.name is None):
            raise ValueError("give either 'uuid' or 'name'")
        return self

    def pathways(self) -> list[str]:
        """Names of the pathways that the stage must have."""
        return []


class RoutingStage(StageReference):
    """The agent stage that asks: is this data unit in the benchmark dataset?"""

    benchmark_pathway: Pathway = "Yes"
    production_pathway: Pathway = "No"

    def pathways(self) -> list[str]:
        """Both pathways."""
        return [self.benchmark_pathway, self.production_pathway]


class ScoringStage(StageReference):
    """An agent stage behind the annotators' work, where it is scored."""

    pass_pathway: Pathway | None = None
    """None: the stage's default pathway"""
    fail_pathway: Pathway | None = None
    """None: the same as `pass_pathway`; scores are recorded, nobody is sent back"""

    def pathways(self) -> list[str]:
        """The pathways that are named."""
        return [name for name in (self.pass_pathway, self.fail_pathway) if name is not None]


class Stages(Section):
    """Which stages of the production project this service serves."""

    routing: RoutingStage | None = None
    scoring: tuple[ScoringStage, ...] = ()


class Branches(Section):
    """Which label branches are annotators' work. Patterns as in `fnmatch`."""

    consensus: str = "encord-*"
    ignore: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _somebodys_work_is_left(self) -> Self:
        taken = [pattern for pattern in self.ignore if fnmatchcase(self.consensus, pattern)]
        if taken:
            raise ValueError(f"'ignore' has '{taken[0]}', which leaves no branch of 'consensus' ('{self.consensus}')")
        return self


class VerdictSettings(Section):
    """The bar for an annotator. Evidence decides, never the point: see docs/statistics/evidence.md."""

    threshold: float = Field(default=0.7, ge=0, le=1)
    figure: PersonFigure | None = None
    """None: F1 with capped weights, or the accuracy of answers where the project has no objects"""
    minimum_tasks: int = Field(default=5, ge=1)
    """Tasks with something to judge, below which nothing is said"""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Of the intervals that are shown"""


class Feedback(Section):
    """What people in the label editor are told. Only `off` keeps secret which data units are benchmark items."""

    policy: Literal["off", "verdict", "score", "details"] = "off"
    training_datasets: tuple[UUID, ...] = ()
    """Benchmark datasets whose items are for training; every other data unit gets the neutral sentence"""
    reviewers_see_names: bool = False
    """At a review stage, tell every annotator's result by name to everybody who has the editor's URL"""
    scorings_per_item: int = Field(default=3, ge=1)
    """Answers per data unit and person from the editor, so that nobody climbs to the truth by asking"""

    @model_validator(mode="after")
    def _training_is_named(self) -> Self:
        if self.policy != "off" and not self.training_datasets:
            raise ValueError("a policy other than 'off' is for training items: list their 'training_datasets'")
        return self


class WriteBackSettings(Section):
    """What scoring changes on Encord besides moving tasks; all of it is off unless switched on."""

    issues: bool = False
    """An issue with the conflicts for the reviewer, once every branch is submitted; others may read issues, too"""
    priority: bool = False
    """The worse the score, the earlier the task comes to whoever is next"""
    review: bool = False
    """*Review & Refine* tasks are approved when every branch passes, and rejected when none does"""


class ReopenRecent(Section):
    """Another pass over the production tasks that somebody below the bar has finished lately."""

    days: float = Field(default=7.0, gt=0)
    at_most: int = Field(default=50, ge=1, le=10_000)


class Actions(Section):
    """What is done about an annotator below the bar, and about an item that good annotators keep failing.

    Taken by `benchmark-qa act`, by the verdict that the report has; without `enforce` they are only listed.
    """

    enforce: bool = False
    rule: Literal["sequential", "interval"] = "sequential"
    """Of the past: read and without effect, as `good`"""
    good: float = Field(default=0.85, gt=0, lt=1)
    release_tasks: bool = False
    reopen_recent: ReopenRecent | None = None
    retire_failing_items: bool = False

    def anything(self) -> bool:
        """Whether any action is switched on."""
        return self.release_tasks or self.reopen_recent is not None or self.retire_failing_items


class Exposure(Section):
    """How often people meet benchmark items."""

    target_share: float = Field(default=0.1, gt=0, lt=1)
    """Share of benchmark tasks among the tasks of an annotator"""
    retire_after: int | None = Field(default=None, ge=1)
    """Annotators after whom an item is routed as production: who has seen it may have told others"""


class AlertRule(Section):
    """Tell the alert webhook when an annotator is below the bar, and when no longer.

    What is left out is as in `verdict`: a rule with a name alone is about the report's verdict.
    """

    name: str = Field(min_length=1)
    figure: PersonFigure | None = None
    threshold: float | None = Field(default=None, gt=0, le=1)
    minimum_tasks: int | None = Field(default=None, ge=1)


class Deployment(Section):
    """What one deployment serves: a production project, its benchmark projects, stages, pathways, thresholds."""

    production_project: UUID
    benchmark_projects: tuple[UUID, ...] = Field(min_length=1)
    production_datasets: tuple[UUID, ...] | None = None
    """None: every dataset that is not a benchmark project's counts as production"""
    stages: Stages = Stages()
    branches: Branches = Branches()
    scoring: ScoringConfig = ScoringConfig()
    verdict: VerdictSettings = VerdictSettings()
    feedback: Feedback = Feedback()
    write_back: WriteBackSettings = WriteBackSettings()
    actions: Actions = Actions()
    exposure: Exposure = Exposure()
    alerts: tuple[AlertRule, ...] = ()
    passing_score: float | None = Field(default=None, ge=0, le=1)
    """Score from which one task passes where no requirement says so; None: `verdict.threshold`"""
    shadow: bool = False
    """Decide and record, but always answer the default pathway; drains move nothing, nothing is written back"""
    on_store_failure: Literal["hold", "pass"] = "hold"
    """What becomes of a task whose score cannot be recorded. `hold`: it waits at its stage. `pass`: it goes on, by no
    pathway that brings it back to people, and its score is owed"""
    truth_ttl_seconds: float = Field(default=60.0, ge=0)
    """How long the state of a ground-truth row is believed before Encord is asked again"""
    largest_label_row_mb: int = Field(default=48, ge=1, le=4096)
    """Megabytes of JSON of a label row that is scored; parsing takes about seven times as much memory"""

    @property
    def score_to_pass(self) -> float:
        """The score that one task must reach. The bar for a person is `verdict.threshold`."""
        return self.verdict.threshold if self.passing_score is None else self.passing_score

    @model_validator(mode="after")
    def _alerts_differ(self) -> Self:
        if len({rule.name for rule in self.alerts}) < len(self.alerts):
            raise ValueError("two of 'alerts' have the same name")
        return self

    @model_validator(mode="after")
    def _projects_differ(self) -> Self:
        if self.production_project in self.benchmark_projects:
            raise ValueError("'production_project' is also listed in 'benchmark_projects'")
        return self
