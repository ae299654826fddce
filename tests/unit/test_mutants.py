"""The mutants' rooms name modules and tests that exist, and the last result of each room is good enough."""

import pytest

from tests.mutants import AIM, PAGE, ROOMS, ROOT, sections_of


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_names_modules_and_tests_that_exist(name: str) -> None:
    files = [f"agents/benchmark_qa/{module}.py" for module in ROOMS[name].modules]
    files += [f"tests/unit/{path}" for path in ROOMS[name].tests]
    assert [path for path in files if not (ROOT / path).exists()] == []


def test_no_module_is_in_two_rooms() -> None:
    modules = [module for room in ROOMS.values() for module in room.modules]
    assert len(modules) == len(set(modules))


@pytest.mark.parametrize("name", ROOMS)
def test_the_last_run_killed_enough_and_lists_what_survived(name: str) -> None:
    section = sections_of(PAGE.read_text(encoding="utf-8"))[name]
    first, _, rest = section.partition("\n")
    mutants, survive = int(first.split()[0]), int(first.split()[-2])
    assert 100 * (mutants - survive) / mutants >= AIM
    assert rest.count("\n| ") == (survive + 2 if survive else 0)
