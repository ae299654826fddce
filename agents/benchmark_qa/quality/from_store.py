"""Report the production project from the score store, without requests to Encord."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, tzinfo
from typing import Any

import numpy as np

from benchmark_qa.config.deployment import Deployment
from benchmark_qa.engine.task import ENGINE_VERSION
from benchmark_qa.quality.leaderboard import Leaderboard, leaderboard
from benchmark_qa.quality.report import Report, ReportEvidence, ReportQuestion, build_report, totals_by_annotator
from benchmark_qa.quality.submissions import (
    JudgedFigure,
    Submission,
    figure_among,
    figure_of,
    gains_of,
    in_order,
    newest_of_attempt,
    replaced_by_another_attempt,
    totals_of_figure,
)
from benchmark_qa.quality.verdict import (
    Bar,
    Verdicts,
    judge,
    order_of_items,
    people_compared,
    places_compared,
    said_of,
)
from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.stats.evidence import METHOD, Evidence, Gains, after_all, cap_for
from benchmark_qa.stats.intervals import RatioTotals
from benchmark_qa.stats.item_order import ItemOrder
from benchmark_qa.store.action_log import ActionLog
from benchmark_qa.store.exposure import KeptWork
from benchmark_qa.store.kept_states import EvidenceStates, KeptState, state_digest
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


def kept_verdicts(store: SqlScoreStore, deployment: Deployment, bars: Iterable[Bar]) -> dict[Bar, Verdicts]:
    """The verdicts of `verdicts_of` on each bar, without the comparison with the others and the events.

    The evidence about each person is kept in the store after their last task. Without new work this reads the states
    only, a row or two for each person. Of people with changed work the scores are read: if what was folded still stands
    at the start of it, the new tasks are folded; otherwise all tasks of that person are folded again.

    Raises:
        StoreError
    """
    looked = EvidenceLook(store, str(deployment.production_project))
    found = {bar: looked.verdicts(bar) for bar in bars}
    looked.keep()
    return found


_FACTS = "facts"
"""`KeptState.config` of what does not depend on the bar"""


_ORDER = "order"
"""`KeptState.config` of the check of the order of items; the annotator is the empty string"""


class EvidenceLook:
    """One look at everybody in a project: states that still hold, and work that is read where they do not."""

    def __init__(self, store: SqlScoreStore, project: str) -> None:
        self._store, self._project = store, project
        self._states = EvidenceStates(store.database)
        # First: what is written from here on is found changed by the next look.
        self._versions = self._states.versions(project)
        self._kept = self._states.kept(project)
        self._new: dict[tuple[str, str], KeptState] = {}
        self._work: dict[str, list[Submission]] = {}
        self._facts = self._facts_of_everybody()
        self._people = sorted(name for name, facts in self._facts.items() if name and facts["met"])
        self._order = self._item_order()

    def verdicts(self, bar: Bar) -> Verdicts:
        """The verdicts on one bar."""
        figure = bar.figure or figure_among(facts["figure"] for facts in self._facts.values() if facts["met"])
        config = state_digest([METHOD, figure, bar.threshold])
        changed = [name for name in self._people if not self._holds(name, config)]
        gains = {name: self._judged(name, figure, bar) for name in self._read(changed)}
        tasks = {
            name: len(gains[name].values) if name in gains else self._kept[name, config].tasks for name in self._people
        }
        cap = cap_for(max(sum(map(bool, tasks.values())), 1))
        others = [name for name in self._people if name not in gains and self._kept[name, config].state["cap"] != cap]
        gains |= {name: self._judged(name, figure, bar) for name in self._read(others)}
        folded = after_all({name: self._further(name, config, gains[name], cap) for name in gains}, cap=cap)
        for name, evidence in folded.items():
            own = self._work[name]
            totals = totals_of_figure([each.record for each in own], figure)
            self._new[name, config] = KeptState(
                config,
                self._versions[name].digest,
                tasks=evidence.tasks,
                last_at=own[-1].at,
                last_task="/".join(own[-1].order[1:]),
                folded=state_digest(gains[name].values.tolist()),
                state={"cap": cap, "evidence": evidence.to_dict(), "totals": asdict(totals)},
            )
        states = {name: (self._new.get((name, config)) or self._kept[name, config]).state for name in self._people}
        return said_of(
            {name: Evidence.from_dict(state["evidence"]) for name, state in states.items()},
            {name: RatioTotals(**state["totals"]) for name, state in states.items()},
            (bar, figure, self._order),
        )

    def keep(self) -> None:
        """Store what has been folded."""
        if self._new:
            marks = {name: version.mark for name, version in self._versions.items() if version.mark is not None}
            self._states.keep(self._project, self._new, marks)

    def _holds(self, name: str, config: str) -> bool:
        kept = self._kept.get((name, config))
        return kept is not None and kept.version == self._versions[name].digest

    def _read(self, names: Iterable[str]) -> list[str]:
        """Read the work of these people, unless it is read already; returns the names."""
        wanted = list(names)
        unread = [name for name in wanted if name not in self._work]
        if unread:
            excluded = TruthRulings(self._store.database).excluded(self._project)
            current, first = self._store.work_of(self._project, unread)
            counted = [
                each
                for each in first_attempts(self._store, current, first)
                if each.identity.data_hash not in excluded and (each.annotator or "") in unread
            ]
            self._work |= {name: [] for name in unread}
            for each in in_order(counted, first):
                self._work[each.record.annotator or ""].append(each)
        return wanted

    def _judged(self, name: str, figure: JudgedFigure, bar: Bar) -> Gains:
        """The gains of a person's tasks with something to judge."""
        gains = gains_of([each.record for each in self._work[name]], figure, bar.threshold)
        return replace(gains, values=gains.values[~np.isnan(gains.values)])

    def _further(self, name: str, config: str, gains: Gains, cap: float) -> tuple[Evidence, Gains]:
        """The kept evidence with the tasks after it; none with all tasks, if an earlier one or the cap has changed."""
        kept = self._kept.get((name, config))
        if kept is None or kept.state["cap"] != cap or state_digest(gains.values[: kept.tasks].tolist()) != kept.folded:
            return Evidence(), gains
        return Evidence.from_dict(kept.state["evidence"]), replace(gains, values=gains.values[kept.tasks :])

    def _facts_of_everybody(self) -> dict[str, Mapping[str, Any]]:
        """Of each annotator: items met, the figure of their work, a digest of the order of their first items."""
        for name in self._read(name for name in self._versions if not self._holds(name, _FACTS)):
            own = self._work[name]
            facts = {
                "met": len(own),
                "figure": figure_of(each.record for each in own),
                "places": state_digest(sorted(places_compared(own).items())) if name else "",
            }
            self._new[name, _FACTS] = KeptState(_FACTS, self._versions[name].digest, state=facts)
        return {name: (self._new.get((name, _FACTS)) or self._kept[name, _FACTS]).state for name in self._versions}

    def _item_order(self) -> ItemOrder:
        """The check of the order of items: kept, and made again when the orders that it compares have changed."""
        draws = list(ActionLog(self._store.database).draws(self._project))
        compared = people_compared({name: self._facts[name]["met"] for name in self._people})
        version = state_digest([draws, [(name, self._facts[name]["places"]) for name in sorted(compared)]])
        kept = self._kept.get(("", _ORDER))
        if kept is not None and kept.version == version:
            return ItemOrder(**kept.state)
        own = [each for name in self._read(compared) for each in self._work[name]]
        order = order_of_items(own, draws)
        self._new["", _ORDER] = KeptState(_ORDER, version, state=asdict(order))
        return order


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
