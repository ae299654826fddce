"""The workflow under whatever people do to it, sensible or not: what must always hold, holds."""

import json
from collections import Counter
from typing import Any

from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from emulator.dumping import dump
from emulator.emulator import Emulator
from emulator.errors import PlatformError
from emulator.labels.models import Content
from emulator.projects.world import ConsensusStageSpec
from emulator.workflow.actions import Actions, move_tasks
from emulator.world import World

PEOPLE = {"ops@x": "admin", "anna@x": "annotator", "ben@x": "annotator", "rita@x": "reviewer", "vera@x": "viewer"}
PROJECT = "a1000000-0000-4000-8000-000000000000"
SENSIBLE = {
    "agent": ("PATHWAY_ACTION",) * 4,
    "annotation": ("SUBMIT", "SUBMIT", "ASSIGN", "RELEASE", "SKIP"),
    "consensus_annotation": ("SUBMIT", "SUBMIT", "SUBMIT", "ASSIGN", "RELEASE"),
    "review": ("APPROVE", "REJECT", "ASSIGN", "RELEASE"),
    "consensus_review": ("APPROVE", "REJECT", "ASSIGN", "RELEASE"),
}
TITLES = ("Routing", "Consensus", "Consensus review", "Annotate", "Review", "Complete")

WORLD: dict[str, Any] = {
    "users": [{"email": email} for email in PEOPLE],
    "ontologies": [{"title": "Nothing"}],
    "datasets": [
        {
            "hash": f"b{n}000000-0000-4000-8000-000000000000",
            "title": f"Dataset {n}",
            "data": [{"hash": f"d{n}000000-0000-4000-8000-00000000000{m}", "title": "x"} for m in range(2)],
        }
        for n in range(2)
    ],
    "projects": [
        {
            "hash": PROJECT,
            "title": "Project",
            "ontology": "Nothing",
            "datasets": ["Dataset 0", "Dataset 1"],
            "users": PEOPLE,
            "workflow": {
                "stages": [
                    {
                        "type": "agent",
                        "title": "Routing",
                        "pathways": [{"name": "Yes", "to": "Consensus"}, {"name": "No", "to": "Who"}],
                    },
                    {"type": "user_router", "title": "Who", "routes": [], "default": "Annotate"},
                    {"type": "consensus_annotation", "title": "Consensus", "annotators": 2, "next": "Consensus review"},
                    {"type": "consensus_review", "title": "Consensus review", "next": "Complete"},
                    {"type": "annotation", "title": "Annotate", "next": "Review"},
                    {"type": "review", "title": "Review", "next": "Complete"},
                    {"type": "complete"},
                ]
            },
        }
    ],
}


