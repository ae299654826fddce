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

# Tests, without their parameters, that fail when Encord is as the switch says. `docs/guesses.md` tells what that means.
BREAKS: dict[str, frozenset[str]] = {}


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
