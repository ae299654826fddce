"""The verifier proves itself: of an emulator with one switch turned it finds that difference, and no other."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from emulator.__main__ import app
from emulator.ledger import read_ledger
from emulator.quickstart.sandbox import Places, write_sandbox
from emulator.testing import running
from emulator.verify.command import ALL_SO, DIFFERS, NOT_TRIED
from emulator.verify.observing import EXPECTED
from emulator.world import World

TURNED: dict[str, Any] = {
    "branch_author": "last_person",
    "consensus_approval": "main_stays",
    "consensus_branches_after_block": "hidden",
    "consensus_entered_again": "new_branches",
    "detached_labels": "kept",
    "largest_bundle": 5000,
    "moved_task_keeps_annotator": True,
    "priority_digits": 3,
    "reading_marks_in_progress": False,
    "rejected_task_keeps_annotator": False,
    "row_timestamps": "rfc_1123",
    "template_stage_uuids": "kept",
}


def verified(folder: Path, **switches: Any) -> tuple[int, str]:
    """Exit code and words of the command, run against an emulator with these switches."""
    write_sandbox(folder, Places("http://127.0.0.1:1", "http://127.0.0.1:2"))
    world = json.loads((folder / "world.json").read_text())
    with running(World.model_validate({**world, "switches": switches})) as served:
        ran = CliRunner().invoke(app, ["verify", str(folder), "--url", served.url])
    return ran.exit_code, ran.output


def about(output: str, word: str) -> list[str]:
    told = [line.removeprefix(word).split() for line in output.splitlines() if line.startswith(word)]
    return sorted(words[0].rstrip(":") for words in told)


def test_everything_is_as_the_ledger_says(tmp_path: Path) -> None:
    code, output = verified(tmp_path / "box")
    assert about(output, "as told") == sorted(EXPECTED)
    assert code == ALL_SO


@pytest.mark.parametrize("switch", TURNED)
def test_a_turned_switch_is_found_and_nothing_else(switch: str, tmp_path: Path) -> None:
    code, output = verified(tmp_path / "box", **{switch: TURNED[switch]})
    named = [behaviour.id for behaviour in read_ledger() if switch in behaviour.switches]
    assert about(output, "differs") == named
    assert about(output, "not tried") == []
    assert code == DIFFERS


def test_every_observation_has_a_switch_that_turns_it() -> None:
    turned = {b.id for b in read_ledger() if set(b.switches) & TURNED.keys()}
    assert turned == EXPECTED.keys()


def test_what_cannot_be_tried_is_told_with_the_reason(tmp_path: Path) -> None:
    write_sandbox(tmp_path / "box", Places("http://127.0.0.1:1", "http://127.0.0.1:2"))
    world = json.loads((tmp_path / "box" / "world.json").read_text())
    with running(World.model_validate({**world, "workflow_templates": []})) as served:
        ran = CliRunner().invoke(app, ["verify", str(tmp_path / "box"), "--url", served.url])
    assert ran.exit_code == NOT_TRIED
    assert about(ran.output, "not tried") == sorted(EXPECTED)
    assert "There is no workflow template" in ran.output


@pytest.mark.parametrize("url", ["https://api.encord.com", "http://10.0.0.1:80", "nonsense"])
def test_nothing_is_made_anywhere_but_on_this_machine(url: str, tmp_path: Path) -> None:
    write_sandbox(tmp_path / "box", Places("http://127.0.0.1:1", "http://127.0.0.1:2"))
    ran = CliRunner().invoke(app, ["verify", str(tmp_path / "box"), "--url", url])
    assert ran.exit_code == 2
    assert "not on this machine" in " ".join(ran.output.split())
