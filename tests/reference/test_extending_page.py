"""The worked examples of `docs/extending.md`, made in a copy of the package and run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python \{(?P<head>[^\n]*)\}\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: its attributes, and its text."""

    head: str
    body: str

    def attribute(self, name: str) -> str | None:
        found = re.search(name + r'="((?:[^"\\]|\\.)*)"', self.head)
        return found.group(1).replace('\\"', '"') if found else None


def test_the_examples_work_as_written(tmp_path: Path) -> None:
    copy = tmp_path / "agents"
    shutil.copytree(ROOT / "agents", copy, ignore=shutil.ignore_patterns("__pycache__"))
    blocks = [Block(**found.groupdict()) for found in BLOCK.finditer((ROOT / "docs" / "extending.md").read_text())]
    ran = 0
    for block in blocks:
        file = block.attribute("file")
        if file is not None:
            edit(tmp_path / file, block.attribute("after"), block.body)
            continue
        environment = {**os.environ, "PYTHONPATH": f"{copy}{os.pathsep}{ROOT}"}
        done = subprocess.run(
            [sys.executable, "-c", block.body],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
        ran += 1
    assert ran == 3


def edit(file: Path, after: str | None, text: str) -> None:
    """Write a new file, or add lines below the one line that is `after`."""
    if after is None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return
    lines = file.read_text().splitlines(keepends=True)
    (at,) = [number for number, line in enumerate(lines) if line.rstrip("\n") == after]
    file.write_text("".join([*lines[: at + 1], text, *lines[at + 1 :]]))
