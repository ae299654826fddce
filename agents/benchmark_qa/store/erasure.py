"""Erase the records of a person who asks for it, and records that are too old."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    String,
    cast,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)

from benchmark_qa.errors import RefusalError
from benchmark_qa.store.action_log import write_action
from benchmark_qa.store.database import Database
from benchmark_qa.store.schema import (
    FIGURE_COLUMNS,
    actions,
    alert_states,
    annotator_totals,
    current_scores,
    evidence_marks,
    evidence_states,
    metadata,
    people_at_work,
    record_of,
    score_records,
    work_times,
)
from benchmark_qa.store.sums import UNKNOWN, counted_scores, deltas_of, lock_writers, mark_people, people_with

ERASED = "(erased)"


class UnknownPersonError(RefusalError):
    """No entry of the store holds the address."""


def erase_person(database: Database, annotator: str, *, operator: str) -> int:
    """Delete a person's score records, sums, alerts and times, and their address from every other entry.

    Returns the number of records. Upper and lower case are the same address. The action log says that somebody was
    erased, not who. Actions about that person can no longer be undone.

    Raises:
        UnknownPersonError: the address is empty, or nothing holds it.
        StoreError
    """
    person = annotator.strip()
    if not person:
        raise UnknownPersonError("name the person to forget by their e-mail address")

    def is_theirs(column: Column[Any]) -> ColumnElement[bool]:
        return or_(column == person, func.lower(column) == person.lower())

    of_theirs = is_theirs(score_records.c.annotator)
    theirs = select(score_records.c.key).where(of_theirs)
    with database.writing() as connection:
        lock_writers(connection)
        projects = connection.scalars(select(score_records.c.production_project).where(of_theirs).distinct()).all()
        connection.execute(delete(current_scores).where(current_scores.c.key.in_(theirs)))
        # Theirs may have been the first version of another person's work.
        mark_people(connection, _people_on_tasks_of(connection, of_theirs))
        found = 0
        for table in (annotator_totals, evidence_marks, evidence_states, alert_states, people_at_work, work_times):
            found += connection.execute(delete(table).where(is_theirs(table.c.annotator))).rowcount
        deleted = connection.execute(delete(score_records).where(of_theirs)).rowcount
        # The facts name the assignee of every released task.
        theirs_in_trail = update(actions).where(is_theirs(actions.c.subject))
        found += connection.execute(theirs_in_trail.values(subject=ERASED, facts={"erased": True})).rowcount
        found += _put_out_name(connection, person)
        if not deleted and not found:
            raise UnknownPersonError(f"nothing in the score store holds {person!r}: check the address")
        for project in projects:
            write_action(
                connection,
                project,
                kind="erase-person",
                operator=_address(person).sub(ERASED, operator),
                subject=ERASED,
                reason="on request",
                facts={"records": deleted},
            )
    database.wipe_deleted()
    return deleted


def _people_on_tasks_of(connection: Connection, condition: ColumnElement[bool]) -> set[tuple[str, str]]:
    """Everybody with a record of a task of which a record meets the condition."""
    task = (score_records.c.production_project, score_records.c.data_hash, score_records.c.branch_name)
    return people_with(connection, tuple_(*task).in_(select(*task).where(condition)))


def _address(person: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.+%-]){re.escape(person)}(?![\w-]|\.\w)", re.IGNORECASE)


def _put_out_name(connection: Connection, person: str) -> int:
    """Replace the person's address in every text of every table, also in entries about other items.

    Returns the number of texts that held it.
    """
    address, found = _address(person), 0
    escaped = person.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    for table in metadata.sorted_tables:
        keys = list(table.primary_key.columns)
        for column in table.columns:
            if column.primary_key or not isinstance(column.type, String | JSON):
                continue
            text = cast(column, String).ilike(f"%{escaped}%", escape="\\")
            for *key, value in connection.execute(select(*keys, column).where(text)).all():
                without = _without(address, value)
                if without != value:
                    here = [each == given for each, given in zip(keys, key, strict=True)]
                    connection.execute(update(table).where(*here).values({column.name: without}))
                    found += 1
    return found


def _without(address: re.Pattern[str], value: Any) -> Any:
    """A copy of a text or a document with the address replaced."""
    if isinstance(value, str):
        return address.sub(ERASED, value)
    if isinstance(value, dict):
        return {_without(address, key): _without(address, part) for key, part in value.items()}
    return [_without(address, part) for part in value] if isinstance(value, list) else value


def erase_before(database: Database, production_project: str, moment: datetime) -> int:
    """Delete the records of a project that were scored before a moment. Returns their number.

    Raises:
        StoreError
    """
    old = (score_records.c.production_project == production_project) & (score_records.c.scored_at < moment)
    with database.writing() as connection:
        # Promoting a newer score also takes the old one out of the sums, so both must not run at the same time.
        lock_writers(connection)
        counted = connection.execute(counted_scores(*FIGURE_COLUMNS).where(old))
        deltas = deltas_of((record_of(row) for row in counted), sign=-1.0)
        connection.execute(
            delete(current_scores).where(current_scores.c.key.in_(select(score_records.c.key).where(old)))
        )
        concerned = _people_on_tasks_of(connection, old)
        deleted = connection.execute(delete(score_records).where(old)).rowcount
        deltas.write(connection)
        mark_people(connection, concerned)
        _forget_evidence(connection, production_project, [annotator for _, annotator in concerned])
    return deleted


def _forget_evidence(connection: Connection, production_project: str, annotators: Sequence[str]) -> None:
    """Delete what is folded of these people's records, and the marks of people without any record."""
    connection.execute(
        delete(evidence_states).where(
            evidence_states.c.production_project == production_project, evidence_states.c.annotator.in_(annotators)
        )
    )
    known = select(score_records.c.key).where(
        score_records.c.production_project == production_project,
        func.coalesce(score_records.c.annotator, UNKNOWN) == evidence_marks.c.annotator,
    )
    connection.execute(
        delete(evidence_marks).where(evidence_marks.c.production_project == production_project, ~known.exists())
    )
