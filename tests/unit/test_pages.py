"""The pages are true: links lead somewhere, commands and options exist, and nothing is installed from an index."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from benchmark_qa.cli import ENTRIES, load
from benchmark_qa.terminal.failures import INCOMPLETE, PENDING, UNAVAILABLE, USAGE_ERROR
from emulator.__main__ import app as emulator
from tests.commands import commands as all_commands

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    {
        *ROOT.glob("docs/**/*.md"),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "emulator/README.md")),
    }
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NAMES = {str(page.relative_to(ROOT)): page for page in PAGES}


def prose(page: Path) -> str:
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in plain}


def commands(page: Path) -> Iterator[list[str]]:
    """The words of every command line in blocks of shell, without comment."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    fenced = re.findall(r"^```(?:sh|bash|console).*?\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    indented = re.findall(r"^ {4}(.*)$", text, re.MULTILINE)
    for line in [*(line.removeprefix("$ ") for block in fenced for line in block.splitlines()), *indented]:
        if not re.match(r"(benchmark-qa|make|python -m emulator) ", line):
            continue
        if not re.search(r"[\[\]{}|<>…]|\.\.\.", line.partition("#")[0]):
            yield shlex.split(line, comments=True)


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    page = NAMES[name]
    for target in LINK.findall(prose(page)):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{target}: no such file"
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), f"{target}: no such heading; there are {sorted(anchors(there))}"


@pytest.mark.parametrize("name", NAMES)
def test_every_command_and_option_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for program, *words in commands(NAMES[name]):
        if program == "make":
            named = [word for word in words if re.fullmatch(r"[a-z-]+", word)]
            assert set(named) <= targets, f"make {' '.join(words)}"
        elif program == "python":
            told = CliRunner().invoke(click_of_emulator(), [words[2], "--help"])
            assert told.exit_code == 0, told.output
            assert_options(told.output, words[3:])
        else:
            check_command(words)


def click_of_emulator() -> click.Command:
    from typer.main import get_command

    return get_command(emulator)


def check_command(words: list[str]) -> None:
    first, *rest = words
    if first.startswith("-"):
        return
    entry = next((entry for entry in ENTRIES if entry.name == first), None)
    assert entry is not None, f"no command {first}"
    command = load(entry)
    while (below := getattr(command, "commands", None)) and rest:
        assert rest[0] in below, f"{first} has no command {rest[0]}"
        command = below[rest.pop(0)]
    said = f"{first}: {' '.join(rest)}"
    try:
        if not {"--help", "--version"} & set(rest):
            command.make_context(first, list(rest))
    except click.exceptions.ClickException as error:
        pytest.fail(f"{said}: {error.format_message()}")
    except Exception as error:  # typer has a copy of click's errors
        if not hasattr(error, "format_message"):
            raise
        pytest.fail(f"{said}: {error.format_message()}")
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    given = {word.partition("=")[0] for word in rest if word.startswith("--")}
    assert given <= {*known, "--help"}, f"{' '.join(words)}: no option {given - known}"


def assert_options(told: str, words: list[str]) -> None:
    for word in words:
        assert not word.startswith("--") or word.partition("=")[0] in told, word


def test_nothing_is_installed_from_an_index_where_it_is_not_published() -> None:
    sources = [*PAGES, *ROOT.glob("agents/**/*.py"), *ROOT.glob("emulator/**/*.py")]
    at_fault = [str(one) for one in sources if re.search(r"install '?encord-benchmark", one.read_text("utf-8"))]
    assert at_fault == []


def test_the_readme_fits_one_screen_and_links_where_people_go_next() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= 65
    for page in ("docs/quick-start.md", "docs/architecture.md", "CONTRIBUTING.md", "docs/deploy-kubernetes.md"):
        assert f"({page})" in readme


def test_the_list_of_pages_has_every_page() -> None:
    listed = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = [page.name for page in (ROOT / "docs").glob("*.md") if page.name != "README.md"]
    assert [name for name in pages if f"({name})" not in listed] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_test_that_a_page_names_exists(name: str) -> None:
    there = {str(path.relative_to(ROOT / "tests")) for path in (ROOT / "tests").rglob("test_*.py")}
    named = re.findall(r"`(?:tests/)?((?:[\w/]+/)?test_\w+\.py)`", NAMES[name].read_text("utf-8"))
    assert [each for each in named if not any(f"/{path}".endswith(f"/{each}") for path in there)] == []


def test_the_reports_of_readme_and_quick_start_are_the_same() -> None:
    """The quick start's own test compares its report with one that is made."""
    blocks = [
        re.search(r"^annotator .*?(?=^```)", (ROOT / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)
        for page in ("README.md", "docs/quick-start.md")
    ]
    first, second = (block and block.group() for block in blocks)
    assert first
    assert first == second


QUESTIONS = {
    "What is it?": r"mix data units whose truth\s+you know into people's work",
    "For whom is it?": r"For teams that label in \[Encord\]",
    "What does it tell me?": r"precision,\s+recall, F1 and a verdict per person",
    "What does it need?": r"\| It needs \| Encord with workflows and custom agents",
    "How do I try it without an account?": r"make demo .*\n(?s:.*)quick start.* in 15 minutes",
    "How do I install it?": r"pip install \.",
    "How do I begin with my own projects?": r"benchmark-qa setup init",
    "What is wrong with my set-up?": r"benchmark-qa doctor",
    "What does it cost?": r"\| It costs \| nothing to use; to run about \$",
    "What does it not do?": r"\| It does not \| change labels",
    "What would I do without it?": r"\| Instead of \| two hand-written agents",
    "Has it been used in earnest?": r"\| Status \| .*not yet with a real account",
    "May I use it?": r"\| Licence \| \[Apache 2\.0\]",
}
"""What somebody asks who reads README from the top, and where it is answered"""


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_readme_answers(question: str) -> None:
    assert re.search(QUESTIONS[question], (ROOT / "README.md").read_text("utf-8"))


def test_exit_codes_in_help_are_those_of_the_table() -> None:
    page = (ROOT / "docs" / "mistakes.md").read_text("utf-8")
    table = {int(code) for code in re.findall(r"^\| (\d+) \| [^|]+ \|$", page, re.MULTILINE)}
    assert table == {0, 1, USAGE_ERROR, UNAVAILABLE, INCOMPLETE, PENDING, 130}
    told = set()
    for _, command in all_commands():
        sentence = re.search(r"Exit code (.*?)\.(?:\s|$)", " ".join((command.help or "").split()))
        told |= {int(code) for code in re.findall(r"\b(\d)\b(?! at| of)", sentence[1])} if sentence else set()
    assert {0, USAGE_ERROR, UNAVAILABLE, INCOMPLETE, PENDING} <= told <= table
