"""A part of the tests that dies or hangs fails by the name of its test, and the others go on."""

from pathlib import Path

import pytest

from tests.parts import Part, run_all

DIES = "import os\ndef test_that_dies(): os._exit(0)\n"
HANGS = "import threading\ndef test_that_hangs(): threading.Event().wait()\n"
LEAVES = (
    "import subprocess, sys\ndef test_x(): subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
)
"""A process that holds the output open: nobody may wait for it."""
PASSES = "def test_that_passes(): pass\n"
CONFTEST = "from tests.conftest import pytest_runtest_logstart, pytest_unconfigure\n"


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("text", "at"), [(DIES, "that_dies"), (HANGS, "that_hangs")], ids=["dies", "hangs"])
def test_a_part_that_does_not_end_well_fails_and_the_others_go_on(tmp_path: Path, text: str, at: str) -> None:
    parts = []
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    for name, test in (("bad", text), ("leaves", LEAVES), ("good", PASSES)):
        (tmp_path / f"test_{name}.py").write_text(test, encoding="utf-8")
        parts.append(Part(name, (str(tmp_path / f"test_{name}.py"),)))
    said: list[str] = []
    code = run_all(parts, ["-q", "-p", "no:schemathesis"], said.append, longest=20)
    assert code == 1
    *_, failed, counted = said
    assert failed.startswith("bad: FAILED: it ended in the middle of ")
    assert at in failed
    assert counted == "2 passed in 3 parts, 1 not passed"
    if text == HANGS:
        assert any("in test_that_hangs" in block for block in said), "where the threads were"
