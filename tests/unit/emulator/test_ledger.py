"""The ledger is true: its tests and switches exist, its evidence is named, and the README shows it."""

import ast
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from emulator.errors import WorldError
from emulator.ledger import BEGIN, END, Behaviour, read_ledger, record, table, write, written
from emulator.world import Switches

ROOT = Path(__file__).parents[3]
BEHAVIOURS = read_ledger()


@cache
def functions_of(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.id)
def test_the_check_of_every_behaviour_is_a_test(behaviour: Behaviour) -> None:
    path, _, name = behaviour.check.partition("::")
    assert (ROOT / path).is_file()
    assert name in functions_of(ROOT / path)


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.id)
def test_evidence_names_a_file_or_an_address(behaviour: Behaviour) -> None:
    if behaviour.source == "live":
        assert (ROOT / "emulator" / str(behaviour.evidence)).is_file()
        return
    if behaviour.source != "sdk":
        assert behaviour.evidence is None or behaviour.evidence.startswith("https://")
        return
    import encord
    import encord_agents

    package, _, named = str(behaviour.evidence).partition(", ")
    module = {"encord 0.1.211": encord, "encord-agents 0.2.10": encord_agents}[package]
    path, _, symbol = named.partition(" (")
    file = Path(str(module.__file__)).parent / path
    assert file.is_file()
    assert symbol.rstrip(")") in file.read_text(encoding="utf-8")


def test_every_switch_has_a_behaviour_and_every_named_switch_exists() -> None:
    named = {switch for behaviour in BEHAVIOURS for switch in behaviour.switches}
    assert named == set(Switches.model_fields)


def test_the_readme_has_the_table() -> None:
    readme = ROOT / "emulator" / "README.md"
    assert written(readme) == table(BEHAVIOURS, datetime.now(UTC).date()), (
        "run: python -m emulator ledger --write emulator/README.md"
    )


def test_the_readme_names_every_switch_with_its_default() -> None:
    readme = (ROOT / "emulator" / "README.md").read_text(encoding="utf-8")
    text = readme.partition("## Switches")[2].partition("\n## ")[0]
    for name in Switches.model_fields:
        assert f"`{name}`" in text


def behaviour(**changes: Any) -> dict[str, Any]:
    return {
        "id": "a.b",
        "what": "It is so.",
        "matters": "It matters.",
        "source": "assumed",
        "check": "tests/unit/test_x.py::test_y",
        **changes,
    }


def test_the_table_says_how_old_a_verdict_is_and_begins_with_what_is_assumed() -> None:
    day = date(2026, 1, 1)
    live = {"source": "live", "evidence": "emulator/evidence/x.json", "date": day}
    found = [
        Behaviour.model_validate(behaviour(id="a.live", what="Live.", **live)),
        Behaviour.model_validate(behaviour(id="a.differs", what="Other.", differs=True, **live)),
        Behaviour.model_validate(behaviour(id="a.assumed", what="Assumed.")),
    ]
    shown = table(found, date(2026, 6, 30))
    assert "2 held against the platform" in shown
    assert "1 assumed" in shown
    assert shown.index("Assumed.") < shown.index("Live.")
    assert "| verified 2026-01-01 |" in shown
    assert "| **differs**, 2026-01-01 |" in shown
    assert "| verified 2026-01-01, not since |" in table(found, date(2026, 7, 1))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"source": "sdk"}, "has evidence"),
        ({"evidence": "a guess"}, "has evidence"),
        ({"source": "docs", "evidence": "https://x"}, "have a date"),
        ({"differs": True}, "only a live run"),
        ({"source": "gossip"}, "Input should be"),
        ({"check": "somewhere"}, "pattern"),
        ({"sorce": "sdk"}, "Extra inputs"),
    ],
)
def test_an_entry_that_claims_too_much_is_refused(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = tmp_path / "ledger.toml"
    lines = [f"{k} = {str(v).lower() if isinstance(v, bool) else repr(v)}" for k, v in behaviour(**changes).items()]
    path.write_text("[[behaviour]]\n" + "\n".join(lines))
    with pytest.raises(WorldError, match=said):
        read_ledger(path)


def test_an_id_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.toml"
    entry = "[[behaviour]]\n" + "\n".join(f"{key} = {value!r}" for key, value in behaviour().items()) + "\n"
    path.write_text(entry * 2)
    with pytest.raises(WorldError, match=r"a\.b is there twice"):
        read_ledger(path)


def test_writing_changes_what_stands_between_the_marks_alone(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(f"before\n{BEGIN}old\n{END}after\n")
    write(path, "new\n")
    assert path.read_text() == f"before\n{BEGIN}new\n{END}after\n"
    path.write_text("no marks")
    with pytest.raises(WorldError, match="has no marks"):
        write(path, "new")


LEDGER_OF_TWO = """# What is known.

[[behaviour]]
id = "a.one"
what = "One."
matters = "Much."
source = "docs"
evidence = "https://example.com"
date = 2026-01-01
switches = ["x"]
check = "tests/unit/test_x.py::test_x"

[[behaviour]]
id = "a.two"
what = "Two."
matters = "Little."
source = "assumed"
check = "tests/unit/test_x.py::test_y"
"""


@pytest.mark.parametrize("differs", [True, False])
def test_a_live_run_is_noted_in_the_ledger_and_nothing_else_changes(differs: bool, tmp_path: Path) -> None:
    path = tmp_path / "ledger.toml"
    path.write_text(record(LEDGER_OF_TWO, {"a.one": differs}, date(2026, 12, 1)), encoding="utf-8")
    one, two = read_ledger(path)
    assert (one.source, one.evidence, one.date, one.differs) == (
        "live",
        "evidence/a.one.json",
        date(2026, 12, 1),
        differs,
    )
    assert (one.what, one.switches) == ("One.", ("x",))
    assert (two.source, two.evidence) == ("assumed", None)
    again = record(path.read_text(encoding="utf-8"), {"a.one": differs}, date(2026, 12, 1))
    assert again == path.read_text(encoding="utf-8")
