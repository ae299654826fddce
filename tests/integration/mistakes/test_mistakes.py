"""Every mistake of docs/mistakes.md is answered with its message and its exit code; the page has them all."""

import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmark_qa.cli import app
from tests.integration.mistakes.situations import SECRETS, SITUATIONS, Situation
from tests.integration.service.sandbox import KEY, Sandbox, Unit, platform

PAGE = Path(__file__).parents[3] / "docs" / "mistakes.md"
OF_OTHERS = ("Traceback", "pydantic", "Extra inputs", "Input should", "Value error", "validation error", "sqlalche.me")
"""Words of libraries that help nobody"""
WORDS_AT_MOST = 90


class Answer(NamedTuple):
    """A row of the page."""

    command: str
    message: str
    code: int


def page() -> dict[str, Answer]:
    rows = re.findall(
        r"^\| ([^|]+) \| `([^`]+)` \| `(.+?)` \| (\d+) \| [^|]+ \|$", PAGE.read_text("utf-8"), re.MULTILINE
    )
    return {mistake: Answer(command, message, int(code)) for mistake, command, message, code in rows}


@pytest.fixture(scope="module")
def encord(pedestrians: dict[str, object]) -> Iterator[Sandbox]:
    with platform([Unit(pedestrians["images"][0])]) as emulator:  # type: ignore[index]
        yield emulator


def ran(situation: Situation, encord: Sandbox, monkeypatch: pytest.MonkeyPatch, folder: Path) -> int:
    """Exit code of the command in the test's own process, as `benchmark-qa` runs it."""
    for name, text in situation.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    settings = json.loads(encord.environment["BENCHMARK_QA_CONFIG"]) | dict(situation.settings)
    variables = {**encord.environment, "BENCHMARK_QA_CONFIG": json.dumps(settings), "COLUMNS": "200"}
    variables |= {"DATABASE_URL": f"sqlite:///{folder}/scores.sqlite", "NO_COLOR": "1", "TERM": "dumb"}
    for name, value in {**variables, **situation.variables}.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        elif os.environ.get(name) != value:
            monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as ended:
        app(shlex.split(situation.command), prog_name="benchmark-qa")
    return int(ended.value.code or 0)


@pytest.mark.parametrize("mistake", SITUATIONS)
def test_a_mistake_is_answered_as_the_page_says(
    mistake: str,
    encord: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    answer = page()[mistake]
    code = ran(SITUATIONS[mistake], encord, monkeypatch, tmp_path)
    written = capfd.readouterr()
    said = " ".join(re.sub("[│╭╮╰╯─]", " ", written.err + written.out).split())
    pattern = ".*".join(re.escape(part) for part in answer.message.split("…"))
    assert re.search(pattern, said), said
    assert code == answer.code
    assert [word for word in OF_OTHERS if word in said] == []
    assert [secret for secret in (*SECRETS, KEY.private) if secret in said] == []
    if code != 4:  # doctor lists every check
        assert len(said.split()) <= WORDS_AT_MOST, said


def test_the_page_has_these_mistakes_and_no_others() -> None:
    rows = page()
    assert set(rows) == set(SITUATIONS)
    assert len(rows) >= 40
    for mistake, answer in rows.items():
        assert f"benchmark-qa {SITUATIONS[mistake].command}".startswith(answer.command.removesuffix(" …")), mistake