class WorkflowMachine(RuleBasedStateMachine):
    """A project of four tasks, and people who try everything."""

    def __init__(self) -> None:
        super().__init__()
        self.emulator = Emulator(World.model_validate_json(json.dumps(WORLD)))
        self.project = self.emulator.platform.projects[PROJECT]

    @property
    def flow(self) -> Any:
        return self.project.flow

    def state(self) -> dict[str, Any]:
        found = dump(self.emulator.platform).model_dump(mode="json")
        return {key: found[key] for key in ("projects", "labels")}

    @rule(
        who=st.sampled_from(["ops@x"] * 10 + list(PEOPLE)),
        pick=st.integers(0, 99),
        wanted=st.lists(
            st.tuples(st.integers(0, 7), st.integers(0, 99), st.sampled_from([*PEOPLE, None]), st.booleans()),
            min_size=1,
            max_size=2,
        ),
    )
    def act(self, who: str, pick: int, wanted: list[tuple[int, int, str | None, bool]]) -> None:
        busy = [uuid for uuid, queue in self.flow.queues.items() if len(queue)]
        if not busy:
            return
        stage = self.flow.graph.stages[busy[pick % len(busy)]]
        here = list(self.flow.queues[stage.uuid].after())
        uuids = [part.uuid for task in here for part in task.subtasks]
        if not isinstance(stage, ConsensusStageSpec):
            uuids = [task.uuid for task in here]
        # Mostly what fits the stage, and now and then a task of another stage or an action that nobody knows.
        uuids = [*uuids * 4, next(iter(self.flow.tasks))]
        names = (*SENSIBLE.get(stage.type, ()) * 2, "DANCE")
        actions = [
            {
                "taskUuid": uuids[index % len(uuids)],
                "action": names[name % len(names)],
                "assignee": assignee,
                "retainAssignee": retain,
                "pathwayName": "Yes" if index % 2 else "No",
            }
            for index, name, assignee, retain in wanted
        ]
        before = self.state()
        try:
            Actions(self.flow, stage, self.project.actor(who)).do(actions)
        except PlatformError:
            assert self.state() == before, "a bundle that is refused must change nothing"
        else:
            event(f"done at {stage.title}")

    @rule(index=st.integers(0, 3), title=st.sampled_from(TITLES), origin=st.sampled_from(TITLES))
    def move(self, index: int, title: str, origin: str) -> None:
        tasks = list(self.flow.tasks.values())
        graph = self.flow.graph
        if tasks:
            before = self.state()
            try:
                move_tasks(
                    self.flow,
                    graph.stages[graph.uuid_of(origin)],
                    [tasks[index % len(tasks)].uuid],
                    graph.uuid_of(title),
                    "ops@x",
                )
            except PlatformError:
                assert self.state() == before

    @rule(index=st.integers(0, 3), reopen=st.booleans())
    def complete_or_reopen(self, index: int, reopen: bool) -> None:
        tasks = list(self.flow.tasks.values())
        if tasks:
            task = tasks[index % len(tasks)]
            (self.flow.reopen if reopen else self.flow.complete)(task, "ops@x")

    @rule(number=st.integers(0, 1))
    def attach_or_detach(self, number: int) -> None:
        dataset = self.emulator.platform.datasets[f"b{number}000000-0000-4000-8000-000000000000"]
        if dataset.hash in self.project.datasets:
            self.project.detach(dataset.hash)
        else:
            self.project.attach(dataset, "ops@x")

    @rule(index=st.integers(0, 7))
    def label(self, index: int) -> None:
        rows = list(self.project.rows.all())
        if rows:
            row = self.project.rows.open(rows[index % len(rows)])
            self.project.rows.save(row, Content(), "ops@x")

    @invariant()
    def every_task_waits_at_exactly_one_stage(self) -> None:
        waiting = Counter(task.uuid for queue in self.flow.queues.values() for task in queue.after())
        assert waiting == Counter(list(self.flow.tasks))
        for uuid, queue in self.flow.queues.items():
            assert len(queue) == sum(1 for task in queue.after() if task.stage.uuid == uuid)

    @invariant()
    def every_data_unit_has_one_task_and_a_main_row(self) -> None:
        assert set(self.flow.by_data) == set(self.project.units)
        assert {task.data_hash for task in self.flow.tasks.values()} == set(self.project.units)
        for data_hash in self.project.units:
            assert next(iter(self.project.rows.branches(data_hash))).branch_name == "main"

    @invariant()
    def nobody_holds_two_parts_of_a_task(self) -> None:
        for task in self.flow.tasks.values():
            held = [part.assignee for part in task.subtasks if part.assignee is not None]
            assert len(held) == len(set(held))

    @invariant()
    def consensus_tasks_wait_for_a_part_that_is_not_submitted(self) -> None:
        for task in self.flow.tasks.values():
            if isinstance(task.stage, ConsensusStageSpec):
                assert len(task.subtasks) == task.stage.annotators
                assert not all(part.submitted for part in task.subtasks)

    def teardown(self) -> None:
        """What was dumped starts again in the same place."""
        world = dump(self.emulator.platform)
        again = dump(Emulator(World.model_validate_json(world.model_dump_json(by_alias=True))).platform)
        assert again.model_dump(mode="json") == world.model_dump(mode="json")


WorkflowMachine.TestCase.settings = settings(max_examples=50, stateful_step_count=50, deadline=None)
TestWorkflow = WorkflowMachine.TestCase
