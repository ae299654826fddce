"""Checks that read the queues: which tasks wait, and whether there are people for them."""

from collections import Counter
from collections.abc import Iterator

from benchmark_qa.encord_api.catalogue import Catalogue
from benchmark_qa.encord_api.reviews import PeoplesWork
from benchmark_qa.tasks.checks import Finding
from benchmark_qa.tasks.projects import ServedProjects

ANNOTATING_ROLES = frozenset({"annotator", "annotator_reviewer"})


def check_queues(projects: ServedProjects) -> Iterator[Finding]:
    """Tasks that wait at agent stages, with the command that drains them. 1 request."""
    production = projects.production
    rows = projects.encord.label_rows(production.project_hash)
    waiting = Counter(row.stage_uuid for row in rows)
    scoring = {projects.stage(reference).uuid for reference in projects.deployment.stages.scoring}
    for stage in production.agent_stages():
        number = waiting[stage.uuid]
        if number:
            command = "evaluate" if stage.uuid in scoring else "route"
            yield Finding(
                f"queue of '{stage.title}'",
                True,
                f"{number} {'task waits' if number == 1 else 'tasks wait'} at this agent stage",
                f"if they stay: check the stage's agent and its URL; by hand: benchmark-qa {command}",
            )


def check_people(projects: ServedProjects) -> Iterator[Finding]:
    """Whether waiting consensus blocks have enough annotators. 2 requests, and 1 per block."""
    project_hash = projects.production.project_hash
    blocks = PeoplesWork(projects.encord, project_hash).blocks_waiting()
    if not blocks:
        return
    people = Catalogue(projects.encord).people(project_hash)
    annotators = sum(role in ANNOTATING_ROLES for role in people.values())
    for title in dict.fromkeys(block.stage for block in blocks):
        here = [block for block in blocks if block.stage == title]
        most = max(here, key=lambda block: block.parts)
        half_done = max(here, key=lambda block: block.submitted / max(block.parts, 1))
        state = (
            f"{len(here)} {'task waits' if len(here) == 1 else 'tasks wait'}; of '{half_done.data_title}' "
            f"{half_done.submitted} of {half_done.parts} annotators have submitted"
        )
        if annotators < most.parts:
            yield Finding(
                f"people for '{title}'",
                False,
                f"the block asks for {most.parts} annotators, the project has {annotators}; {state}",
                "add annotators to the production project, or lower the number of annotators in the workflow",
            )
        else:
            yield Finding(f"people for '{title}'", True, state)
