"""Assign waiting tasks to people by a rule. Nobody meets a data unit twice.

Whether a data unit is a benchmark item is not looked at: a task is kept from a person because they have met its data
unit or its file, and that happens with ordinary tasks that come back, too.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from benchmark_qa.encord_api.reviews import AssignedTask, PeoplesWork
from benchmark_qa.encord_api.tasks import task_rows
from benchmark_qa.errors import RefusalError, did_you_mean
from benchmark_qa.quality.breakdown import by_class
from benchmark_qa.quality.from_store import submissions_of, verdicts_of
from benchmark_qa.quality.submissions import Submission
from benchmark_qa.stats.item_order import place_in_draw
from benchmark_qa.store.action_log import BEGUN, DONE, Action, ActionLog
from benchmark_qa.tasks.score import Scorer

KIND: Final = "assign-tasks"
"""Kind of the entries of the action log"""
AssignRule = Literal["load", "round-robin", "skill"]
RULES: Final[tuple[AssignRule, ...]] = ("load", "round-robin", "skill")


class AssignRefused(RefusalError):
    """A person or a rule is not usable."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A person who can get tasks."""

    email: str
    open: int = 0
    """Tasks that are assigned to them and not submitted"""
    skills: Mapping[str, float] = field(default_factory=dict)
    """0 to 1 by class; classes that nobody has judged are left out"""
    skill: float = 0.5
    """0 to 1, for tasks without known classes"""


@dataclass(frozen=True, slots=True)
class UnassignedTask:
    """A task, or a part of a consensus task, that nobody has."""

    uuid: str
    stage_uuid: str
    data_hash: str
    item: str = ""
    """Uuid of its file; two data units can have the same"""
    classes: tuple[str, ...] = ()
    """Classes that are expected in it, such as those of a prediction"""


def distribute(
    tasks: Sequence[UnassignedTask],
    workers: Sequence[Worker],
    met: Collection[tuple[str, str]],
    *,
    rule: AssignRule,
    most: int | None = None,
) -> tuple[dict[str, str], list[str]]:
    """E-mail by task uuid, and uuids of tasks that nobody can get.

    Tasks keep their order. `load`: who has the fewest open tasks. `round-robin`: one after the other, whatever they
    have. `skill`: the highest mean skill in the task's classes; equal skill by load. Ties go to the first e-mail by a
    digest of task and person, so that no alphabet decides.

    Args:
        tasks: in the order of the queue.
        workers: the people.
        met: (e-mail, data hash or item) that must not meet again.
        rule: one of `RULES`.
        most: open tasks that a person may have.
    """
    met, given = set(met), {worker.email: worker.open for worker in workers}
    turn = Counter[str]()
    found: dict[str, str] = {}
    nobody: list[str] = []
    for task in tasks:
        able = [
            worker
            for worker in workers
            if (most is None or given[worker.email] < most)
            and not {(worker.email, task.data_hash), (worker.email, task.item or task.data_hash)} & met
        ]
        if not able:
            nobody.append(task.uuid)
            continue
        places = {worker.email: place_in_draw(worker.email, task.uuid) for worker in able}
        best = min(able, key=lambda w, task=task: (*_order(rule, w, task, given, turn), places[w.email]))  # type: ignore[misc]
        found[task.uuid] = best.email
        given[best.email] += 1
        turn[best.email] += 1
        met |= {(best.email, task.data_hash), (best.email, task.item or task.data_hash)}
    return found, nobody


def _order(
    rule: AssignRule, worker: Worker, task: UnassignedTask, given: Mapping[str, int], turn: Mapping[str, int]
) -> tuple[float, ...]:
    """Sort key of a person for a task; the smallest gets it."""
    if rule == "round-robin":
        return (turn[worker.email],)
    load = given[worker.email]
    return (load,) if rule == "load" else (-skill_in(worker, task.classes), load)


def skill_in(worker: Worker, classes: Sequence[str]) -> float:
    """Mean skill in the classes; the person's own for classes that nobody has judged and for tasks without any."""
    if not classes:
        return worker.skill
    return sum(worker.skills.get(name, worker.skill) for name in classes) / len(classes)


@dataclass(frozen=True)
class AssignPlan:
    """Tasks by person, and what is left."""

    tasks: Sequence[AssignedTask]
    """With the person who is to get each"""
    nobody: int
    """Tasks that nobody can get: everybody has met the data unit, or has the most tasks"""
    people: Mapping[str, int]
    """Tasks that each gets"""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        people = [{"annotator": person, "tasks": tasks} for person, tasks in sorted(self.people.items())]
        return {"annotators": people, "tasks": [asdict(task) for task in self.tasks], "nobody": self.nobody}


