"""Truth decisions: exclude or restore a benchmark item, or accept another answer. Nothing is deleted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, insert, select

from benchmark_qa.errors import RefusalError
from benchmark_qa.store.action_log import Action, UnknownActionError, open_action, undo_action, write_action
from benchmark_qa.store.database import Database
from benchmark_qa.store.promotion import SeenTruth, newest_truth, note_truth
from benchmark_qa.store.schema import (
    FIGURE_COLUMNS,
    accepted_answers,
    actions,
    current_scores,
    excluded_truth,
    record_of,
    score_records,
)
from benchmark_qa.store.sums import counted_scores, deltas_of, lock_writers, mark_people, people_with


class RulingRefusedError(RefusalError):
    """The item already has the requested state."""


@dataclass(frozen=True)
class Exclusion:
    """A benchmark item that is excluded from every figure."""

    data_hash: str
    reason: str
    operator: str
    excluded_at: datetime


@dataclass(frozen=True)
class AcceptedAnswer:
    """A label row that is accepted besides the ground truth."""

    data_hash: str
    label_hash: str
    branch_name: str
    operator: str
    accepted_at: datetime


@dataclass(frozen=True)
class AcceptedAnswers:
    """The accepted answers of an item besides the ground truth."""

    ruled_at: datetime
    """When an answer was last accepted or withdrawn. Scores made before that are out of date."""
    label_hashes: tuple[str, ...]


class TruthRulings:
    """The truth decisions in one database. Each is in the action log; raises `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def excluded(self, production_project: str) -> dict[str, Exclusion]:
        """Excluded items, by data hash."""
        query = select(excluded_truth).where(excluded_truth.c.production_project == production_project)
        with self._database.reading() as connection:
            return {
                row.data_hash: Exclusion(row.data_hash, row.reason, row.operator, row.excluded_at)
                for row in connection.execute(query)
            }

    def exclude(self, production_project: str, data_hash: str, *, operator: str, reason: str) -> Action:
        """Exclude an item from every figure. Its scores are kept, and new ones are still made.

        Raises:
            RulingRefusedError: it is excluded already.
        """
        with self._database.writing() as connection:
            _exclude(connection, production_project, data_hash, operator, reason)
            return write_action(
                connection, production_project, kind="exclude", operator=operator, subject=data_hash, reason=reason
            )

    def restore(self, production_project: str, data_hash: str, *, operator: str, reason: str) -> Action:
        """Include an excluded item again.

        Raises:
            RulingRefusedError: it is not excluded.
        """
        with self._database.writing() as connection:
            facts = _restore(connection, production_project, data_hash)
            return write_action(
                connection,
                production_project,
                kind="restore",
                operator=operator,
                subject=data_hash,
                reason=reason,
                facts=facts,
            )

    def accept_also(
        self, production_project: str, data_hash: str, *, label_hash: str, branch_name: str, operator: str, reason: str
    ) -> Action:
        """Accept a label row besides the ground truth. The item's scores become stale.

        Raises:
            RulingRefusedError: it is accepted already.
        """
        with self._database.writing() as connection:
            # First, in the same lock order as promotion, and with the time of the log entry.
            at = datetime.now(UTC)
            _note_ruling(connection, production_project, data_hash, at)
            lock_writers(connection)
            known = select(accepted_answers.c.label_hash).where(
                accepted_answers.c.production_project == production_project,
                accepted_answers.c.data_hash == data_hash,
                accepted_answers.c.label_hash == label_hash,
            )
            if connection.scalar(known) is not None:
                raise RulingRefusedError(f"label row {label_hash} is accepted for data unit {data_hash} already")
            connection.execute(
                insert(accepted_answers).values(
                    production_project=production_project,
                    data_hash=data_hash,
                    label_hash=label_hash,
                    branch_name=branch_name,
                    operator=operator,
                    accepted_at=at,
                )
            )
            _mark_stale(connection, production_project, data_hash, "another answer is accepted")
            return write_action(
                connection,
                production_project,
                kind="accept-also",
                operator=operator,
                subject=data_hash,
                reason=reason,
                facts={"label_hash": label_hash},
                taken_at=at,
            )

    def accepted(self, production_project: str) -> dict[str, list[AcceptedAnswer]]:
        """Accepted label rows by data hash."""
        query = select(accepted_answers).where(accepted_answers.c.production_project == production_project)
        found: dict[str, list[AcceptedAnswer]] = {}
        in_order = query.order_by(accepted_answers.c.label_hash)
        for row in self._database.read(lambda connection: connection.execute(in_order).all()):
            answer = AcceptedAnswer(row.data_hash, row.label_hash, row.branch_name, row.operator, row.accepted_at)
            found.setdefault(row.data_hash, []).append(answer)
        return found

    def standings(self, production_project: str, data_hashes: Sequence[str]) -> dict[str, AcceptedAnswers]:
        """The accepted answers of items that ever had one, by data hash; 1 query if there are none, else 2."""
        of_these = (actions.c.production_project == production_project) & actions.c.subject.in_(data_hashes)
        about_answers = select(actions.c.subject, actions.c.kind, actions.c.facts, actions.c.taken_at).where(
            of_these, actions.c.kind.in_(("accept-also", "undo"))
        )
        ruled: dict[str, datetime] = {}
        rows = self._database.read(lambda connection: connection.execute(about_answers).all())
        for data_hash, kind, facts, taken_at in rows:
            if kind == "accept-also" or facts.get("kind") == "accept-also":
                ruled[data_hash] = max(taken_at, ruled.get(data_hash, taken_at))
        if not ruled:
            return {}
        accepted = self.accepted(production_project)
        return {
            data_hash: AcceptedAnswers(at, tuple(answer.label_hash for answer in accepted.get(data_hash, ())))
            for data_hash, at in ruled.items()
        }

    def undo(self, action_id: str, *, operator: str, reason: str) -> Action:
        """Undo a truth decision. The action log shows both.

        Raises:
            UnknownActionError: no such action, undone already, or not a truth decision.
        """
        with self._database.writing() as connection:
            action = open_action(connection, action_id)
            at = datetime.now(UTC)
            project, data_hash = action.production_project, action.subject
            match action.kind:
                case "exclude":
                    _restore(connection, project, data_hash)
                case "restore":
                    _exclude(connection, project, data_hash, operator, str(action.facts.get("reason", reason)))
                case "accept-also":
                    _note_ruling(connection, project, data_hash, at)
                    _withdraw(connection, project, data_hash, str(action.facts["label_hash"]))
                case kind:
                    raise UnknownActionError(f"a {kind!r} is not undone here")
            return undo_action(connection, action, operator=operator, reason=reason, taken_at=at)


def _note_ruling(connection: Connection, project: str, data_hash: str, at: datetime) -> None:
    """Record that the item's right answers have changed, so that earlier scores are not current."""
    known = newest_truth(connection, project, [data_hash]).get(data_hash)
    note_truth(connection, project, {data_hash: SeenTruth(known.label_hash if known else None, at)})


def _exclude(connection: Connection, project: str, data_hash: str, operator: str, reason: str) -> None:
    lock_writers(connection)
    if _is_excluded(connection, project, data_hash):
        raise RulingRefusedError(f"data unit {data_hash} is excluded already")
    _counting(connection, project, data_hash, sign=-1.0)
    connection.execute(
        insert(excluded_truth).values(
            production_project=project,
            data_hash=data_hash,
            reason=reason,
            operator=operator,
            excluded_at=datetime.now(UTC),
        )
    )
    _mark_people(connection, project, data_hash)


def _mark_people(connection: Connection, project: str, data_hash: str) -> None:
    of_this = (score_records.c.production_project == project) & (score_records.c.data_hash == data_hash)
    mark_people(connection, people_with(connection, of_this))


def _restore(connection: Connection, project: str, data_hash: str) -> Mapping[str, str]:
    """Restore the item; returns the reason of its exclusion."""
    lock_writers(connection)
    this = (excluded_truth.c.production_project == project) & (excluded_truth.c.data_hash == data_hash)
    why = connection.scalar(select(excluded_truth.c.reason).where(this))
    if why is None:
        raise RulingRefusedError(f"data unit {data_hash} is not excluded")
    connection.execute(delete(excluded_truth).where(this))
    _counting(connection, project, data_hash, sign=1.0)
    _mark_people(connection, project, data_hash)
    return {"reason": why}


def _withdraw(connection: Connection, project: str, data_hash: str, label_hash: str) -> None:
    connection.execute(
        delete(accepted_answers).where(
            accepted_answers.c.production_project == project,
            accepted_answers.c.data_hash == data_hash,
            accepted_answers.c.label_hash == label_hash,
        )
    )
    _mark_stale(connection, project, data_hash, "an accepted answer was withdrawn")


def _is_excluded(connection: Connection, project: str, data_hash: str) -> bool:
    query = select(excluded_truth.c.data_hash).where(
        excluded_truth.c.production_project == project, excluded_truth.c.data_hash == data_hash
    )
    return connection.scalar(query) is not None


def _counting(connection: Connection, project: str, data_hash: str, *, sign: float) -> None:
    """Add the item's scores to the sums, or subtract them."""
    query = counted_scores(*FIGURE_COLUMNS).where(
        current_scores.c.production_project == project, current_scores.c.data_hash == data_hash
    )
    deltas_of((record_of(row) for row in connection.execute(query)), sign).write(connection)


def _mark_stale(connection: Connection, project: str, data_hash: str, because: str) -> None:
    of_this = (current_scores.c.production_project == project) & (current_scores.c.data_hash == data_hash)
    connection.execute(current_scores.update().where(of_this).values(stale_because=because))


TruthVersion = tuple[str | None, datetime | None]
"""Label hash, and when its row was last edited or another answer was last accepted or withdrawn."""


def scored_versions(database: Database, production_project: str) -> dict[str, list[TruthVersion]]:
    """The truth version of each branch with a current score, by data hash. 1 query.

    Raises:
        StoreError
    """
    query = (
        select(score_records.c.data_hash, score_records.c.truth_label_hash, score_records.c.truth_edited_at)
        .join_from(current_scores, score_records, current_scores.c.key == score_records.c.key)
        .where(current_scores.c.production_project == production_project)
    )
    versions: dict[str, list[TruthVersion]] = {}
    with database.reading() as connection:
        for data_hash, label_hash, edited_at in connection.execute(query):
            versions.setdefault(data_hash, []).append((label_hash, edited_at))
    return versions
