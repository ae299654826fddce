"""Whatever several people do through the SDK, the emulator does what a few independent lines of rules say."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from encord import EncordUserClient, Project
from encord.exceptions import AuthorisationError, InvalidArgumentsError
from encord.objects import LabelRowV2
from encord.objects.coordinates import BoundingBoxCoordinates
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from emulator.keys import KeyPair
from emulator.testing import running
from emulator.world import World

from . import rules
from .conftest import CONSENSUS_WORKFLOW, ONTOLOGY, PROJECT
from .rules import ROLES, STAGES, Part, Refused, Task

OPS = "ops@example.com"
DATA = tuple(f"d0000000-0000-4000-8000-{n:012d}" for n in range(5))
KEYS = {email: KeyPair.generate() for email in ROLES}
WORLD = {
    "users": [{"email": email, "public_keys": [pair.public]} for email, pair in KEYS.items()],
    "ontologies": [{"title": "People", "editor": ONTOLOGY}],
    "datasets": [{"title": "Data", "data": [{"hash": data_hash, "title": data_hash} for data_hash in DATA]}],
    "projects": [
        {
            "hash": PROJECT,
            "title": "Project",
            "ontology": "People",
            "datasets": ["Data"],
            "users": ROLES,
            "workflow": CONSENSUS_WORKFLOW,
        }
    ],
}

people = st.sampled_from([*ROLES, OPS, OPS, "anna@example.com", "ben@example.com", "rita@example.com"])
places = st.integers(0, len(DATA) - 1)
parts = st.integers(0, 1)


class People(RuleBasedStateMachine):
    """Six people, five tasks, one emulator; the model says what each attempt must come to."""

    def __init__(self) -> None:
        super().__init__()
        self.serving = running(World.parse(json.dumps(WORLD)))
        url = self.serving.__enter__().url
        self.projects = {
            email: EncordUserClient.create_with_ssh_private_key(pair.private, domain=url).get_project(PROJECT)
            for email, pair in KEYS.items()
        }
        self.model = [Task() for _ in DATA]
        self.at: int | None = None
        """The task that the last step was about; None: all are looked at."""

    @initialize()
    def begin(self) -> None:
        """A task at each stage where people meet, and one at the beginning; what was drawn differs."""
        for at, pathway in enumerate(("Yes", "No", "Yes", "No")):
            self.proceed(OPS, at, pathway)
        for part, who in enumerate(("anna@example.com", "ben@example.com")):
            self.draw(who, 2, part, part + 1)
            self.submit(who, 2, part)
        self.draw("anna@example.com", 3, None, 2)
        self.submit("anna@example.com", 3, 0)
        assert [task.stage for task in self.model[:4]] == ["Consensus", "Annotate", "Review & Refine", "Review"]
        self.at = None

    def teardown(self) -> None:
        self.at = None
        self.every_task_is_where_the_rules_say_and_is_whose_they_say()
        self.every_branch_holds_what_was_saved_on_it()
        self.serving.__exit__(None, None, None)

    @property
    def ops(self) -> Project:
        return self.projects[OPS]

    def listed(self, task: Task) -> Any:
        """The task as the operator sees it."""
        data_hash = DATA[self.model.index(task)]
        (found,) = self.ops.workflow.get_stage(name=task.stage).get_tasks(data_hash=data_hash)
        return found

    def hold(self, who: str, task: Task, part: int | None) -> Any:
        """A task, or a part of it, in somebody's hands, whether they would be shown it or not."""
        self.at = self.model.index(task)
        found = self.listed(task)
        held = found if part is None else found.subtasks[part]
        held._workflow_client = self.projects[who].workflow.get_stage(name=task.stage)._workflow_client
        return held

    def both(self, expected: Callable[[], None], tried: Callable[[], object]) -> None:
        """Tries something, on the model and on the emulator: both do it or both refuse it."""
        before = copy.deepcopy(self.model)
        try:
            expected()
        except Refused:
            self.model = before
            event("refused")
            try:
                tried()
            except (AuthorisationError, InvalidArgumentsError):
                return
            raise AssertionError("the emulator has done what the rules refuse") from None
        event("done")
        tried()

    def part_of(self, task: Task, number: int) -> tuple[int | None, Part | None]:
        return (number, task.parts[number]) if task.stage == "Consensus" else (None, None)

    @rule(who=people, at=places, number=parts, to=people)
    def assign(self, who: str, at: int, number: int, to: str) -> None:
        task = self.model[at]
        if task.stage in ("Consensus", "Annotate", *rules.REVIEWS):
            index, part = self.part_of(task, number)
            held = self.hold(who, task, index)
            self.both(lambda: rules.assign(who, task, part, to), lambda: held.assign(to))

    @rule(who=people, at=places, number=parts)
    def release(self, who: str, at: int, number: int) -> None:
        task = self.model[at]
        if task.stage in ("Consensus", "Annotate", *rules.REVIEWS):
            index, part = self.part_of(task, number)
            held = self.hold(who, task, index)
            self.both(lambda: rules.release(who, task, part), held.release)

    @rule(who=people, at=places, number=parts)
    def submit(self, who: str, at: int, number: int) -> None:
        task = self.model[at]
        if task.stage in ("Consensus", "Annotate"):
            index, part = self.part_of(task, number)
            held = self.hold(who, task, index)
            self.both(lambda: rules.submit(who, task, part), held.submit)

    @rule(at=places, one=people, two=people)
    def submit_both_parts_in_a_bundle(self, at: int, one: str, two: str) -> None:
        """The operator hands a block's two parts to people and submits them, all of it or nothing."""
        task = self.model[at]
        if task.stage != "Consensus":
            return
        held = [self.hold(OPS, task, index) for index in range(2)]

        def expected() -> None:
            for part, to in zip(task.parts, (one, two), strict=True):
                rules.assign(OPS, task, part, to)
            for part in task.parts:
                rules.submit(OPS, task, part)

        def tried() -> None:
            with self.ops.create_bundle() as bundle:
                for part, to in zip(held, (one, two), strict=True):
                    part.assign(to, bundle=bundle)
                for part in held:
                    part.submit(bundle=bundle)

        self.both(expected, tried)

    @rule(who=people, at=places, good=st.booleans())
    def review(self, who: str, at: int, good: bool) -> None:
        task = self.model[at]
        if task.stage in rules.REVIEWS:
            held = self.hold(who, task, None)
            if good:
                self.both(lambda: rules.approve(who, task), held.approve)
            else:
                self.both(lambda: rules.reject(who, task), held.reject)

    @rule(who=people, at=places, pathway=st.sampled_from(["Yes", "Yes", "No", "Done", "yes"]))
    def proceed(self, who: str, at: int, pathway: str) -> None:
        task = self.model[at]
        if task.stage in rules.PATHWAYS:
            held = self.hold(who, task, None)
            self.both(lambda: rules.proceed(who, task, pathway), lambda: held.proceed(pathway_name=pathway))

    @rule(who=people, at=places, to=st.sampled_from(STAGES))
    def move(self, who: str, at: int, to: str) -> None:
        task = self.model[at]
        held, target = self.hold(who, task, None), self.ops.workflow.get_stage(name=to).uuid
        self.both(lambda: rules.move(who, task, to), lambda: held.move(destination_stage_uuid=target))

    @rule(who=people, at=places, number=st.sampled_from([None, 0, 1]), boxes=st.integers(0, 3))
    def draw(self, who: str, at: int, number: int | None, boxes: int) -> None:
        task = self.model[at]
        part = task.parts[number] if number is not None and task.parts else None
        branch = "main"
        if part is not None and number is not None:
            branch = self.branches(at)[number].branch_name
        if not self.sees(who, part):
            return
        self.at, mine = at, self.row(who, at, branch)

        def tried() -> None:
            mine.initialise_labels()
            for old in mine.get_object_instances():
                mine.remove_object(old)
            for n in range(boxes):
                box = mine.ontology_structure.objects[0].create_instance()
                corner = BoundingBoxCoordinates(height=0.1, width=0.1, top_left_x=0.1 * n, top_left_y=0.1)
                box.set_for_frames(corner, frames=0)
                mine.add_object_instance(box)
            mine.save()

        self.both(lambda: rules.draw(who, task, part, boxes), tried)

    def sees(self, who: str, part: Part | None) -> bool:
        """Annotators are not shown each other's branches."""
        return part is None or ROLES[who] != "annotator" or part.assignee in (None, who)

    def row(self, who: str, at: int, branch: str) -> LabelRowV2:
        (found,) = self.projects[who].list_label_rows_v2(data_hashes=[DATA[at]], branch_name=branch)
        return found

    def branches(self, at: int) -> list[LabelRowV2]:
        """The consensus branches of a data unit, in the order of its parts."""
        rows = self.ops.list_label_rows_v2(data_hashes=[DATA[at]], include_all_label_branches=True)
        return [row for row in rows if row.branch_name != "main"]

    def looked_at(self) -> list[int]:
        return [*range(len(DATA))] if self.at is None else [self.at]

    @invariant()
    def every_task_is_where_the_rules_say_and_is_whose_they_say(self) -> None:
        for task in [self.model[at] for at in self.looked_at()]:
            found = self.listed(task)
            if task.stage == "Consensus":
                assert [(p.assignee, p.status.value == "COMPLETED") for p in found.subtasks] == [
                    (part.assignee, part.submitted) for part in task.parts
                ]
            elif task.stage not in ("Complete", "Routing", "Score"):
                assert found.assignee == task.assignee
            if task.stage == "Review & Refine":
                assert [option.annotator for option in found.options] == [part.assignee or "" for part in task.parts]

    @invariant()
    def every_branch_holds_what_was_saved_on_it(self) -> None:
        for at in self.looked_at():
            task = self.model[at]
            rows = [self.row(OPS, at, "main"), *self.branches(at)]
            expected = [task.boxes, *(part.boxes for part in task.parts)]
            for row, boxes in zip(rows, expected, strict=True):
                if row.label_hash is None:
                    assert not boxes
                    continue
                row.initialise_labels()
                assert len(row.get_object_instances()) == (boxes or 0)

    @invariant()
    def annotators_are_shown_what_is_theirs_or_nobodys(self) -> None:
        for who in ("anna@example.com", "ben@example.com"):
            workflow = self.projects[who].workflow
            shown = {str(t.data_hash) for t in workflow.get_stage(name="Annotate").get_tasks()}
            assert shown == {
                DATA[at]
                for at, task in enumerate(self.model)
                if task.stage == "Annotate" and task.assignee in (None, who)
            }
            blocks = {str(t.data_hash) for t in workflow.get_stage(name="Consensus").get_tasks()}
            assert blocks == {
                DATA[at]
                for at, task in enumerate(self.model)
                if task.stage == "Consensus" and any(part.assignee in (None, who) for part in task.parts)
            }


People.TestCase.settings = settings(
    max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestPeople = People.TestCase
