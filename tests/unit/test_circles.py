"""No module of the package imports itself through others; imports inside functions and for types count, too."""

from graphlib import CycleError, TopologicalSorter

import grimp


def test_there_is_no_circle_of_imports() -> None:
    graph = grimp.build_graph("benchmark_qa", exclude_type_checking_imports=False, cache_dir=None)
    sorter = TopologicalSorter({module: graph.find_modules_directly_imported_by(module) for module in graph.modules})
    try:
        sorter.prepare()
    except CycleError as error:
        raise AssertionError(" imports ".join(error.args[1])) from None
