"""No module of the package imports itself through others; imports inside functions and for types count, too."""

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

from benchmarks._import_graph import circles


def test_there_is_no_circle_of_imports() -> None:
    graph = grimp.build_graph("benchmark_qa", exclude_type_checking_imports=False, cache_dir=None)
    sorter = TopologicalSorter({module: graph.find_modules_directly_imported_by(module) for module in graph.modules})
    try:
        sorter.prepare()
    except CycleError as error:
        raise AssertionError(" imports ".join(error.args[1])) from None


@pytest.mark.parametrize(
    ("imports", "number"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, 0),
        ({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}, 1),
        ({"a": {"b"}, "b": {"a", "c"}, "c": {"d"}, "d": {"c"}}, 2),
        ({"a": {"b", "c"}, "b": {"a"}, "c": {"a"}}, 1),
    ],
)
def test_circles_are_counted_as_groups_of_modules_that_reach_each_other(
    imports: dict[str, set[str]], number: int
) -> None:
    assert circles(imports) == number
