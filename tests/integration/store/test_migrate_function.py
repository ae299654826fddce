"""Bringing the tables up to date needs nothing but DATABASE_URL, in the image and on Lambda."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark_qa.store.database import Database
from benchmark_qa.store.schema import HEAD

FUNCTION = "from benchmark_qa.service.aws_lambda import migrate; print(migrate({}, None))"
COMMAND = "import sys; sys.argv = ['benchmark-qa', 'db', 'upgrade']; from benchmark_qa.cli import app; app()"


@pytest.mark.parametrize("code", [FUNCTION, COMMAND])
def test_the_database_is_brought_up_to_date_without_any_other_setting(tmp_path: Path, code: str) -> None:
    url = f"sqlite:///{tmp_path}/scores.sqlite"
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": url,
        "_HANDLER": "benchmark_qa.service.aws_lambda.migrate",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert HEAD in done.stdout
    database = Database(url)
    assert database.upgrade() == (HEAD, HEAD)
    database.close()
