"""Report the production project from what the store holds; Encord is not asked."""

from datetime import UTC, datetime, tzinfo

from benchmark_qa.config.deployment import Deployment
from benchmark_qa.engine.task import ENGINE_VERSION
from benchmark_qa.quality.leaderboard import Bar, Leaderboard, leaderboard
from benchmark_qa.quality.report import Evidence, Question, Report, build_report
from benchmark_qa.quality.verdict import Rule
from benchmark_qa.store.kept_work import KeptWork
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.store.truth_rulings import TruthRulings


def report_project(
    store: SqlScoreStore,
    deployment: Deployment,
    *,
    domain: str,
    zone: tzinfo = UTC,
    as_of: datetime | None = None,
) -> Report:
    """The whole report.

    Args:
        store: holds the records.
        deployment: whose production project is reported, and the bar.
        domain: of Encord's API; the label editor's follows from it.
        zone: whose weeks and clocks the report means.
        as_of: a moment in the past; None for now. Rulings on the truth are today's.

    Raises:
        StoreError
    """
    project = str(deployment.production_project)
    records = store.latest(project) if as_of is None else store.as_of(project, as_of)
    evidence = Evidence(
        records=records,
        excluded={key: ruling.reason for key, ruling in TruthRulings(store.database).excluded(project).items()},
        stale=stale_scores(store, deployment) if as_of is None else {},
        exposures=store.exposures(project),
        first_versions=store.first_versions(project),
        reading=KeptWork(store.database).last(project) if as_of is None else None,
    )
    question = Question(
        production_project=project,
        bar=bar_of(deployment),
        zone=zone,
        as_of=as_of,
        editor=editor_of(domain),
        rule=rule_of(deployment),
    )
    return build_report(question, evidence)


def current_leaderboard(store: SqlScoreStore, deployment: Deployment) -> Leaderboard:
    """The table alone, from the kept sums: its cost does not grow with the number of records.

    Raises:
        StoreError
    """
    return leaderboard(store.totals(str(deployment.production_project)), bar_of(deployment))


def stale_scores(store: SqlScoreStore, deployment: Deployment) -> dict[str, str]:
    """Keys of the scores that are to be made anew, with why.

    Raises:
        StoreError
    """
    return store.stale(
        str(deployment.production_project),
        config_fingerprint=deployment.scoring.fingerprint(),
        engine_version=ENGINE_VERSION,
    )


def bar_of(deployment: Deployment) -> Bar:
    """The bar for annotators."""
    verdict = deployment.verdict
    return Bar(verdict.threshold, verdict.minimum_tasks, verdict.confidence)


def rule_of(deployment: Deployment) -> Rule | None:
    """The rule that actions are taken by; None where it could not tell good from poor."""
    verdict, actions = deployment.verdict, deployment.actions
    if actions.good <= verdict.threshold:
        return None
    return Rule(actions.rule, verdict.threshold, actions.good, verdict.minimum_tasks, verdict.confidence)


def editor_of(domain: str) -> str:
    """Where the label editor of an API domain is: `api.` becomes `app.`; an emulator serves both."""
    return domain.rstrip("/").replace("://api.", "://app.", 1)
