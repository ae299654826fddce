"""The last state of each alert rule for each annotator: a webhook is told of a change once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select, update

from benchmark_qa.store.database import Database
from benchmark_qa.store.schema import alert_states, insert_into


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
