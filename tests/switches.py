"""The guesses about Encord turned one by one, and the tests marked `encord` run under each: `make switches`.

What a turned switch breaks stands in BREAKS; these tests are then expected to fail, every one, and no other.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
VARIABLE = "EMULATOR_SWITCHES"

# The other reading of every switch; of amounts, one that is far from ours.
TURNED: dict[str, Any] = {
    "agent_concurrency": 1,
    "agent_retry_after": "obeyed",
    "agent_timeout_seconds": 20,
    "auto_retries": 0,
    "auto_retry_delay_seconds": 2,
    "branch_author": "last_person",
    "consensus_approval": "main_stays",
    "consensus_branches_after_block": "hidden",
    "consensus_entered_again": "new_branches",
    "detached_labels": "kept",
    "largest_bundle": 5000,
    "moved_task_keeps_annotator": True,
    "priority_digits": 6,
    "reading_marks_in_progress": False,
    "rejected_task_keeps_annotator": False,
    "row_timestamps": "rfc_1123",
    "signature_headers": "both",
    "submitted_event_type": "task_sumbitted_event",
    "template_stage_uuids": "kept",
    "upload_job_seconds": 1,
    "webhook_hashes": "string",
    "webhook_moves": False,
    "webhook_parts": False,
}

# Tests that fail when Encord is as the switch says, with parameters where only some do. See `docs/guesses.md`.
_BREAKS: dict[str, dict[str, list[str]]] = {
    "branch_author": {
        "setup/test_from_empty_to_scored.py": [
            "test_from_an_empty_encord_to_a_scored_production_project",
        ],
    },
    "consensus_branches_after_block": {
        "export/test_consensus.py": [
            "test_the_world_has_branches_that_an_export_could_take_by_mistake",
        ],
        "reporting/test_analytics.py": [
            "test_the_command_asks_once_and_later_reports_know_from_the_database",
        ],
        "service/test_bundles.py": [
            "test_every_data_unit_is_given_once_and_after_it_was_recorded",
            "test_rows_far_larger_than_those_before_are_asked_for_by_halves",
            "test_what_was_scored_before_encord_went_away_is_recorded",
        ],
        "service/test_one_bad_task.py": [
            "test_a_class_that_is_added_in_front_of_the_others_changes_no_score",
            "test_a_label_row_that_encord_never_returns_holds_up_no_other_task"
            "[32ece626-37eb-534b-ac45-298c884a47a8-the labels on branch]",
        ],
        "service/test_rescore.py": [
            "test_another_accepted_answer_makes_its_author_right_until_it_is_withdrawn",
            "test_scores_against_truth_that_has_changed_are_stale_until_new_ones_count",
            "test_what_has_not_changed_is_not_scored_again_and_changed_rules_are",
        ],
        "setup/test_from_empty_to_scored.py": [
            "test_from_an_empty_encord_to_a_scored_production_project",
        ],
    },
}
BREAKS = {
    switch: frozenset(f"tests/integration/{file}::{test}" for file, tests in files.items() for test in tests)
    for switch, files in _BREAKS.items()
}


def broken() -> frozenset[str]:
    """The tests that are to fail under the switches of the environment."""
    switches = json.loads(os.environ.get(VARIABLE) or "{}")
    turned = [name for name, value in switches.items() if TURNED.get(name) == value]
    return frozenset().union(*(BREAKS.get(name, frozenset()) for name in turned))


def marked_files() -> list[str]:
    """The files with marked tests: to import all the others takes longer than to run these."""
    files = sorted((ROOT / "tests" / "integration").rglob("test_*.py"))
    return [str(path) for path in files if "pytest.mark.encord" in path.read_text(encoding="utf-8")]


def main(names: list[str], say: Callable[[str], None]) -> int:
    """Runs the marked tests under each of these switches, or all; says which are not as expected."""
    unlike = []
    for name in names or TURNED:
        began = time.monotonic()
        environment = {**os.environ, VARIABLE: json.dumps({name: TURNED[name]})}
        command = [sys.executable, "-m", "pytest", "-q", "-m", "encord", "-p", "no:cacheprovider", *marked_files()]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT, check=False)
        said = ran.stdout.strip().splitlines() or ran.stderr.strip().splitlines()
        say(f"{name}={TURNED[name]}: {said[-1]} ({time.monotonic() - began:.0f} s)")
        for line in said:
            if line.startswith(("FAILED ", "ERROR ")):
                say(f"  {line}")
        if ran.returncode:
            unlike.append(name)
    say(f"not as BREAKS says: {', '.join(unlike)}" if unlike else "every switch is as BREAKS says")
    return 1 if unlike else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], lambda line: print(line, flush=True)))  # noqa: T201
