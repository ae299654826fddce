"""`benchmark-qa score` as a person runs it: files in, table or JSON out, an exit code."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from benchmark_qa.cli import app
from tests.unit.rows import PEDESTRIAN_EDITOR, answer_row, box_row


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["score", *map(str, arguments)])


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_one_row_against_one_row_and_every_conflict_explained(tmp_path: Path) -> None:
    truth = write(tmp_path / "truth.json", box_row("image", [[0, 0, 100, 100], [500, 500, 100, 100]]))
    labels = write(tmp_path / "labels.json", box_row("image", [[0, 0, 100, 100], [800, 500, 100, 100]]))
    result = run(truth, labels, "--explain")
    assert result.exit_code == 0
    assert "missing pedestrian at frame 0" in result.stdout
    assert "spurious pedestrian at frame 0" in result.stdout


def test_by_creator_each_person_answers_for_their_own_labels_only(tmp_path: Path) -> None:
    row = box_row("image", [[0, 0, 100, 100], [500, 500, 100, 100]])
    objects = row["data_units"]["image"]["labels"]["objects"]
    objects[0]["createdBy"], objects[1]["createdBy"] = "a@example.com", "b@example.com"
    truth = write(tmp_path / "truth.json", box_row("image", [[0, 0, 100, 100], [500, 500, 100, 100]]))
    result = run(truth, write(tmp_path / "labels.json", row), "--by", "creator", "--json")
    people = json.loads(result.stdout)["annotators"]
    assert {person["annotator"]: person["true_positives"] for person in people} == {
        "a@example.com": 1,
        "b@example.com": 1,
    }


def test_labels_that_name_nobody_belong_to_the_only_person_that_the_row_names(tmp_path: Path) -> None:
    row = box_row("image", [[0, 0, 100, 100], [500, 500, 100, 100]])
    row["data_units"]["image"]["labels"]["objects"][0]["createdBy"] = "a@example.com"
    truth = write(tmp_path / "truth.json", box_row("image", [[0, 0, 100, 100], [500, 500, 100, 100]]))
    people = json.loads(run(truth, write(tmp_path / "labels.json", row), "--json").stdout)["annotators"]
    assert {person["annotator"]: person["true_positives"] for person in people} == {"a@example.com": 2}


def test_a_directory_of_exports_is_read_whole_and_csv_comes_out(tmp_path: Path) -> None:
    folder = tmp_path / "labels"
    folder.mkdir()
    for branch in ("first", "second"):
        write(folder / f"{branch}.json", answer_row("image", True, branch_name=branch))
    truth = write(tmp_path / "truth.json", answer_row("image", True))
    lines = run(truth, folder, "--format", "csv").stdout.splitlines()
    assert lines[0].startswith("annotator,tasks,")
    assert [line.split(",")[0] for line in lines[1:]] == ["first", "second"]


def test_an_ontology_of_ones_own_is_used_and_unknown_features_are_named(tmp_path: Path) -> None:
    row = box_row("image", [[0, 0, 100, 100]])
    truth, labels = write(tmp_path / "truth.json", row), write(tmp_path / "labels.json", row)
    ontology = write(tmp_path / "ontology.json", {"editor": PEDESTRIAN_EDITOR})
    assert run(truth, labels, "--ontology", ontology).exit_code == 0
    empty = write(tmp_path / "empty.json", {"objects": [], "classifications": []})
    result = run(truth, labels, "--ontology", empty)
    assert result.exit_code == 2
    assert "'PedestrX' is not in the ontology" in result.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("[1]", "item 0 is not a label row"),
        ("{}", "item 0 is not a label row"),
        ("[]", "no data unit of"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_fault(tmp_path: Path, content: str, words: str) -> None:
    labels = tmp_path / "labels.json"
    labels.write_text(content)
    result = run(write(tmp_path / "truth.json", answer_row("image", True)), labels)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "labels.json" in result.stderr


def test_faulty_rules_are_named_by_their_key(tmp_path: Path) -> None:
    row = write(tmp_path / "row.json", answer_row("image", True))
    result = run(row, row, "--config", write(tmp_path / "rules.json", {"iou_threshold": 2, "colour": "red"}))
    assert result.exit_code == 2
    assert "iou_threshold" in result.stderr
    assert "colour" in result.stderr


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_narrow_terminal_shows_names_whole_and_says_what_is_left_out(
    width: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmark_qa.commands.score_exports.command import Grouping, _print_table, _scored
    from benchmark_qa.terminal import printing

    name = "anna.kowalska-of-the-night-shift@labelling.example.com"
    truth = write(tmp_path / "truth.json", box_row("image", [[0, 0, 100, 100]]))
    labels = write(tmp_path / "labels.json", box_row("image", [[0, 0, 100, 100]], branch_name=name))
    tasks, _ = _scored(truth, labels, None, None, Grouping.BRANCH)
    narrow = printing.plain_console(width=width, force_terminal=True, color_system=None)
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(printing, "plain_console", lambda **_: narrow)
        _print_table(tasks, False, wide=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith(name)]
    assert [line for line in lines if len(line) > width] == []
    assert "F1 [95 %]" in "\n".join(lines)
    assert "1.0000 [" in "\n".join(lines)
    assert ("mean IoU" in "\n".join(lines[:2])) != ("--wide or --json shows all" in lines[-1])