@dataclass(frozen=True)
class Assigner:
    """Assigns the waiting tasks of the production project of one deployment."""

    scorer: Scorer

    def plan(
        self,
        people: Sequence[str],
        *,
        rule: AssignRule,
        most: int | None = None,
        classes: Mapping[str, Sequence[str]] | None = None,
        below_too: bool = False,
    ) -> AssignPlan:
        """Who is to get which waiting task. Changes nothing.

        Args:
            people: e-mails of annotators of the project; empty: all of them.
            rule: one of `RULES`.
            most: open tasks that a person may have.
            classes: classes expected in a data unit, by data hash.
            below_too: people below the bar get tasks as well.

        Raises:
            AssignRefused, PlatformError, StoreError
        """
        submissions = submissions_of(self.scorer.store, self.scorer.projects.deployment)
        below = self.below_the_bar(submissions)
        queue = self._work.queue()
        load = Counter(task.assignee for task in queue)
        records = defaultdict(list)
        for one in submissions:
            if one.record.annotator is not None:
                records[one.record.annotator].append(one.record)
        workers = []
        for email in self._people(people):
            if email in below and not below_too:
                continue
            skills = {group.name: group.figures.f1.estimate or 0.0 for group in by_class(records[email], level=0.95)}
            mean = sum(skills.values()) / len(skills) if skills else 0.5
            workers.append(Worker(email, load[email], skills, mean))
        if not workers:
            raise AssignRefused("nobody is left to assign to: all of them are below the bar (--below-too takes them)")
        items = {row.data_hash: row.item_uuid or "" for row in task_rows(self.scorer.projects.encord, self._project)}
        met = {(email, one.identity.data_hash) for email, own in records.items() for one in own}
        met |= {(task.assignee, task.data_hash) for task in queue if task.assignee}
        met |= self._submitted({task.data_hash for task in queue})
        met |= {(email, items[unit]) for email, unit in met if items.get(unit)}
        waiting = [
            UnassignedTask(
                one.uuid,
                one.stage_uuid,
                one.data_hash,
                items.get(one.data_hash, ""),
                tuple((classes or {}).get(one.data_hash, ())),
            )
            for one in queue
            if not one.assignee
        ]
        found, nobody = distribute(waiting, workers, met, rule=rule, most=most)
        chosen = [AssignedTask(t.uuid, t.stage_uuid, t.data_hash, found[t.uuid]) for t in waiting if t.uuid in found]
        return AssignPlan(chosen, len(nobody), Counter(found.values()))

    def below_the_bar(self, submissions: Sequence[Submission]) -> set[str]:
        """People who get no tasks: those whom the report calls below the bar. Raises StoreError."""
        verdicts = verdicts_of(self.scorer.store, self.scorer.projects.deployment, submissions)
        return {person.annotator for person in verdicts.with_words("below the bar")}

    def take(self, plan: AssignPlan, *, operator: str) -> Action | None:
        """Assign what is still nobody's: recorded first, the queue read again just before. None: nothing to do.

        Raises:
            PlatformError, StoreError
        """
        free = {task.uuid for task in self._work.queue() if not task.assignee}
        tasks = [task for task in plan.tasks if task.uuid in free]
        if not tasks:
            return None
        log = ActionLog(self.scorer.store.database)
        entry = log.record(
            self._project,
            kind=KIND,
            operator=operator,
            subject=self.scorer.projects.production.title,
            reason=f"{len(tasks):,} waiting tasks assigned to {len({task.assignee for task in tasks}):,} people",
            facts={"tasks": [asdict(task) for task in tasks], "outcome": BEGUN},
        )
        self._work.assign(tasks)
        return log.settle(entry, DONE)

    def undo(self, action: Action) -> int:
        """Release the tasks that the same person still has; returns how many. The caller writes the action log."""
        has = {task.uuid: task.assignee for task in self._work.queue()}
        tasks = [AssignedTask(**one) for one in action.facts["tasks"]]
        still = [task for task in tasks if has.get(task.uuid) == task.assignee]
        self._work.release(still)
        return len(still)

    def _people(self, wanted: Sequence[str]) -> list[str]:
        from benchmark_qa.encord_api.catalogue import Catalogue  # noqa: PLC0415 - acting needs no catalogue

        roles = Catalogue(self.scorer.projects.encord).people(self._project)
        annotators = sorted(email for email, role in roles.items() if role.startswith("annotator"))
        unknown = [email for email in wanted if email not in roles]
        if unknown:
            raise AssignRefused(f"{unknown[0]!r} is not in the project: {did_you_mean(unknown[0], sorted(roles))}")
        return list(dict.fromkeys(wanted)) or annotators

    def _submitted(self, data_hashes: Collection[str]) -> set[tuple[str, str]]:
        """(e-mail, data hash) of parts that are submitted inside consensus blocks."""
        return self._work.submitted_by(sorted(data_hashes))

    @property
    def _project(self) -> str:
        return str(self.scorer.projects.deployment.production_project)

    @property
    def _work(self) -> PeoplesWork:
        return PeoplesWork(self.scorer.projects.encord, self._project)
