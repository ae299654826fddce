"""What the conformance suite notices: mutants of handlers and of the SDK's members, as the README's table has them."""

import json
import os
from pathlib import Path

import pytest

from emulator.world import World

from .conformance import coverage_table, mutants
from .conformance.registry import CHECKS
from .conformance.state import State
from .test_conformance import world

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_mutant_is_noticed(tmp_path: Path) -> None:
    """With WRITE=1 in the environment the README's table is written anew."""
    assert coverage_table.table()  # It registers the checks.
    tried = mutants.try_all(tmp_path, World.parse(json.dumps(world())))
    if os.environ.get("WRITE"):
        before, begin, rest = mutants.README.read_text(encoding="utf-8").partition(mutants.BEGIN)
        assert begin, "the README has no mark for the table"
        after = mutants.END + rest.partition(mutants.END)[2]
        mutants.README.write_text(before + begin + mutants.table(tried) + after, encoding="utf-8")
    assert [one.unnoticed for one in tried] == [[] for _ in tried]
    assert mutants.written() == mutants.table(tried)


def test_the_table_is_of_all_that_there_is_now() -> None:
    """A handler or a member that came since has no mutant in the table: `WRITE=1 make emulator-mutants`."""
    number = {
        line.split(" | ")[0].strip("| "): int(line.split(" | ")[1]) for line in mutants.written().splitlines()[2:]
    }
    members = {target for check in CHECKS for target in check.targets}
    assert number["the SDK's members, answer emptied or call left out"] == len(members)
    both = sum(n for what, n in number.items() if what.startswith("handlers"))
    assert len(mutants.handler_names()) <= both <= 2 * len(mutants.handler_names())


def test_an_emptied_answer_has_nothing_in_it() -> None:
    assert mutants.emptied({"results": [1], "next_page_token": "t"}) == {"results": [], "next_page_token": "t"}
    assert mutants.emptied({"title": "t"}) == {}
    assert mutants.emptied([1]) == []
    assert [mutants.emptied(one) for one in ("text", 3, True)] == [None] * 3


def test_what_was_changed_is_seen_and_put_back() -> None:
    emulator = World.model_validate({"switches": {"largest_bundle": 7}})
    held = {"list": [1], "set": {2}, "thing": emulator.switches, "deep": {"a": {}}}
    state = State([held])
    assert not state.changed()
    held["list"].append(2)
    held["set"].clear()
    emulator.switches.largest_bundle = 8
    held["deep"]["a"]["b"] = 1
    held["more"] = 1
    assert state.changed()
    state.restore()
    assert held == {"list": [1], "set": {2}, "thing": emulator.switches, "deep": {"a": {}}}
    assert emulator.switches.largest_bundle == 7
    assert not state.changed()
