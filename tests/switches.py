"""The guesses about Encord turned one by one, and the tests marked `encord` run under each: `make switches`.

What a turned switch breaks stands in BREAKS; these tests are then expected to fail, every one, and no other.

A test during which the emulator never reads a switch cannot depend on it, and is not run under it. Which tests read
which switch stands in `switch_reads.json`. Every test compares what it reads with that file;
`python -m tests.switches --record` writes it anew.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import chain, groupby
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
VARIABLE = "EMULATOR_SWITCHES"
READS = ROOT / "tests" / "switch_reads.json"
RECORD = "RECORD_SWITCH_READS"
"""Environment variable: a file that gets what each test reads, in place of the comparison."""

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
    "consensus_branches_after_block": {
        "export/test_consensus.py": [
            "test_the_world_has_branches_that_an_export_could_take_by_mistake",
        ],
        "reporting/test_analytics.py": [
            "test_the_command_asks_once_and_later_reports_know_from_the_database",
        ],
        "service/test_bundles.py": [
            "test_rows_far_larger_than_those_before_are_asked_for_by_halves",
            "test_what_comes_back_from_a_worker_process_is_small_however_much_was_wrong",
            "test_what_was_scored_before_encord_went_away_is_recorded",
        ],
        "service/test_notifications.py": [
            "test_a_notification_scores_and_sends_on_what_waits",
        ],
        "service/test_one_bad_task.py": [
            "test_a_class_that_is_added_in_front_of_the_others_changes_no_score",
            "test_a_label_row_that_encord_never_returns_holds_up_no_other_task",
            "test_a_label_row_that_is_no_json_is_refused_alone",
            "test_a_label_row_that_is_too_large_is_refused_alone_and_not_asked_for_again_at_once",
            "test_earlier_scores_larger_than_the_server_may_read_at_once_are_left_to_a_worker",
            "test_labels_that_cannot_be_scored_hold_up_no_other_task",
        ],
        "service/test_rescore.py": [
            "test_an_event_about_truth_that_has_not_changed_leaves_nothing_stale",
            "test_another_accepted_answer_makes_its_author_right_until_it_is_withdrawn",
            "test_scores_against_truth_that_has_changed_are_stale_until_new_ones_count",
            "test_what_has_not_changed_is_not_scored_again_and_changed_rules_are",
        ],
        "service/test_scoring.py": [
            "test_a_first_score_costs_three_requests_whatever_the_branches_and_a_repeat_one",
            "test_a_match_exactly_on_the_threshold_counts",
            "test_an_empty_submitted_row_is_an_answer_and_an_unsubmitted_one_is_not",
            "test_encord_moves_the_task_by_the_decision_when_it_calls_itself",
            "test_every_branch_is_scored_under_its_annotators_name",
            "test_the_answer_tells_nothing_of_the_truth",
            "test_what_the_calls_missed_is_scored_and_sent_on_by_hand",
            "test_without_finished_ground_truth_the_task_waits_and_says_where_the_truth_stands",
        ],
        "service/test_truth.py": [
            "test_a_worker_scores_against_the_truth_that_the_server_was_told_has_changed",
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


_read: set[str] = set()
"""Switches that the emulator has read since the last test."""
_not_turned: set[str] = set()
"""Switches that the environment turns, and a world has set otherwise."""
_begun: set[str] = set()
"""Files whose tests have begun."""
_read_by_fixtures: dict[str, set[str]] = {}
"""Switches read while fixtures of a whole file were made, by file."""


@cache
def note_reads() -> None:
    """From now on every reading of a switch is noted."""
    from emulator.world import Switches  # most tests need no emulator

    names, read = frozenset(Switches.model_fields), Switches.__getattribute__

    turned = json.loads(os.environ.get(VARIABLE) or "{}")

    def noting(self: Switches, name: str) -> Any:
        value = read(self, name)
        if name in names:
            _read.add(name)
            if turned.get(name, value) != value:
                _not_turned.add(name)
        return value

    Switches.__getattribute__ = noting  # type: ignore[method-assign]


def known_reads() -> dict[str, list[str]]:
    """The switches that a test reads, by its node id without parameters."""
    found: dict[str, list[str]] = json.loads(READS.read_text(encoding="utf-8"))
    return found


def forget_reads() -> None:
    """What was read until now belongs to no marked test."""
    _read.clear()


def begin_file_of(node: str) -> None:
    """Forget what the fixtures of the file before have read at their end."""
    file = node.partition("::")[0]
    if file not in _begun:
        _begun.add(file)
        _read.clear()


@contextmanager
def reads_noted(node: str) -> Iterator[None]:
    """Notes what the test in the block reads, with what the fixtures of its file have read.

    Raises:
        AssertionError: a switch that `switch_reads.json` does not know of the test, or that a world keeps as it is.
    """
    test = node.partition("[")[0]
    of_file = _read_by_fixtures.setdefault(test.partition("::")[0], set())
    of_file |= _read
    _read.clear()
    yield
    read = sorted(of_file | _read)
    _read.clear()
    assert not _not_turned, f"the world sets {', '.join(sorted(_not_turned))}: the other reading is not tried"
    if record := os.environ.get(RECORD):
        with Path(record).open("a", encoding="utf-8") as file:
            file.write(json.dumps([test, read]) + "\n")
    elif not os.environ.get(VARIABLE):
        unknown = set(read) - set(known_reads().get(test, ()))
        assert not unknown, f"reads {', '.join(sorted(unknown))}: run python -m tests.switches --record"


def marked_files() -> list[str]:
    """The files with marked tests: to import all the others takes longer than to run these."""
    files = sorted((ROOT / "tests" / "integration").rglob("test_*.py"))
    return [str(path) for path in files if "pytest.mark.encord" in path.read_text(encoding="utf-8")]


def _pytest(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-m", "encord", "-p", "no:cacheprovider", "-p", "no:schemathesis"]
    return subprocess.run(
        [*command, *arguments], env={**os.environ, **environment}, capture_output=True, text=True, cwd=ROOT, check=False
    )


def _in_two(tests: Sequence[str], environment: dict[str, str]) -> list[subprocess.CompletedProcess[str]]:
    """The tests in two processes, those of a file together."""
    halves: tuple[list[str], list[str]] = ([], [])
    for _, of_file in groupby(sorted(tests), lambda test: test.partition("::")[0]):
        min(halves, key=len).extend(of_file)
    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(lambda half: _pytest(*half, environment=environment), filter(None, halves)))


def record(say: Callable[[str], None]) -> int:
    """Runs every marked test and writes which switches each reads."""
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "reads"
        ran = _pytest(*marked_files(), environment={RECORD: str(lines)})
        found: dict[str, set[str]] = {}
        for line in lines.read_text(encoding="utf-8").splitlines():
            test, read = json.loads(line)
            found.setdefault(test, set()).update(read)
    READS.write_text(
        json.dumps({test: sorted(found[test]) for test in sorted(found)}, indent=1) + "\n", encoding="utf-8"
    )
    say(ran.stdout.strip().splitlines()[-1])
    return ran.returncode


def main(names: list[str], say: Callable[[str], None]) -> int:
    """Runs the marked tests that read it under each of these switches, or all; says which are not as expected."""
    unlike, reads = [], known_reads()
    for name in names or TURNED:
        began, before = time.monotonic(), os.times()
        tests = [test for test, read in reads.items() if name in read]
        ran = _in_two(tests, {VARIABLE: json.dumps({name: TURNED[name]})})
        said = [(one.stdout.strip() or one.stderr.strip()).splitlines() for one in ran]
        after = os.times()
        processor = after.children_user + after.children_system - before.children_user - before.children_system
        say(
            f"{name}={TURNED[name]}: {' and '.join(lines[-1] for lines in said)} ({len(tests)} of {len(reads)} tests, "
            f"{time.monotonic() - began:.0f} s, {processor:.0f} s of processor)"
        )
        for line in chain.from_iterable(said):
            if line.startswith(("FAILED ", "ERROR ")):
                say(f"  {line}")
        if any(one.returncode for one in ran):
            unlike.append(name)
    say(f"not as BREAKS says: {', '.join(unlike)}" if unlike else "every switch is as BREAKS says")
    return 1 if unlike else 0


if __name__ == "__main__":
    words = sys.argv[1:]

    def say(line: str) -> None:
        print(line, flush=True)  # noqa: T201

    sys.exit(record(say) if words == ["--record"] else main(words, say))
