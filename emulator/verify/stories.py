"""Two stories that are told through the SDK alone: a consensus block, and a task that one person works on."""

import re
import warnings
from collections.abc import Callable, Set
from datetime import UTC, datetime, timedelta

from encord import Project
from encord.exceptions import InvalidArgumentsError
from encord.orm.analytics import TaskActionType
from encord.workflow.stages.agent import AgentStage

from emulator.verify.observing import (
    ONE_KEY,
    PEOPLE,
    PRIORITY,
    Ground,
    NotSoError,
    Observations,
    Story,
    boxes_of,
    draw,
    told,
)

MORE_THAN_A_BUNDLE = 1001
ORDER, QUEUED = "priorities.order", 3
TEMPLATES = {name for name in ONE_KEY if name.startswith("templates.")}


def observe(ground: Ground, seen: Observations, failed: dict[str, str], wanted: Set[str]) -> tuple[str, str]:
    """Fills in what is seen, and what could not be tried and why, by the ledger's id; returns both projects' hashes.

    `wanted`: the behaviours that are to be observed. What none of them needs is not made.
    """
    templates = wanted & TEMPLATES
    events = any(name.startswith("webhooks.") for name in wanted)
    needs_single, needs_block = (
        wanted & ONE_KEY.keys() - {ORDER} or events,
        wanted & PEOPLE.keys() or templates or events,
    )
    single = told(lambda: Story(ground, "single"), (*ONE_KEY, *PEOPLE), failed) if needs_single else None
    block = told(lambda: Story(ground, "block"), (*ONE_KEY, *PEOPLE), failed) if needs_block else None
    if block is not None and single is not None and templates:
        _templates(block, single, seen)
    if block is not None and (wanted & PEOPLE.keys() or "webhooks.parts" in wanted):
        told(lambda: _consensus(block, seen), PEOPLE, failed)
    if single is not None and (events or wanted & ONE_KEY.keys() - TEMPLATES):
        told(lambda: _metadata(single, seen), ["metadata.unchecked"], failed)
        told(lambda: _annotation(single, seen), ONE_KEY, failed)
    if ORDER in wanted:
        told(lambda: _order(Story(ground, "queue", QUEUED), seen), [ORDER], failed)
    hashes = ["" if story is None else str(story.project_hash) for story in (single, block)]
    return hashes[0], hashes[1]


def _templates(block: Story, single: Story, seen: Observations) -> None:
    """Two projects of one template are compared."""
    own, other = ({stage.uuid for stage in story.admin.workflow.stages} for story in (block, single))
    seen["templates.stage-uuids"] = "kept" if own == other else "new"
    of_block, of_single = (_pathways(story.admin) for story in (block, single))
    seen["templates.pathway-uuids"] = "the same" if of_block == of_single else "new"


def _pathways(project: Project) -> set[object]:
    stages = [stage for stage in project.workflow.stages if isinstance(stage, AgentStage)]
    return {pathway.uuid for stage in stages for pathway in stage.pathways}


def _metadata(story: Story, seen: Observations) -> None:
    """A key that no schema knows."""
    given = {"bqa-verify": "a key of no schema"}
    (item,) = story.folder.list_items()
    item.update(client_metadata=given)
    kept = story.ground.admin.get_storage_item(item.uuid).client_metadata
    seen["metadata.unchecked"] = "kept" if kept == given else f"not kept: {kept}"


def _order(story: Story, seen: Observations) -> None:
    """The last of some tasks gets a higher priority than the others."""
    stage = story.admin.workflow.get_stage(name="Route")
    first = [str(task.data_hash) for task in stage.get_tasks()]
    (row,) = story.admin.list_label_rows_v2(first[-1:])
    row.set_priority(0.9)
    then = [str(task.data_hash) for task in stage.get_tasks()]
    as_told = len(first) == QUEUED and then == [first[-1], *first[:-1]]
    seen[ORDER] = "by priority, then by entry" if as_told else f"{len(first)} tasks, then {len(then)} in another order"


def _consensus(story: Story, seen: Observations) -> None:
    """Everybody draws as many boxes as their number; the review sends them back once, then approves."""
    story.only(story.admin, "Route").proceed(pathway_name="Yes")
    _issues(story, seen)
    _draw_parts(story)
    before = set(story.branches())
    story.only(story.reviewer, "Review & Refine").reject()
    authors = {row.last_actioned_by_user_email for name, row in story.branches().items() if name in before}
    of_annotators = authors == set(_annotating(story, len(before)))
    seen["consensus.branch-author"] = "the annotators" if of_annotators else ", ".join(sorted(map(str, authors)))
    again = {part.label_branch_name for part in story.only(story.admin, "Consensus").subtasks}
    seen["consensus.entered-again"] = "the same branches" if again == before else "new branches"
    _draw_parts(story)
    task = story.only(story.reviewer, "Review & Refine")
    first = boxes_of(story.branches()[task.options[0].label_branch_name])
    task.approve()
    main = boxes_of(story.row()) if story.row().label_hash else 0
    seen["consensus.main-after-approval"] = "the first branch" if main == first else f"{main} boxes, not {first}"
    seen["analytics.actions"] = _told_submissions(story, 2 * len(again))
    still = [name for name in story.branches() if name in again]
    seen["consensus.branches-after-block"] = "listed" if len(still) == len(again) else "hidden"


