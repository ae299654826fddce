"""Stage queues against the plainest model there is: a list of what entered and has not left."""

from datetime import UTC, datetime
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from emulator.projects.world import AnnotationStageSpec
from emulator.workflow.tasks import StageQueue, Task

STAGE = AnnotationStageSpec(type="annotation", title="Annotate", next="Elsewhere")
NOW = datetime(2026, 1, 2, tzinfo=UTC)
DATASETS = ("one", "two")

Operations = st.lists(
    st.tuples(
        st.sampled_from(["enter", "enter", "leave", "prioritise"]), st.integers(0, 30), st.sampled_from(DATASETS)
    ),
    max_size=120,
)
Cursors = st.tuples(st.sampled_from([-inf, -1.0, -0.6, -0.5, -0.3, 0.0]), st.integers(0, 130))


def play(operations: list[tuple[str, int, str]]) -> tuple[StageQueue, list[Task]]:
    """A queue and the plain list after the same operations; who has left may come back."""
    queue, plain, away = StageQueue(STAGE.uuid), [], []
    for entry, (operation, number, dataset) in enumerate(operations, start=1):
        if operation == "enter":
            task = away.pop() if away and number % 2 else Task(f"data {entry}", dataset, "", STAGE, NOW, NOW)
            task.entry = entry
            queue.add(task)
            plain.append(task)
        elif plain and operation == "leave":
            task = plain.pop(number % len(plain))
            task.entry = -1
            queue.left(task)
            away.append(task)
        elif plain:
            task = plain[number % len(plain)]
            queue.prioritise(task, number / 30)
    return queue, sorted(plain, key=lambda task: (-task.priority, task.entry))


@given(Operations, Cursors)
def test_a_queue_lists_what_is_there_by_priority_and_entry_after_any_cursor(
    operations: list[tuple[str, int, str]], cursor: tuple[float, int]
) -> None:
    queue, plain = play(operations)
    assert list(queue.after(cursor)) == [task for task in plain if task.place > cursor]
    assert len(queue) == len(plain)


@given(Operations, st.lists(st.sampled_from([*DATASETS, "unknown"]), min_size=1, max_size=4))
def test_a_queue_by_dataset_is_the_queue_filtered(operations: list[tuple[str, int, str]], wanted: list[str]) -> None:
    queue, plain = play(operations)
    assert list(queue.after(dataset_hashes=wanted)) == [task for task in plain if task.dataset_hash in wanted]
