"""The commands of a guide: its fenced `sh` blocks in order, run by one shell, variables filled from one table."""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.infra.terraform import ROOT

_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_VARIABLE = re.compile(r"\{\{(\w+)\}\}")
_NOT_RUN = re.compile(r"^# not run by the test: (.+)\n")
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
DONE = "the-step-has-ended"


@dataclass(frozen=True)
class Step:
    """One block of commands."""

    heading: str
    commands: str
    reason: str | None
    """Why the test cannot run it; None: it can"""


def steps_of(page: Path) -> list[Step]:
    """The blocks of a page, in order."""
    text = page.read_text()
    steps = []
    for block in _BLOCK.finditer(text):
        heading = _HEADING.findall(text[: block.start()])[-1]
        said = _NOT_RUN.match(block[1])
        steps.append(Step(heading, block[1][said.end() :] if said else block[1], said[1] if said else None))
    return steps


def variables_of(page: Path) -> tuple[set[str], set[str]]:
    """The variables that a page's table explains, and those that its commands use."""
    rows = re.findall(r"^\| (`\{\{.+?) \|", page.read_text(), re.MULTILINE)
    explained = set(_VARIABLE.findall(" ".join(rows)))
    used = {name for step in steps_of(page) for name in _VARIABLE.findall(step.commands)}
    return explained, used


def filled(commands: str, values: Mapping[str, str]) -> str:
    """The commands with every variable's value."""
    return _VARIABLE.sub(lambda match: values[match[1]], commands)


def checkout(into: Path) -> Path:
    """A copy of the project's files, those that are not committed included."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout.decode()  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            (into / name).write_bytes((ROOT / name).read_bytes())
            (into / name).chmod((ROOT / name).stat().st_mode)
    for command in (["init", "--quiet"], ["commit", "--quiet", "--allow-empty", "--message", "The copy"]):
        subprocess.run(
            ["git", "-c", "user.name=test", "-c", "user.email=test@example.com", *command], cwd=into, check=True
        )
    return into


class Shell:
    """A shell that lasts from step to step, as a person's does; every step begins in the project's root."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-euo", "pipefail"],
            cwd=folder, env=dict(environment), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, commands: str) -> str:
        """What the commands print; an AssertionError with it where one of them fails."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"cd {self._folder}\n{commands}\necho {DONE}\n")
        self._process.stdin.flush()
        printed = []
        for line in self._process.stdout:
            if line.strip() == DONE:
                return "".join(printed)
            printed.append(line)
        raise AssertionError(f"failed: {commands}\n{''.join(printed)[-6000:]}")

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def recording_program(folder: Path, name: str, answers: str = "") -> Path:
    """A program that writes its arguments to `NAME.calls`, a line each call, and answers by a piece of shell."""
    program = folder / name
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> "{folder / name}.calls"\n{answers}\n')
    program.chmod(0o755)
    return folder / f"{name}.calls"


def plain_environment(programs: Path, home: Path, **more: str) -> dict[str, str]:
    """An environment without any account of this machine."""
    return {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "HOME": str(home), "LANG": "C.UTF-8", **more,
    }  # fmt: skip
