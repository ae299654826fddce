"""The action log: who did what to which subject, why, and which actions were undone."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from benchmark_qa.errors import RefusalError
from benchmark_qa.store.database import Database
from benchmark_qa.store.schema import actions

PACE = "pace"
"""Kind of the entry that a queue's order was drawn, with the seed"""


BEGUN, DONE = "begun", "done"
"""Outcomes of an entry that is recorded before the action and settled after it"""


class UnknownActionError(RefusalError):
    """There is no such action, or it cannot be undone, or it is undone already."""


@dataclass(frozen=True)
class Action:
    """One entry of the action log."""

    action_id: str
    production_project: str
    kind: str
    """The kind of action, e.g. `exclude`, `restore`, `accept-also`, `release-tasks`, `pace`, `undo`."""
    taken_at: datetime
    operator: str
    subject: str
    """A data hash, or an annotator's e-mail address."""
    reason: str
    facts: Mapping[str, Any] = field(repr=False)
    """The facts needed to undo it."""
    undone_by: str | None = None


class ActionLog:
    """The action log of one database. Raises `StoreError` if the database cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(
        self,
        production_project: str,
        *,
        kind: str,
        operator: str,
        subject: str,
        reason: str,
        facts: Mapping[str, Any] | None = None,
    ) -> Action:
        """Record an action before or after it is taken."""
        with self._database.writing() as connection:
            return write_action(
                connection,
                production_project,
                kind=kind,
                operator=operator,
                subject=subject,
                reason=reason,
                facts=facts,
            )

    def settle(self, action: Action, outcome: str) -> Action:
        """Record the outcome of an action that was recorded before it was taken; returns the new entry."""
        settled = replace(action, facts={**action.facts, "outcome": outcome})
        with self._database.writing() as connection:
            connection.execute(
                update(actions).where(actions.c.action_id == action.action_id).values(facts=settled.facts)
            )
        return settled

    def entries(
        self,
        production_project: str,
        *,
        limit: int = 1000,
        without: str = "",
        kind: str | None = None,
        subject: str | None = None,
    ) -> list[Action]:
        """The newest actions first. `without` leaves out one kind; `kind` and `subject` select one."""
        query = (
            select(actions)
            .where(actions.c.production_project == production_project, actions.c.kind != without)
            .order_by(actions.c.taken_at.desc(), actions.c.action_id)
            .limit(limit)
        )
        if kind is not None:
            query = query.where(actions.c.kind == kind)
        if subject is not None:
            query = query.where(actions.c.subject == subject)
        with self._database.reading() as connection:
            return [_action(row._mapping) for row in connection.execute(query)]

    def draws(self, production_project: str) -> tuple[int, ...]:
        """Seeds with which the order of the queue was drawn, the newest first, each once."""
        seeds = [entry.facts.get("seed") for entry in self.entries(production_project, kind=PACE)]
        return tuple(dict.fromkeys(seed for seed in seeds if isinstance(seed, int)))

    def find(self, action_id: str) -> Action:
        """An action that can still be undone. The first eight digits of its id are enough.

        Raises:
            UnknownActionError
        """
        with self._database.writing() as connection:
            return open_action(connection, action_id)

    def mark_undone(self, action_id: str, *, operator: str, reason: str) -> Action:
        """Record that an action has been undone; returns the new entry.

        Raises:
            UnknownActionError
        """
        with self._database.writing() as connection:
            return undo_action(connection, open_action(connection, action_id), operator=operator, reason=reason)


def write_action(
    connection: Connection,
    production_project: str,
    *,
    kind: str,
    operator: str,
    subject: str,
    reason: str,
    facts: Mapping[str, Any] | None = None,
    taken_at: datetime | None = None,
) -> Action:
    """Write an entry in the transaction that does the action; `taken_at` is now unless given."""
    action = Action(
        action_id=uuid.uuid4().hex,
        production_project=production_project,
        kind=kind,
        taken_at=taken_at or datetime.now(UTC),
        operator=operator,
        subject=subject,
        reason=reason,
        facts=dict(facts or {}),
    )
    connection.execute(insert(actions).values(**vars(action)))
    return action


def open_action(connection: Connection, action_id: str) -> Action:
    """Lock and return an action that can still be undone. The first eight digits of its id are enough.

    Raises:
        UnknownActionError
    """
    query = select(actions).where(actions.c.action_id.startswith(action_id, autoescape=True)).with_for_update()
    found = [_action(row._mapping) for row in connection.execute(query)] if len(action_id) >= 8 else []
    if len(found) != 1:
        raise UnknownActionError(f"{'several actions begin' if found else 'no action begins'} with {action_id!r}")
    if found[0].undone_by is not None:
        raise UnknownActionError(f"action {action_id} has been undone already")
    return found[0]


def undo_action(
    connection: Connection, action: Action, *, operator: str, reason: str, taken_at: datetime | None = None
) -> Action:
    """Mark the action as undone and write a new entry about it."""
    undoing = write_action(
        connection,
        action.production_project,
        kind="undo",
        operator=operator,
        subject=action.subject,
        reason=reason,
        facts={"undoes": action.action_id, "kind": action.kind},
        taken_at=taken_at,
    )
    connection.execute(
        update(actions).where(actions.c.action_id == action.action_id).values(undone_by=undoing.action_id)
    )
    return undoing


def _action(row: Mapping[Any, Any]) -> Action:
    return Action(**{name: row[name] for name in Action.__dataclass_fields__})
