"""What must hold for any labels: symmetry, identity, bounds, order, renumbering, and ladders of damage."""

import copy
from typing import Any

from benchmark_qa.engine.task import score_task
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.labels.reader import read_label_row
from tests.unit import sdk_rows

ONTOLOGY = Ontology.from_editor(sdk_rows.editor())


def test_frames_of_a_video_may_be_renumbered_without_any_change() -> None:
    row = sdk_rows.video().to_encord_dict()
    labels = copy.deepcopy(row)
    emptied = list(labels["data_units"]["data"]["labels"].values())[::2]
    taken_out = sum(len(frame["objects"]) for frame in emptied)
    for frame in emptied:
        frame["objects"] = []

    def renumbered(content: dict[str, Any]) -> dict[str, Any]:
        moved = copy.deepcopy(content)
        unit = moved["data_units"]["data"]
        unit["labels"] = {str(int(n) + 10): frame for n, frame in unit["labels"].items()}
        for entry in (*moved["object_actions"].values(), *moved["classification_answers"].values()):
            for holder in (entry, *entry.get("actions", ())):
                if "range" in holder:
                    holder["range"] = [[s + 10, e + 10] for s, e in holder["range"]]
        return moved

    plain, moved = (
        score_task(read_label_row(a, ONTOLOGY), read_label_row(b, ONTOLOGY), ONTOLOGY)
        for a, b in ((row, labels), (renumbered(row), renumbered(labels)))
    )
    assert plain.objects.false_negatives == taken_out
    assert (moved.score, moved.objects, moved.attributes, moved.identity) == (
        plain.score,
        plain.objects,
        plain.attributes,
        plain.identity,
    )
