"""infra/aws/redrive.sh: what it asks of the AWS CLI, which is a program that writes its arguments down."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.infra.terraform import ROOT

SCRIPT = ROOT / "infra" / "aws" / "redrive.sh"
CLI = """#!/bin/sh
echo "$@" >> "$RECORD"
case "$2 $*" in
  get-queue-url*) echo "https://sqs.eu-west-1.amazonaws.com/123456789012/benchmark-qa-dead" ;;
  *QueueArn*) echo "arn:aws:sqs:eu-west-1:123456789012:benchmark-qa-dead" ;;
  *ApproximateNumberOfMessages*) echo "$WAITING" ;;
  receive-message*) printf '{"version":1,"kind":"drain"}\\t{"version":1,"kind":"drain"}\\n' ;;
esac
"""


def redrive(folder: Path, *arguments: str, waiting: str = "2") -> tuple[subprocess.CompletedProcess[str], list[str]]:
    program, record = folder / "aws", folder / "record"
    program.write_text(CLI)
    program.chmod(0o755)
    record.touch()
    environment = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "RECORD": str(record), "WAITING": waiting}
    done = subprocess.run(
        [str(SCRIPT), *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    return done, record.read_text().splitlines()


def test_the_jobs_that_were_given_up_move_back_to_their_queue(tmp_path: Path) -> None:
    done, asked = redrive(tmp_path, "--name", "qa", "--per-second", "3")
    assert done.returncode == 0, done.stderr
    assert "2 jobs have been given up" in done.stdout
    (moved,) = [line for line in asked if "start-message-move-task" in line]
    assert "--source-arn arn:aws:sqs:eu-west-1:123456789012:benchmark-qa-dead" in moved
    assert "--max-number-of-messages-per-second 3" in moved
    assert asked[0].startswith("sqs get-queue-url --queue-name qa-dead")


@pytest.mark.parametrize(("arguments", "waiting"), [(["--show"], "2"), ([], "0")])
def test_nothing_moves_when_it_only_shows_and_when_nothing_waits(
    arguments: list[str], waiting: str, tmp_path: Path
) -> None:
    done, asked = redrive(tmp_path, *arguments, waiting=waiting)
    assert done.returncode == 0, done.stderr
    assert not [line for line in asked if "start-message-move-task" in line]


def test_an_unknown_option_is_refused(tmp_path: Path) -> None:
    done, asked = redrive(tmp_path, "--nam", "qa")
    assert (done.returncode, asked) == (2, [])
    assert done.stderr.startswith("unknown option '--nam'")