def _issues(story: Story, seen: Observations) -> None:
    """An annotator raises an issue; who else reads it?"""
    comment = "bqa-verify: an issue"
    story.issues(list(story.annotators.values())[-1]).add_file_issue(comment, [])
    blind = [
        who
        for who, project in {story.ground.reviewer[0]: story.reviewer, **story.annotators}.items()
        if comment not in {one.content for issue in story.issues(project).list() for one in issue.comments}
    ]
    seen["issues.who"] = "everybody" if not blind else f"not {', '.join(blind)}"


def _told_submissions(story: Story, expected: int) -> str:
    now = datetime.now(UTC)
    stage = story.admin.workflow.get_stage(name="Consensus").uuid
    found = story.admin.get_task_actions(
        after=now - timedelta(days=1),
        before=now + timedelta(days=1),
        action_type=TaskActionType.SUBMIT,
        workflow_stage_uuid=stage,
        data_unit_uuid=story.row().data_hash,
    )
    number = len(list(found))
    return "told at once" if number == expected else f"{number} of {expected} submissions"


def _draw_parts(story: Story) -> None:
    """Everybody takes a part, or has one from before, draws as many boxes as their number, and submits."""
    parts = story.only(story.admin, "Consensus").subtasks
    if len(parts) > len(story.annotators):
        raise NotSoError(f"the block has {len(parts)} parts, and there are {len(story.annotators)} people")
    for number, (who, project) in enumerate(_annotating(story, len(parts)).items(), start=1):
        parts = story.only(project, "Consensus").subtasks
        # The admin sees everybody's parts.
        part = next(part for part in sorted(parts, key=lambda part: part.assignee != who) if _may_take(part, who))
        part.assign(who)
        (row,) = project.list_label_rows_v2(branch_name=part.label_branch_name)
        draw(row, number)
        part.submit()


def _annotating(story: Story, parts: int) -> dict[str, Project]:
    """Those who annotate when a block has so many parts."""
    return dict(list(story.annotators.items())[-parts:])


def _may_take(part: object, who: str) -> bool:
    return getattr(part, "assignee", None) in (None, who)


def _annotation(story: Story, seen: Observations) -> None:
    """One person draws, is sent back once, is approved; the task is moved back, the dataset detached and attached."""
    who, theirs = next(iter(story.annotators.items()))
    row = story.row()
    row.set_priority(PRIORITY)
    seen["priorities.digits"] = story.row().priority
    bundle = story.admin.create_bundle(bundle_size=MORE_THAN_A_BUNDLE)
    for _ in range(MORE_THAN_A_BUNDLE):
        row.set_priority(0.5, bundle=bundle)
    seen["bundles.largest"] = "refused" if _refused(bundle.execute) else "taken"
    story.only(story.admin, "Route").proceed(pathway_name="No")
    (mine,) = theirs.list_label_rows_v2()
    draw(mine, 2)
    story.only(theirs, "Annotate").submit()
    story.only(story.reviewer, "Review").reject()
    task = story.only(story.admin, "Annotate")
    seen["workflow.rejected-keeps-annotator"] = "the annotator" if task.assignee == who else "nobody"
    story.only(theirs, "Annotate").submit()
    story.only(story.reviewer, "Review").approve()
    story.row().initialise_labels()
    seen["labels.reading-marks-in-progress"] = _label_status(story.admin)
    seen["labels.row-timestamps"] = _form(story.admin, str(story.row().label_hash))
    annotate, complete = (story.admin.workflow.get_stage(name=name).uuid for name in ("Annotate", "Complete"))
    story.only(story.admin, "Complete").move(destination_stage_uuid=annotate)
    again = story.only(story.admin, "Annotate")
    seen["workflow.moved-task-loses-assignee"] = "nobody" if again.assignee is None else "the annotator"
    again.move(destination_stage_uuid=complete)
    story.admin.remove_datasets([story.dataset_hash])
    story.admin.add_datasets([story.dataset_hash])
    seen["datasets.detached-labels"] = "lost" if story.row().label_hash is None else "kept"


def _refused(do: Callable[[], None]) -> bool:
    try:
        do()
    except InvalidArgumentsError:
        return True
    return False


def _label_status(project: Project) -> str:
    """What the first generation of the SDK's listing says; the second refuses to."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        (row,) = project.list_label_rows()
    return str(row.label_status.value)


def _form(project: Project, label_hash: str) -> str:
    """How a raw row writes its moments."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        written = str(project.get_label_row(label_hash)["created_at"])
    if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", written):
        return "plain"
    return "rfc_1123" if re.fullmatch(r"\w{3}, .* (UTC|GMT)", written) else written
