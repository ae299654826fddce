"""Report the production project from the score store, without requests to Encord."""

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from benchmark_qa.config.deployment import Deployment
from benchmark_qa.engine.task import ENGINE_VERSION
from benchmark_qa.quality.leaderboard import Leaderboard, leaderboard
from benchmark_qa.quality.report import Report, ReportEvidence, ReportQuestion, build_report, totals_by_annotator
from benchmark_qa.quality.submissions import Submission, in_order, newest_of_attempt, replaced_by_another_attempt
from benchmark_qa.quality.verdict import Bar, Verdicts, judge, order_of_items
from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.stats.item_order import ItemOrder
from benchmark_qa.store.action_log import ActionLog
from benchmark_qa.store.exposure import KeptWork
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
        deployment: names the production project and the bar.
        domain: of Encord's API; the address of the label editor is derived from it.
        zone: time zone of weeks and times in the report.
        as_of: a moment in the past; None for now. Truth decisions are those of today.

    Raises:
        StoreError
    """
    project = str(deployment.production_project)
    records = store.packed(project, as_of)
    first = store.first_versions(project)
    evidence = ReportEvidence(
        records=first_attempts(store, records, first, until=as_of),
        excluded={key: ruling.reason for key, ruling in TruthRulings(store.database).excluded(project).items()},
        stale=stale_scores(store, deployment) if as_of is None else {},
        exposures=store.exposures(project),
        first_versions=first,
        reading=KeptWork(store.database).last(project) if as_of is None else None,
        draws=ActionLog(store.database).draws(project),
    )
    question = ReportQuestion(
        production_project=project,
        bar=bar_of(deployment),
        zone=zone,
        as_of=as_of,
        editor=editor_of(domain),
        score_to_pass=deployment.score_to_pass,
    )
    return build_report(question, evidence)


def current_leaderboard(store: SqlScoreStore, deployment: Deployment) -> Leaderboard:
    """The leaderboard alone, with the report's verdicts; reads records without their details.

    Raises:
        StoreError
    """
    submissions = submissions_of(store, deployment)
    totals = totals_by_annotator([each.record for each in submissions])
    return leaderboard(totals, verdicts_of(store, deployment, submissions))


def verdicts_of(store: SqlScoreStore, deployment: Deployment, submissions: Sequence[Submission]) -> Verdicts:
    """The verdicts of report, actions and assignments: against the deployment's bar, with the known draws of the queue.

    Raises:
        StoreError
    """
    return judge(submissions, bar_of(deployment), order_in(store, deployment, submissions))


def order_in(store: SqlScoreStore, deployment: Deployment, submissions: Sequence[Submission]) -> ItemOrder:
    """Whether people get the items in a random order, with the draws that the action log knows.

    Raises:
        StoreError
    """
    return order_of_items(submissions, ActionLog(store.database).draws(str(deployment.production_project)))


def submissions_of(store: SqlScoreStore, deployment: Deployment) -> list[Submission]:
    """The submissions of the production project that count, in order, without details and sketches.

    Raises:
        StoreError
    """
    project = str(deployment.production_project)
    excluded = TruthRulings(store.database).excluded(project)
    first = store.first_versions(project)
    records = first_attempts(store, store.latest(project, whole=False), first)
    return in_order([each for each in records if each.identity.data_hash not in excluded], first)


def first_attempts(
    store: SqlScoreStore,
    records: Sequence[ScoreRecord],
    first_versions: Sequence[ScoreRecord],
    *,
    until: datetime | None = None,
) -> list[ScoreRecord]:
    """The records; where another attempt is on the branch, the score of the first attempt instead.

    1 query for each such data unit; there are rarely any.

    Raises:
        StoreError
    """
    first = {(each.identity.data_hash, each.identity.branch_name): each for each in first_versions}
    found = []
    for record in records:
        earlier = first.get((record.identity.data_hash, record.identity.branch_name))
        if earlier is not None and replaced_by_another_attempt(record, earlier):
            history = store.history(record.identity.production_project, record.identity.data_hash)
            found.append(newest_of_attempt(history, earlier, until))
        else:
            found.append(record)
    return found


def stale_scores(store: SqlScoreStore, deployment: Deployment) -> dict[str, str]:
    """Keys of the scores that have to be made again, with the reason.

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
    return Bar(verdict.threshold, verdict.minimum_tasks, verdict.confidence, verdict.figure)


def editor_of(domain: str) -> str:
    """The address of the label editor for an API domain: `api.` becomes `app.`; an emulator serves both."""
    return domain.rstrip("/").replace("://api.", "://app.", 1)
