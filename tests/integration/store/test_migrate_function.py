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


TWICE = """
import os
from benchmark_qa.config import aws_secrets
from benchmark_qa.service.aws_lambda import migrate
from benchmark_qa.store.schema import HEAD
import json
import sys

os.environ["SETTINGS_SECRET_ARN"] = "arn"
for url in sys.argv[1:]:
    aws_secrets._fetch = lambda arn, environment: json.dumps({"DATABASE_URL": url})
    assert migrate({}, None)["before"] is None, "another database"
"""


def test_a_function_that_is_still_warm_reads_its_secret_anew(tmp_path: Path) -> None:
    """Within minutes: the guide's `apply` with Encord's secrets follows the first."""
    done = subprocess.run(
        [sys.executable, "-c", TWICE, *(f"sqlite:///{tmp_path}/{name}.sqlite" for name in ("one", "other"))],
        env={"PATH": os.environ["PATH"], "_HANDLER": "benchmark_qa.service.aws_lambda.migrate"},
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
