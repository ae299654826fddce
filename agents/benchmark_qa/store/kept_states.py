"""What is kept between looks at people: the evidence about each, and the last state of each alert rule, so that a
webhook is told of a change once.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, select, update

from benchmark_qa.store.database import Database
from benchmark_qa.store.schema import UpsertInsert, alert_states, evidence_marks, evidence_states, insert_into
from benchmark_qa.store.sums import UNKNOWN, totals_query


@dataclass(frozen=True)
class AlertChange:
    """The state of a rule for an annotator has changed, and the webhook has not been told."""

    rule: str
    annotator: str
    state: str
    changed_at: datetime


class AlertStates:
    """The alert states in one database; raises `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, production_project: str, rule: str, states: Mapping[str, str], *, quiet: str) -> None:
        """Store the rule's present state by annotator. A first state equal to `quiet` is not reported."""
        now = datetime.now(UTC)
        rows = [
            {
                "production_project": production_project,
                "rule": rule,
                "annotator": annotator,
                "state": state,
                "changed_at": now,
                "told": state == quiet,
            }
            for annotator, state in sorted(states.items())
        ]
        if not rows:
            return
        with self._database.writing() as connection:
            insert = insert_into(connection, alert_states)
            changed = insert.on_conflict_do_update(
                index_elements=["production_project", "rule", "annotator"],
                set_={"state": insert.excluded.state, "changed_at": insert.excluded.changed_at, "told": False},
                where=alert_states.c.state != insert.excluded.state,
            )
            connection.execute(changed, rows)

    def untold(self, production_project: str) -> list[AlertChange]:
        """Changes that the webhook has not been told, oldest first."""
        query = (
            select(alert_states)
            .where(alert_states.c.production_project == production_project, alert_states.c.told.is_(False))
            .order_by(alert_states.c.changed_at, alert_states.c.rule, alert_states.c.annotator)
        )
        with self._database.reading() as connection:
            return [
                AlertChange(row.rule, row.annotator, row.state, row.changed_at) for row in connection.execute(query)
            ]

    def claim(self, production_project: str, change: AlertChange) -> bool:
        """Whether this caller tells the webhook. Of several concurrent callers exactly one gets True."""
        return self._set_told(production_project, change, told=True)

    def give_back(self, production_project: str, change: AlertChange) -> None:
        """Mark the change as untold again, because the webhook could not be told."""
        self._set_told(production_project, change, told=False)

    def _set_told(self, production_project: str, change: AlertChange, *, told: bool) -> bool:
        this = (
            update(alert_states)
            .where(
                alert_states.c.production_project == production_project,
                alert_states.c.rule == change.rule,
                alert_states.c.annotator == change.annotator,
                alert_states.c.state == change.state,
                alert_states.c.told.is_(not told),
            )
            .values(told=told)
        )
        with self._database.writing() as connection:
            return connection.execute(this).rowcount == 1


@dataclass(frozen=True)
class WorkVersion:
    """Which work of a person counts now; `mark` is None if no writer of this version has marked it."""

    mark: str | None
    digest: str


@dataclass(frozen=True)
class KeptState:
    """What is folded of a person's tasks."""

    config: str
    """What it is about; another one is another state"""
    version: str
    """`WorkVersion.digest` of the work"""
    tasks: int = 0
    """Number of tasks folded"""
    last_at: datetime | None = None
    """Submission of the last of them"""
    last_task: str | None = None
    folded: str = ""
    """Digest of what these tasks said, in order"""
    state: Mapping[str, Any] = field(default_factory=dict)
    """JSON types"""


class EvidenceStates:
    """The folded states of one database; raises `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def versions(self, production_project: str) -> dict[str, WorkVersion]:
        """The version of everybody's work; an unknown annotator is the empty string. 2 queries.

        The sums are in it: instances of a former version go on writing for a while, and mark nothing.
        """
        marks = select(evidence_marks.c.annotator, evidence_marks.c.version)
        of_project = marks.where(evidence_marks.c.production_project == production_project)

        def look(connection: Connection) -> tuple[dict[str, str], dict[str, list[Any]]]:
            marked = {row.annotator: row.version for row in connection.execute(of_project)}
            sums: dict[str, list[Any]] = {}
            for row in connection.execute(totals_query(production_project)):
                sums.setdefault(row[0], []).append(tuple(row[1:]))
            return marked, sums

        marked, sums = self._database.read(look)
        return {
            name: WorkVersion(marked.get(name), state_digest([marked.get(name), sorted(sums.get(name, []))]))
            for name in marked.keys() | sums.keys()
        }

    def kept(self, production_project: str) -> dict[tuple[str, str], KeptState]:
        """All states, by annotator and config. 1 query."""
        columns = [evidence_states.c[name] for name in KeptState.__dataclass_fields__]
        query = select(evidence_states.c.annotator, *columns)
        of_project = query.where(evidence_states.c.production_project == production_project)

        def look(connection: Connection) -> dict[tuple[str, str], KeptState]:
            return {
                (annotator, state[0]): KeptState(*state) for annotator, *state in connection.execute(of_project).all()
            }

        return self._database.read(look)

    def keep(
        self, production_project: str, states: Mapping[tuple[str, str], KeptState], marks: Mapping[str, str | None]
    ) -> None:
        """Store states, by annotator and config, of people whose work has not been marked since it was read.

        The others are folded again at the next look. An erased person has no mark, so nothing of them comes back. What
        is of no known annotator is always stored.
        """
        names = sorted({annotator for annotator, _ in states})

        def write(connection: Connection) -> None:
            unchanged = {UNKNOWN}
            for start in range(0, len(names), _NAMES_PER_QUERY):
                of_these = evidence_marks.c.annotator.in_(names[start : start + _NAMES_PER_QUERY])
                query = select(evidence_marks.c.annotator, evidence_marks.c.version).where(
                    evidence_marks.c.production_project == production_project, of_these
                )
                locked = query.order_by(evidence_marks.c.annotator).with_for_update(read=True)
                unchanged |= {name for name, mark in connection.execute(locked) if marks.get(name) == mark}
            rows = [
                {"production_project": production_project, "annotator": name} | asdict(state)
                for (name, _), state in sorted(states.items(), key=lambda each: each[0])
                if name in unchanged
            ]
            if rows:
                connection.execute(_keep(connection), rows)

        self._database.write(write)


_NAMES_PER_QUERY = 500


def _keep(connection: Connection) -> UpsertInsert:
    insert = insert_into(connection, evidence_states)
    fields = {name: insert.excluded[name] for name in KeptState.__dataclass_fields__ if name != "config"}
    return insert.on_conflict_do_update(index_elements=["production_project", "annotator", "config"], set_=fields)


def state_digest(value: object) -> str:
    """The digest by which a kept state tells whether what it was made of has changed."""
    return blake2b(repr(value).encode(), digest_size=16).hexdigest()
