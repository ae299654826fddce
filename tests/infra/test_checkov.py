"""infra/ has no weak spot that is not explained: checkov, which looks for a thousand of them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.infra.terraform import ROOT, copy_of


def checkov(folder: Path, home: Path) -> Any:
    """What it finds in a folder of Terraform files; nothing is asked of anybody's servers."""
    own = Path(sys.prefix) / "checkov" / "bin" / "checkov"
    program = str(own) if own.exists() else shutil.which("checkov")
    if program is None:
        pytest.skip("SKIPPED: checkov is not installed (`make test` does it where it can be had)")
    done = subprocess.run(
        [program, "--directory", str(folder), "--framework", "terraform", "--skip-download", "--output", "json"],
        env={"PATH": os.environ["PATH"], "HOME": str(home)}, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr[-3000:]
    return json.loads(done.stdout)["results"]


@pytest.mark.parametrize(("name", "fewest"), [("aws", 80), ("gcp", 12)])
def test_what_checkov_finds_is_mended_or_explained_beside_it(name: str, fewest: int, tmp_path: Path) -> None:
    found = checkov(ROOT / "infra" / name, tmp_path)
    assert found["parsing_errors"] == []
    assert [(each["check_id"], each["check_name"], each["resource"]) for each in found["failed_checks"]] == []
    assert len(found["passed_checks"]) >= fewest
    unexplained = [
        (each["check_id"], each["resource"])
        for each in found["skipped_checks"]
        if len(each["check_result"].get("suppress_comment", "")) < len("see above")
        or each["check_result"]["suppress_comment"].startswith("No comment")
    ]
    assert unexplained == []


def test_a_queue_in_the_clear_and_a_database_for_everybody_would_be_found(tmp_path: Path) -> None:
    folder = copy_of("aws", tmp_path)
    for file, before, after in (
        ("queue.tf", "sqs_managed_sse_enabled", "# sqs_managed_sse_enabled"),
        ("database.tf", "publicly_accessible        = false", "publicly_accessible        = true"),
    ):
        text = (folder / file).read_text()
        assert before in text
        (folder / file).write_text(text.replace(before, after))
    failed = {each["check_id"] for each in checkov(folder, tmp_path)["failed_checks"]}
    assert {"CKV_AWS_27", "CKV_AWS_17"} <= failed
