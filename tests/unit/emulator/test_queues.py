"""Stage queues against the plainest model there is: a list of what entered and has not left."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from emulator.workflow.tasks import StageQueue, Task
from emulator.world import AnnotationStageSpec

STAGE = AnnotationStageSpec(type="annotation", title="Annotate", next="Elsewhere")
NOW = datetime(2026, 1, 2, tzinfo=UTC)
DATASETS = ("one", "two")

Operations = st.lists(
    st.tuples(st.sampled_from(["enter", "leave"]), st.integers(0, 30), st.sampled_from(DATASETS)), max_size=120
)


def play(operations: list[tuple[str, int, str]]) -> tuple[StageQueue, list[Task]]:
    """A queue and the plain list after the same operations; who has left may come back."""
    queue, plain, away = StageQueue(STAGE.uuid), [], []
    for entry, (operation, number, dataset) in enumerate(operations, start=1):
        if operation == "enter":
            task = away.pop() if away and number % 2 else Task(f"data {entry}", dataset, "", STAGE, NOW, NOW)
            task.entry = entry
            queue.add(task)
            plain.append(task)
        elif plain:
            task = plain.pop(number % len(plain))
            task.entry = -1
            queue.left(task)
            away.append(task)
    return queue, plain


@given(Operations, st.integers(0, 130))
def test_a_queue_lists_what_is_there_in_order_of_entry_after_any_cursor(
    operations: list[tuple[str, int, str]], cursor: int
) -> None:
    queue, plain = play(operations)
    assert list(queue.after(cursor)) == [task for task in plain if task.entry > cursor]
    assert len(queue) == len(plain)


@given(Operations, st.lists(st.sampled_from([*DATASETS, "unknown"]), min_size=1, max_size=4))
def test_a_queue_by_dataset_is_the_queue_filtered(operations: list[tuple[str, int, str]], wanted: list[str]) -> None:
    queue, plain = play(operations)
    assert list(queue.after(0, wanted)) == [task for task in plain if task.dataset_hash in wanted]
