"""Forgetting: records of a person who asks for it, and records that are past their time."""

from datetime import datetime

from sqlalchemy import delete, select, update

from benchmark_qa.store.action_log import write_action
from benchmark_qa.store.database import Database
from benchmark_qa.store.rebuild import counted_scores, lock_writers
from benchmark_qa.store.rows import FIGURE_COLUMNS, record_of
from benchmark_qa.store.schema import (
    actions,
    alert_states,
    annotator_totals,
    current_scores,
    people_at_work,
    score_records,
    work_times,
)
from benchmark_qa.store.sums import deltas_of

ERASED = "(erased)"


def erase_person(database: Database, annotator: str, *, operator: str) -> int:
    """Delete every score record, sum, alert and time of a person, and their name from the audit trail.

    Returns the number of records. The trail says that somebody was erased, not who; what was done about them can no
    longer be undone.

    Raises:
        StoreError
    """
    theirs = select(score_records.c.key).where(score_records.c.annotator == annotator)
    with database.writing() as connection:
        lock_writers(connection)
        projects = connection.scalars(
            select(score_records.c.production_project).where(score_records.c.annotator == annotator).distinct()
        ).all()
        connection.execute(delete(current_scores).where(current_scores.c.key.in_(theirs)))
        connection.execute(delete(annotator_totals).where(annotator_totals.c.annotator == annotator))
        for table in (alert_states, people_at_work, work_times):
            connection.execute(delete(table).where(table.c.annotator == annotator))
        deleted = connection.execute(delete(score_records).where(score_records.c.annotator == annotator)).rowcount
        # The facts name the assignee of every released task.
        theirs_in_trail = update(actions).where(actions.c.subject == annotator)
        connection.execute(theirs_in_trail.values(subject=ERASED, facts={"erased": True}))
        for project in projects:
            write_action(
                connection,
                project,
                kind="erase-person",
                operator=operator,
                subject=ERASED,
                reason="on request",
                facts={"records": deleted},
            )
    return deleted


def erase_before(database: Database, production_project: str, moment: datetime) -> int:
    """Delete the records of a project that were scored before a moment. Returns their number.

    Raises:
        StoreError
    """
    old = (score_records.c.production_project == production_project) & (score_records.c.scored_at < moment)
    with database.writing() as connection:
        # Whoever makes a newer score current takes the old one out of the sums, as we do: one after the other.
        lock_writers(connection)
        counted = connection.execute(counted_scores(*FIGURE_COLUMNS).where(old))
        deltas = deltas_of((record_of(row) for row in counted), sign=-1.0)
        connection.execute(
            delete(current_scores).where(current_scores.c.key.in_(select(score_records.c.key).where(old)))
        )
        deleted = connection.execute(delete(score_records).where(old)).rowcount
        deltas.write(connection)
    return deleted
